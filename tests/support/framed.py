"""Makes folders of numbered frames."""

import cv2
import numpy as np


def pictures(count, size=(48, 64)):
  """Smooth RGB images, no two alike."""
  y, x = np.mgrid[: size[0], : size[1]]
  frame = lambda n: np.stack([4 * x, 5 * y, np.full_like(x, 9 * n)], -1)
  return [frame(n).astype(np.uint8) for n in range(count)]


def write(folder, names, images=None):
  """Writes the images as files of these names; returns the folder."""
  folder.mkdir(parents=True, exist_ok=True)
  for name, image in zip(names, images or pictures(len(names)), strict=True):
    suffix = name[name.rindex('.') :]
    (folder / name).write_bytes(
      cv2.imencode(suffix, image[..., 2::-1])[1].tobytes()
    )
  return folder


def numbered(count, pattern='img_{:05d}.png', start=1):
  return [pattern.format(n) for n in range(start, start + count)]
