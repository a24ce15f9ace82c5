"""Moving digits with boxes: three at once, each with a motion of its own.

Every digit moves through the same eight places of its box, in the order of its
motion. The frames inside a box therefore tell nothing of its class unless their
order is known. Two boxes together tell more: where both digits are in one frame
shows how their motions relate.
"""

import os
import pathlib
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import csv_files, digits
from i2v_jax.data.sets.digits import DIGIT, FPS, MOTIONS, STEP

SIZE = 64  # pixels, of the frame
CELL = (32, 16)  # pixels, width and height; a digit stays in its cell
CELLS = [
  (x, y) for y in range(0, SIZE, CELL[1]) for x in range(0, SIZE, CELL[0])
]
BOX = (DIGIT + 7 * STEP + 2, DIGIT + 2)  # the path, and a pixel around it
TIME = '0.5'  # seconds, of the key frame: the fifth of eight
LABELS = {  # motion -> labels of its box
  'moves right': ('moves right', 'passes'),
  'moves left': ('moves left', 'passes'),
  'right and back': ('returns',),
  'left and back': ('returns',),
}
COUNT = 3  # digits of a clip
COLUMNS = ('file', 'time', 'x1', 'y1', 'x2', 'y2')
# How far the edges of proposals are off, in sides of the box: about 99 of 100
# have an intersection over union above one half, and 0.75 on average.
JITTER = 0.1


class Moving(NamedTuple):
  """A digit of a clip: uint8 [12, 12], its motion, its box in pixels."""

  image: np.ndarray
  motion: str
  box: tuple[int, int, int, int]


def place(cell: int, rng) -> tuple[int, int, int, int]:
  """Places a box x1, y1, x2, y2 in one of `CELLS`, in pixels."""
  room = np.subtract(CELL, BOX)
  x, y = (np.array(CELLS[cell]) + rng.integers(room, endpoint=True)).tolist()
  return x, y, x + BOX[0], y + BOX[1]


def draw(parts: list[Moving]) -> np.ndarray:
  """Draws a clip, uint8 RGB [8, 64, 64, 3], of digits on black."""
  frames = np.zeros((len(MOTIONS['moves right']), SIZE, SIZE, 3), np.uint8)
  for part in parts:
    top = part.box[1] + 1
    for frame, step in zip(frames, MOTIONS[part.motion], strict=True):
      left = part.box[0] + 1 + STEP * step
      frame[top : top + DIGIT, left : left + DIGIT] = part.image[..., None]
  return frames


def generate(
  root: str, num_train: int = 16, num_val: int = 12, seed: int = 0
) -> None:
  """Writes clips, their boxes and proposals unless `root` exists.

  The folder is created atomically. It holds `{train,val}/NNNNN.mp4`, and
  `{train,val}.csv` with a row per box and label, in shares of the frame.
  `val_proposals.csv` has what a detector would find: each box, more or less,
  and in every clip one box on a cell that is empty.
  """
  if os.path.isdir(root):
    return
  with digits.creating(root) as folder:
    for number, (name, count) in enumerate(
      (('train', num_train), ('val', num_val))
    ):
      _generate_split(folder, name, count, [seed, number])


def _generate_split(folder: pathlib.Path, split: str, count: int, seed) -> None:
  rng = np.random.default_rng(seed)
  images, _ = digits.load_images()[split]
  motions = rng.permutation(np.resize([*MOTIONS], COUNT * count))
  (folder / split).mkdir(parents=True)
  rows, proposals = [], []
  for i in range(count):
    *cells, empty = rng.permutation(len(CELLS))[: COUNT + 1]
    parts = [
      Moving(images[rng.integers(len(images))], str(motion), place(cell, rng))
      for cell, motion in zip(cells, motions[i::count], strict=True)
    ]
    name = f'{split}/{i:05d}.mp4'
    digits.write_video(folder / name, draw(parts), FPS)
    for person, part in enumerate(parts, start=1):
      box = np.divide(part.box, SIZE).tolist()
      rows += [(name, TIME, *box, x, person) for x in LABELS[part.motion]]
    found = [*(part.box for part in parts), place(empty, rng)]
    proposals += [(name, TIME, *row) for row in propose(found, rng)]
  heads = [*COLUMNS, 'label', 'person'], [*COLUMNS, 'score']
  csv_files.write(folder / f'{split}.csv', heads[0], rows)
  if split == 'val':
    csv_files.write(folder / f'{split}_proposals.csv', heads[1], proposals)


def propose(boxes: list, rng) -> list[list[float]]:
  """Makes rows x1, y1, x2, y2, score of what a detector would find.

  Args:
    boxes: x1, y1, x2, y2 of each in pixels; the last is of an empty place.
    rng: NumPy's generator.
  """
  # Short of the middle, so that opposite edges do not meet.
  off = rng.normal(0, JITTER, (len(boxes), 4)).clip(-0.45, 0.45)
  found = ((boxes + off * (BOX * 2)) / SIZE).clip(0, 1)
  scores = rng.beta(8, 2, len(boxes))  # around 0.8
  scores[-1] = rng.beta(4, 4)  # around 0.5
  return np.column_stack([found, scores]).round(5).tolist()
