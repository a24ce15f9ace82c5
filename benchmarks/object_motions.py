"""Where objects are in each frame, for 18 motions.

Nine pairs. The second motion of a pair is the first reversed in time, drawn
from the same distribution, so that a frame, or a bag of frames, cannot tell
them apart. `hit` and `pretend to hit` are the exception: each is its own
reverse, and in both the gap between the two objects closes and opens alike;
they differ in which object opens it.
"""

from typing import NamedTuple

import numpy as np

TOUCH = 0.85  # distance of touching objects; the rest is their shadow


class Track(NamedTuple):
  """Where a picture is in each frame, [T] each, in sides of the frame.

  Attributes:
    what: `object`, `other` (a second object), `hand` or `cover`.
    x: column of the centre.
    y: row of the centre.
    size: side of the picture.
    angle: in degrees, clockwise.
  """

  what: str
  x: np.ndarray
  y: np.ndarray
  size: np.ndarray
  angle: np.ndarray


class Scene(NamedTuple):
  """A clip before it is drawn.

  Attributes:
    tracks: from back to front.
    camera: [T, 2], x and y of the view in sides of the frame; moves all.
  """

  tracks: tuple[Track, ...]
  camera: np.ndarray

  def reverse(self) -> 'Scene':
    """The same scene, last frame first."""
    turn = lambda track: Track(track.what, *(a[::-1] for a in track[1:]))
    return Scene(tuple(map(turn, self.tracks)), self.camera[::-1])


def make_track(what: str, time, x, y, size, angle=0.0) -> Track:
  """A track whose numbers may be the same in all frames."""
  full = lambda value: np.broadcast_to(np.asarray(value, float), time.shape)
  return Track(what, *map(full, (x, y, size, angle)))


def draw_progress(time, rng, ease: bool = True):
  """From 0 to 1 by a random speed: waits, moves, waits."""
  start, end = rng.uniform(0, 0.25), rng.uniform(0.75, 1)
  u = np.clip((time - start) / (end - start), 0, 1)
  if not ease:
    return u
  u, power = u ** rng.uniform(0.75, 1.35), rng.uniform(1, 2)
  return u**power / (u**power + (1 - u) ** power)


def draw_size(rng) -> float:
  return rng.uniform(0.3, 0.42)


def with_hand(time, x, y, size, rng) -> tuple[Track, Track]:
  """An object and a hand that holds it from below, on either side."""
  lean, grip = rng.uniform(-0.25, 0.25) * size, rng.uniform(0.5, 0.65) * size
  hand = rng.uniform(0.32, 0.4)
  return (
    make_track('object', time, x, y, size, rng.uniform(-20, 20)),
    make_track('hand', time, x + lean, y + grip, hand, -100 * lean),
  )


def push_right(time, rng):
  far = rng.uniform(0.35, 0.6)
  x = rng.uniform(0.18, 0.82 - far) + far * draw_progress(time, rng)
  return with_hand(time, x, rng.uniform(0.3, 0.6), draw_size(rng), rng)


def lift(time, rng):
  far = rng.uniform(0.35, 0.55)
  y = rng.uniform(0.2 + far, 0.78) - far * draw_progress(time, rng)
  return with_hand(time, rng.uniform(0.25, 0.75), y, draw_size(rng), rng)


def drop(time, rng):
  """Falls faster and faster, then lies still."""
  far = rng.uniform(0.5, 0.65)
  y = rng.uniform(0.15, 0.85 - far) + far * draw_progress(time, rng, False) ** 2
  x, angle = rng.uniform(0.2, 0.8), rng.uniform(-30, 30)
  return (make_track('object', time, x, y, draw_size(rng), angle),)


def approach(time, rng):
  far = rng.uniform(0.2, 0.28)
  size = far * rng.uniform(2, 2.8) ** draw_progress(time, rng)
  x, y = rng.uniform(0.35, 0.65, 2)
  return (make_track('object', time, x, y, size, rng.uniform(-20, 20)),)


def turn_clockwise(time, rng):
  angle = rng.uniform(0, 360) + rng.uniform(90, 250) * draw_progress(time, rng)
  x, y = rng.uniform(0.3, 0.7, 2)
  return (make_track('object', time, x, y, rng.uniform(0.38, 0.52), angle),)


