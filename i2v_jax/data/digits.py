"""Moving digits: real handwriting, real video files, motion as the label.

A clip played backwards shows the same frames and carries the opposite label,
so neither a single frame nor the set of them says which way a digit moves.
"""

import os
import pathlib
import shutil

import av
import cv2
import numpy as np

SIZE, DIGIT = 32, 12  # pixels, of the frame and of the digit in it
ROOM = SIZE - DIGIT  # the digit's left and top edge lie in 0..ROOM
NUM_FRAMES, FPS = 17, 12
MOTIONS = {  # class -> pixels per frame in x (right) and y (down)
  'moving right': (1, 0),
  'moving left': (-1, 0),
  'moving down': (0, 1),
  'moving up': (0, -1),
  'moving down-right': (1, 1),
  'moving up-left': (-1, -1),
  'moving up-right': (1, -1),
  'moving down-left': (-1, 1),
}


def load_images() -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """scikit-learn's digits as `{split: (uint8 [n, 12, 12], labels [n])}`.

  1,437 images to train with and 360 of `val` that nothing is trained on.
  """
  from sklearn.datasets import load_digits  # only the demo needs it

  digits = load_digits()
  small = (digits.images * (255 / 16)).astype(np.uint8)
  images = np.stack([cv2.resize(image, (DIGIT, DIGIT)) for image in small])
  order = np.random.default_rng(0).permutation(len(images))
  parts = {'train': order[:1437], 'val': order[1437:]}
  return {k: (images[i], digits.target[i]) for k, i in parts.items()}


def render(images: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Draws each digit at its place on a black frame.

  Args:
    images: uint8 [n, 12, 12].
    x: int [n], column of the left edge of each, 0 to `ROOM`.
    y: int [n], row of the top edge of each, 0 to `ROOM`.

  Returns:
    uint8 RGB [n, 32, 32, 3].
  """
  frames = np.zeros((len(images), SIZE, SIZE, 3), np.uint8)
  rows = np.asarray(y)[:, None, None] + np.arange(DIGIT)[:, None]
  columns = np.asarray(x)[:, None, None] + np.arange(DIGIT)
  which = np.arange(len(images))[:, None, None]
  frames[which, rows, columns] = images[..., None]
  return frames


def moving(image: np.ndarray, motion: str, rng) -> np.ndarray:
  """A clip `[17, 32, 32, 3]` of one digit crossing the middle of the frame."""
  half = NUM_FRAMES // 2
  x, y = rng.integers(half, ROOM - half, size=2, endpoint=True)
  dx, dy = MOTIONS[motion]
  time = np.arange(NUM_FRAMES) - half
  images = np.broadcast_to(image, (NUM_FRAMES, *image.shape))
  return render(images, x + dx * time, y + dy * time)


def generate(
  root: str, num_train: int = 1600, num_val: int = 400, seed: int = 0
) -> None:
  """Writes `root/{train,val}/<motion>/NNNN.mp4` unless `root` is there.

  The folder appears whole or not at all.
  """
  if os.path.isdir(root):
    return
  partial = pathlib.Path(f'{root}.partial-{os.getpid()}')
  for number, (split, count) in enumerate(
    [('train', num_train), ('val', num_val)]
  ):
    _generate_split(partial / split, split, count, [seed, number])
  try:
    partial.rename(root)
  except OSError:  # another process was faster
    shutil.rmtree(partial)
    if not os.path.isdir(root):
      raise


def _generate_split(folder: pathlib.Path, split: str, count: int, seed) -> None:
  rng = np.random.default_rng(seed)
  images, _ = load_images()[split]
  motions = list(MOTIONS)
  for motion in motions:
    (folder / motion).mkdir(parents=True)
  for i in range(count):
    motion = motions[i % len(motions)]
    image = images[rng.integers(len(images))]
    frames = moving(image, motion, rng)
    write_video(folder / motion / f'{i:05d}.mp4', frames, FPS)


def write_video(path, frames: np.ndarray, fps: int) -> None:
  """Encodes uint8 RGB `[T, H, W, 3]` to H.264; even sizes only."""
  with av.open(str(path), 'w') as container:
    stream = container.add_stream('libx264', rate=fps)
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt = 'yuv420p'
    stream.codec_context.thread_count = 1
    stream.options = {'crf': '18', 'preset': 'veryfast'}
    for frame in frames:
      picture = av.VideoFrame.from_ndarray(frame, format='rgb24')
      container.mux(stream.encode(picture))
    container.mux(stream.encode())
