"""Reads the windows of a video, whose frames are decoded once.

Worker processes run `WindowReader`: nothing here imports JAX.
"""

import collections
import dataclasses
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from i2v_jax.data.clips import clips
from i2v_jax.data.loading.window_spans import (
  Windows,
  find_seconds,
  place_windows,
)
from i2v_jax.data.videos import blocks, faults
from i2v_jax.data.videos.decode import FPS, DecodeError, open_video
from i2v_jax.runtime import process
from i2v_jax.runtime.errors import UserError

MOST_BYTES = 2**26  # of the frames of a block
MOST_FRAMES = 256
RELEASED = 100  # calls of this process after which freed memory is released
_CALLS = itertools.count(1)

Views = dict[str, np.ndarray]


class Opened(NamedTuple):
  """The windows of a video, and those of its frames that were read at once.

  Attributes:
    seconds: float64 [n, 2], start and end of each window.
    places: int64 [n, k], the frames that each needs.
    blocks: numbers of all needed frames, in parts that are read one by one.
    frames: uint8 [m, H, W, 3] of the first block, if there are views to come.
    views: of the window, if it is the only one and all its frames are read.
  """

  seconds: np.ndarray
  places: np.ndarray
  blocks: list[np.ndarray]
  frames: np.ndarray | None
  views: Views | None


@dataclasses.dataclass(frozen=True)
class WindowReader:
  """Reads a video's first block of frames with its windows, or another block.

  Attributes:
    spec: how views are made.
    windows: where they are.
    fps: frames per second of videos that are folders of frames.
    seconds: time limit of a call; 0 for none.
  """

  spec: clips.ClipSpec
  windows: Windows = None
  fps: float = FPS
  seconds: float = 0

  def __call__(
    self, path: str, numbers: np.ndarray | None = None
  ) -> Opened | np.ndarray:
    """Opens a video and reads its first block, or the frames given.

    Raises:
      DecodeError: whatever makes the video bad; one sentence with its name.
    """
    try:
      return self._read(path, numbers)
    except DecodeError:
      raise
    except MemoryError as error:
      raise DecodeError(f'{path}: {faults.describe(error)}') from error
    except faults.OF_VIDEO as error:
      raise DecodeError(str(error)) from error
    finally:
      if next(_CALLS) % RELEASED == 0:
        process.release_freed_memory()

  def find_source(self, path: str) -> str | bytes:
    """Finds what is opened of a video: its path, unless a subclass has more."""
    return path

  def _read(self, path: str, numbers: np.ndarray | None):
    side = clips.find_short_side(self.spec)
    limit = self.seconds or None
    with (
      faults.report_bugs(path),
      open_video(self.find_source(path), path, limit, self.fps) as video,
    ):
      if numbers is not None:
        return video.read(numbers, side)
      spans = self._place(path, video.info)
      places = self._place_frames(spans)
      shape = video.read([], side).shape[1:]
      most = int(np.clip(MOST_BYTES // np.prod(shape), 1, MOST_FRAMES))
      split = blocks.split_blocks(video, np.unique(places), min(32, most), most)
      frames, views = video.read(split[0], side), None
      if len(spans) == 1 == len(split):
        views = clips.make_views(
          frames[np.searchsorted(split[0], places[0])], self.spec
        )
        frames = None
      return Opened(
        find_seconds(video.info, spans), places, split, frames, views
      )

  def _place(self, path: str, info) -> list[tuple[int, int]]:
    try:
      return place_windows(info, self.windows)
    except UserError as error:  # a window that this video is too coarse for
      raise DecodeError(f'{path}: {error}') from error

  def _place_frames(self, spans: list[tuple[int, int]]) -> np.ndarray:
    """Places the frames of each window: int64 [n, k]."""
    counts = {stop - first for first, stop in spans}
    inside = {n: clips.place_test_frames(n, self.spec) for n in counts}
    return np.array([first + inside[stop - first] for first, stop in spans])


class Assembly:
  """Makes windows of blocks of frames that arrive in order.

  Frames are kept until no later window needs them.

  Args:
    opened: the windows, and the first block.
    spec: how views are made.
  """

  def __init__(self, opened: Opened, spec: clips.ClipSpec):
    self._places, self._spec = opened.places, spec
    self._kept: collections.deque = collections.deque()
    self._done = 0

  def add(self, numbers: np.ndarray, frames: np.ndarray) -> Iterator[Views]:
    """Adds the next block; yields the views of windows that are complete."""
    self._kept.append((numbers, frames))
    while self._done < len(self._places):
      places = self._places[self._done]
      if places.max() > numbers[-1]:
        break
      while self._kept[0][0][-1] < places.min():
        self._kept.popleft()
      yield clips.make_views(self._take(places), self._spec)
      self._done += 1

  def _take(self, places: np.ndarray) -> np.ndarray:
    shape = self._kept[0][1].shape[1:]
    taken = np.empty((len(places), *shape), np.uint8)
    for numbers, frames in self._kept:
      here = (places >= numbers[0]) & (places <= numbers[-1])
      taken[here] = frames[np.searchsorted(numbers, places[here])]
    return taken
