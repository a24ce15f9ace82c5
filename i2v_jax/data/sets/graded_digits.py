"""Graded motions: digits whose clips are permutations of the same 16 frames.

One digit, the mover, is at each of eight places twice: once while a second
digit, the marker, can be seen and once while it cannot. A class is an order of
these 16 frames. So neither a frame nor the bag of all frames tells the class;
to tell all, a model must see where the mover goes from frame to frame, what it
does before and after, and whether the marker was seen early or late.
"""

from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets.digits import (
  DIGIT,
  ROOM,
  SIZE,
  STEP,
  generate_classes,
)

PLACES = 8
STEPS = 2 * PLACES  # frames of a clip, before they are held
FORWARD = {  # name -> place of the mover at each of the 16 steps
  'right twice': (0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7),
  'right and back': (0, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1, 0),
  'slowly right': (0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7),
  'right, faster': (0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 4, 5, 6, 7),
  'right, bouncing': (0, 1, 2, 3, 3, 2, 1, 0, 4, 5, 6, 7, 7, 6, 5, 4),
}
BACKWARD = {
  'left twice': FORWARD['right twice'][::-1],
  'left and back': (7, 6, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7),
  'slowly left': FORWARD['slowly right'][::-1],
  'left, slower': FORWARD['right, faster'][::-1],
  'left, bouncing': FORWARD['right, bouncing'][::-1],
}
PATHS = FORWARD | BACKWARD
MARKERS = ('early', 'late')


class Motion(NamedTuple):
  """The order of the 16 frames of a class.

  Attributes:
    places: of the mover at each step.
    marked: whether the marker can be seen at each step.
  """

  places: tuple[int, ...]
  marked: tuple[bool, ...]


def make_motion(path: str, marker: str) -> Motion:
  """The marker is seen at the first visit of each place, or at the second."""
  places = PATHS[path]
  first = [place not in places[:i] for i, place in enumerate(places)]
  return Motion(places, tuple(new == (marker == 'early') for new in first))


# Reversed in time, a class is another one: early is late, and right is left.
MOTIONS = {
  f'{path}, {marker}': make_motion(path, marker)
  for path in PATHS
  for marker in MARKERS
}


class Style(NamedTuple):
  """How hard a clip is to read.

  Attributes:
    hold: frames of a step.
    noise: standard deviation of what is added to each pixel, in grey levels.
    distractors: digits at random places of each frame, other ones in each.
  """

  hold: int = 1
  noise: float = 0.0
  distractors: int = 0


def make_clip(images: np.ndarray, motion: Motion, style: Style, rng):
  """Draws a clip, uint8 RGB `[16 hold, 32, 32, 3]`.

  Args:
    images: uint8 [n, 12, 12], of which each digit is drawn.
    motion: the order of the frames.
    style: what is added to them.
    rng: NumPy generator.
  """
  mover, marker = images[rng.integers(len(images), size=2)]
  places = np.repeat(motion.places, style.hold)
  marked = np.repeat(motion.marked, style.hold)
  x = rng.integers(ROOM - STEP * (PLACES - 1), endpoint=True)
  rows = rng.permuted([rng.integers(5), ROOM - rng.integers(5)])
  aside = rng.integers(ROOM, endpoint=True)
  frames = np.zeros((len(places), SIZE, SIZE), np.uint8)
  for frame, place, seen in zip(frames, places, marked, strict=True):
    for image in images[rng.integers(len(images), size=style.distractors)]:
      _add(frame, image // 2, *rng.integers(ROOM, size=2, endpoint=True))
    _add(frame, mover, rows[0], x + STEP * place)
    if seen:
      _add(frame, marker, rows[1], aside)
  noisy = frames + rng.normal(0, style.noise, frames.shape)
  grey = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
  return np.repeat(grey[..., None], 3, axis=-1)


def _add(frame_HxW, image, y: int, x: int) -> None:
  """Draws a digit; of what is there already the brighter stays."""
  part = frame_HxW[y : y + DIGIT, x : x + DIGIT]
  np.maximum(part, image, out=part)


def generate(
  root: str,
  num_train: int = 40,
  num_val: int = 20,
  seed: int = 0,
  hold: int = 1,
  noise: float = 0.0,
  distractors: int = 0,
) -> None:
  """Writes `root/{train,val}/<motion>/NNNNN.mp4` unless `root` exists.

  Args:
    root: the folder, which is created atomically.
    num_train: number of training clips.
    num_val: number of validation clips, of digits that training has not.
    seed: decides all.
    hold: frames of each of the 16 steps.
    noise: as in `Style`.
    distractors: as in `Style`.
  """
  style = Style(hold, noise, distractors)

  def make(images, motion, rng):
    return make_clip(images, MOTIONS[motion], style, rng)

  generate_classes(root, [*MOTIONS], make, num_train, num_val, seed)
