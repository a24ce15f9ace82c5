"""The index of a video file: its frames, their times, where decoding starts."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from i2v_jax.data.videos.display import Display
from i2v_jax.data.videos.video_info import VideoInfo, to_times

NO_TIME = np.iinfo(np.int64).min  # FFmpeg's AV_NOPTS_VALUE


class Key(NamedTuple):
  """A packet where decoding can start."""

  frame: int  # The first frame that decodes when decoding starts here.
  pts: int
  dts: int | None
  size: int  # bytes


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
  """What reading every packet of a file finds; never changed.

  Attributes:
    info: facts of the video.
    display: how its pictures are displayed.
    counts: int64 [frames], from the first frame to each in units of `base`
      seconds.
    base: a fraction.
    start: presentation time of the first frame in units of `base`; None if
      frames have none and must be counted from the start.
    keys: int64 [k, 4], the fields of each `Key`, ascending; `NO_TIME` stands
      for no `dts`.
    listed: number of packets to be displayed.
    cut: decoding cannot start at the first packet without losing frames.
    counted: whether packets do not determine the decoder's output, so that the
      frames were counted by decoding the complete file.
    one_to_one: whether a packet holds one complete frame and that frame's time.
    marked: whether the stream marks frames that no other frame references.
  """

  info: VideoInfo
  display: Display
  counts: np.ndarray
  base: Fraction
  start: int | None
  keys: np.ndarray
  listed: int
  cut: bool
  counted: bool
  one_to_one: bool
  marked: bool

  @property
  def ticks(self) -> list[int]:
    """Presentation times of the frames, ascending; empty if they have none."""
    return [] if self.start is None else (self.counts + self.start).tolist()

  def get_tick(self, frame: int) -> int:
    """Returns the presentation time of a frame that has one."""
    return int(self.counts[frame]) + self.start

  def find_frame(self, tick: int | None) -> int:
    """Finds the frame of a presentation time; -1 if none has it."""
    if tick is None:
      return -1
    place = int(np.searchsorted(self.counts, tick - self.start))
    found = place < len(self.counts) and self.get_tick(place) == tick
    return place if found else -1

  def find_key(self, frame: int) -> Key | None:
    """Finds where decoding must start; None means the start of the file."""
    place = int(np.searchsorted(self.keys[:, 0], frame, side='right'))
    if not place:
      return None
    key = Key(*self.keys[place - 1].tolist())
    return key._replace(dts=None) if key.dts == NO_TIME else key

  def find_starts(self, frames: np.ndarray) -> np.ndarray:
    """Finds the frame at which decoding of each of [n] frames starts."""
    starts = np.concatenate([[0], self.keys[:, 0]])
    return starts[np.searchsorted(self.keys[:, 0], frames, side='right')]


def make_times(counts: np.ndarray, base: Fraction) -> Sequence[float]:
  """Makes the times of `VideoInfo` of int64 [n] in units of `base` seconds."""
  units, second = base.as_integer_ratio()
  return to_times(counts * units / second)