def draw_covering(time, rng):
  """Places along a row, of what moves and of what stays; and other numbers.

  Returns:
    x of what moves, x of what stays, y, the sizes of object and cover, and the
    angle of the object.
  """
  size = draw_size(rng) * 0.85
  y, board = rng.uniform(0.35, 0.65), size * rng.uniform(1.05, 1.25)
  far = (size + board) / 2 + rng.uniform(0, 0.06)
  far *= rng.choice((-1, 1))
  start = 0.5 - far / 2 + rng.uniform(-0.08, 0.08)
  moving = start + far * draw_progress(time, rng)
  return moving, start + far, y, size, board, rng.uniform(-20, 20)


def hide(time, rng):
  """The object goes behind a cover that stays."""
  moving, still, y, size, board, angle = draw_covering(time, rng)
  return (
    make_track('object', time, moving, y, size, angle),
    make_track('cover', time, still, y, board),
  )


def cover(time, rng):
  """The cover goes over an object that stays."""
  moving, still, y, size, board, angle = draw_covering(time, rng)
  return (
    make_track('object', time, still, y, size, angle),
    make_track('cover', time, moving, y, board),
  )


def come_together(time, rng):
  """Two objects that end next to each other."""
  size, tilt = draw_size(rng) * 0.85, rng.uniform(-0.5, 0.5)
  far = rng.uniform(0.55, 0.7) * np.array([np.cos(tilt), np.sin(tilt)])
  gap = TOUCH * size / np.hypot(*far)
  share = 1 - (1 - gap) * draw_progress(time, rng)
  x, y = rng.uniform(0.45, 0.55, 2)
  half = far[:, None] * share / 2
  return tuple(
    make_track(what, time, x + side * half[0], y + side * half[1], size)
    for what, side in zip(
      ('object', 'other'), rng.permuted((-1, 1)), strict=True
    )
  )


def draw_meeting(time, rng):
  """How far two objects are apart as they meet and part, and the sizes."""
  size, far = draw_size(rng) * 0.75, rng.uniform(0.19, 0.26)
  meet = rng.uniform(0.4, 0.6)
  before = np.clip(time / meet, 0, 1) ** rng.uniform(1, 1.5)
  after = np.clip((1 - time) / (1 - meet), 0, 1) ** rng.uniform(1, 1.5)
  way = rng.choice((-1, 1))
  x, y = rng.uniform(0.45, 0.55), rng.uniform(0.3, 0.7)
  return size, x, y, way, far * (1 - before), far * (1 - after)


def hit(time, rng):
  """One goes to the other, stops there, and the other goes on."""
  size, x, y, way, before, after = draw_meeting(time, rng)
  touch = TOUCH * size / 2
  return (
    make_track('other', time, x + way * (touch + after), y, size),
    make_track('object', time, x - way * (touch + before), y, size),
  )


def pretend_to_hit(time, rng):
  """One goes to the other and back; the other stays."""
  size, x, y, way, before, after = draw_meeting(time, rng)
  touch = TOUCH * size / 2
  return (
    make_track('other', time, x + way * touch, y, size),
    make_track('object', time, x - way * (touch + before + after), y, size),
  )


FORWARD = {
  'push right': push_right,
  'lift': lift,
  'drop': drop,
  'approach': approach,
  'turn clockwise': turn_clockwise,
  'hide': hide,
  'come together': come_together,
  'cover': cover,
}
REVERSED = {  # motion -> the one it is, last frame first
  'push left': 'push right',
  'lower': 'lift',
  'throw up': 'drop',
  'recede': 'approach',
  'turn anticlockwise': 'turn clockwise',
  'take out': 'hide',
  'move apart': 'come together',
  'uncover': 'cover',
}
PAIRS = tuple((first, second) for second, first in REVERSED.items())
PAIRS += (('hit', 'pretend to hit'),)
MOTIONS = tuple(name for pair in PAIRS for name in pair)


def make_scene(motion: str, frames: int, rng) -> Scene:
  """Draws a scene of a motion.

  Args:
    motion: one of `MOTIONS`.
    frames: T.
    rng: NumPy generator.
  """
  if motion in REVERSED:
    return make_scene(REVERSED[motion], frames, rng).reverse()
  time = np.linspace(0, 1, frames)
  make = FORWARD | {'hit': hit, 'pretend to hit': pretend_to_hit}
  return Scene(make[motion](time, rng), _draw_camera(time, rng))


def _draw_camera(time, rng) -> np.ndarray:
  """A slow drift and a shake, [T, 2]."""
  drift = rng.uniform(-0.06, 0.06, 2) * (time[:, None] - 0.5)
  waves = rng.uniform(2, 9, 2) * time[:, None] + rng.uniform(0, 7, 2)
  return drift + rng.uniform(0, 0.008) * np.sin(waves)
