"""Films of white rectangles on black, and key frames whose boxes they are."""

import numpy as np
from encoded import encode_images

from i2v_jax.data.sets.key_frames import KeyFrames, Truth, make_rows
from i2v_jax.data.sets.sources import Split

HEIGHT, WIDTH, FPS = 96, 128, 30
BOX = (32, 24, 64, 72)  # x1, y1, x2, y2: edges in pixels
LABELS = ('stand', 'touch left', 'touch right')


def write_film(path, frames=40, size=(HEIGHT, WIDTH), box=BOX):
  """Writes a film that shows a rectangle in all frames."""
  images = np.zeros((frames, *size, 3), np.uint8)
  x1, y1, x2, y2 = box
  images[:, y1:y2, x1:x2] = 255
  return encode_images(path, 'libx264', images, {'crf': '1'})


def find_rectangle(frame) -> np.ndarray:
  """Finds edges of the white in a frame [H, W, 3]: x1, y1, x2, y2."""
  white = frame.max(axis=-1) > 127
  rows, columns = (np.flatnonzero(white.any(axis)) for axis in (1, 0))
  return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def make_shares(boxes, size=(HEIGHT, WIDTH)) -> np.ndarray:
  """Makes shares of the frame of boxes in pixels."""
  height, width = size
  return np.float32(boxes).reshape(-1, 4) / [width, height, width, height]


def make_split(paths, times, shares, labels=None, seconds=False) -> Split:
  """Makes a split of one key frame for each path.

  Args:
    paths: of videos.
    times: seconds.
    shares: of each key frame, [n, 4].
    labels: of each key frame, [n, 3]; by default the first class.
    seconds: whether paths are folders of files of one second.
  """
  counts = [len(found) for found in shares]
  rows = sum(counts)
  if labels is None:
    labels = [np.arange(3) == np.zeros((n, 1)) for n in counts]
  key_frames = KeyFrames(
    keys=[(str(n), f'{time:g}') for n, time in enumerate(times)],
    times=np.array(times, float),
    ends=np.cumsum([0, *counts]),
    boxes=np.concatenate([np.float32(found) for found in shares]),
    labels=np.concatenate([np.array(one, bool) for one in labels]),
    scores=np.ones(rows, np.float32),
    persons=[''] * rows,
    truth=Truth(make_rows([], [], []), frozenset(), np.ones(3, bool)),
    seconds=seconds,
  )
  ids = tuple(f'{video}@{time}' for video, time in key_frames.keys)
  return Split(
    tuple(map(str, paths)),
    np.full(len(ids), -1),
    LABELS,
    ids,
    key_frames=key_frames,
  )
