"""Hours of digits that stand still, and at known times move: one or two.

A moving digit steps through eight places of its row or column, again and again.
It shows each place as often whichever way it goes, so that a single frame does
not tell how it moves, or whether.
"""

import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import csv_files, digits
from i2v_jax.data.sets.digits import DIGIT, FPS, SIZE, STEP

PLACES = 8  # of a row or column; a second at 8 frames per second
PATH = DIGIT + STEP * (PLACES - 1)  # pixels
MOTIONS = {  # class -> axis (0 is x) and direction
  'moves right': (0, 1),
  'moves left': (0, -1),
  'moves down': (1, 1),
  'moves up': (1, -1),
}
SCENE = (64, 128)  # frames of a scene: the same digits, 8 to 16 seconds
MOVE = (24, 56)  # frames of a motion, 3 to 7 seconds
COLUMNS = ('file', 'start', 'end', 'label', 'split')


class Style(NamedTuple):
  """What happens in a video.

  Attributes:
    motions: classes.
    most: digits at once, 1 or 2.
    still: whether none of them ever moves.
  """

  motions: tuple[str, ...]
  most: int
  still: bool


class Digit(NamedTuple):
  """A digit of a scene.

  Attributes:
    image: uint8 [12, 12].
    corner: x and y of its first place, in pixels.
    motion: a class.
    first: place where it stands before it moves, 0 to 7.
    span: frames between which it moves, from the start of the scene; both 0
      for a digit that stands still.
  """

  image: np.ndarray
  corner: tuple[int, int]
  motion: str
  first: int
  span: tuple[int, int]

  def draw(self, frames: np.ndarray) -> None:
    """Draws it into the frames of a scene, uint8 [T, 32, 32]."""
    axis, direction = MOTIONS[self.motion]
    steps = np.clip(np.arange(len(frames)), *self.span) - self.span[0]
    places = (self.first + direction * steps) % PLACES
    for frame, place in zip(frames, places.tolist(), strict=True):
      corner = [*self.corner]
      corner[axis] += STEP * place
      x, y = corner
      part = frame[y : y + DIGIT, x : x + DIGIT]
      np.maximum(part, self.image, out=part)


def generate(
  root: str,
  num_train: int = 60,
  num_val: int = 12,
  minutes: float = 20.0,
  seed: int = 0,
  motions: Sequence[str] = tuple(MOTIONS),
  most: int = 2,
) -> None:
  """Writes `videos/NNN.mp4` and `segments.csv` unless `root` exists.

  The folder is created atomically. In every sixth video of a split, at least
  one, no digit ever moves; the table lists it without a label.

  Args:
    root: the folder.
    num_train: number of training videos.
    num_val: number of validation videos, with digits that training has not.
    minutes: length of a video.
    seed: of all draws.
    motions: classes.
    most: digits at once, 1 or 2.
  """
  if os.path.isdir(root):
    return
  rows, frames = [], round(minutes * 60 * FPS)
  with digits.creating(root) as folder:
    (folder / 'videos').mkdir(parents=True)
    for number in range(num_train + num_val):
      split = 'train' if number < num_train else 'val'
      place = number if split == 'train' else number - num_train
      rng = np.random.default_rng([seed, number])
      style = Style(tuple(motions), most, still=place % 6 == 0)
      scenes = _make_scenes(split, frames, style, rng)
      name = f'videos/{number:03d}.mp4'
      found = _write_video(folder / name, scenes)
      rows += [(name, *row, split) for row in found or [('', '', '')]]
    csv_files.write(folder / 'segments.csv', COLUMNS, rows)


def _make_scenes(
  split: str, frames: int, style: Style, rng
) -> Iterator[tuple[int, list[Digit]]]:
  """Makes the scenes of a video: their frames, and their digits."""
  images, _ = digits.load_images()[split]
  while frames > 0:
    length = min(int(rng.integers(*SCENE, endpoint=True)), frames)
    yield length, _make_digits(images, length, style, rng)
    frames -= length


def _make_digits(images, length: int, style: Style, rng) -> list[Digit]:
  """Makes one digit, or two in parallel rows or columns."""
  count, axis = rng.integers(1, style.most, endpoint=True), rng.integers(2)
  along = [name for name in style.motions if MOTIONS[name][0] == axis]
  along = along or style.motions  # all of them are along the other axis
  axis = MOTIONS[along[0]][0]
  along = rng.permutation(along)[:count].tolist()
  made = []
  for number, motion in enumerate(along):
    across = (SIZE // count - DIGIT, SIZE // count * number)
    corner = [rng.integers(SIZE - PATH, endpoint=True)] * 2
    corner[1 - axis] = across[1] + rng.integers(across[0], endpoint=True)
    made.append(
      Digit(
        images[rng.integers(len(images))],
        (int(corner[0]), int(corner[1])),
        motion,
        int(rng.integers(PLACES)),
        (0, 0) if style.still else _draw_span(length, rng),
      )
    )
  return made


def _draw_span(length: int, rng) -> tuple[int, int]:
  """Draws when a digit moves; it stands still for a second on both sides."""
  room = length - 2 * FPS
  if room < MOVE[0]:
    return 0, 0
  moving = int(rng.integers(MOVE[0], min(MOVE[1], room), endpoint=True))
  start = FPS + int(rng.integers(room - moving, endpoint=True))
  return start, start + moving


def _write_video(path: pathlib.Path, scenes) -> list[tuple[str, str, str]]:
  """Encodes scenes; returns start, end and label of each motion."""
  found, before = [], 0
  with digits.open_video(path, (SIZE, SIZE), FPS) as write:
    for length, made in scenes:
      frames = np.zeros((length, SIZE, SIZE), np.uint8)
      for digit in made:
        digit.draw(frames)
        if digit.span[1]:
          start, end = (f'{(before + x) / FPS:.3f}' for x in digit.span)
          found.append((start, end, digit.motion))
      write(np.repeat(frames[..., None], 3, axis=-1))
      before += length
  return sorted(found, key=lambda row: float(row[0]))
