"""Windows: the spans of frames of a video that a model sees one by one."""

from typing import NamedTuple

import numpy as np

from i2v_jax.data.videos.video_info import VideoInfo
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

ROUNDING = 1e-6  # seconds; a frame at 0.1 is in a window from 0.1 on
Span = tuple[int, int]  # First frame, and the one after the last.


class Sliding(NamedTuple):
  """A window that slides over a video.

  Attributes:
    seconds: its length; 0 if `frames` gives it.
    step: seconds from one window to the next; None for half its length.
    frames: its length in frames of each video.
  """

  seconds: float
  step: float | None = None
  frames: int = 0

  def find_length(self, info: VideoInfo) -> float:
    """Finds its length in seconds, for a video."""
    return self.seconds or self.frames * info.duration / info.frames


class Each(NamedTuple):
  """Every frame a window of its own.

  Attributes:
    step: seconds; the first frame from each multiple of it on is a window. 0
      for all frames.
  """

  step: float = 0.0


Windows = Sliding | Each | None  # None: the complete video is the only one


def make_sliding(seconds: float | None, step: float | None = None) -> Windows:
  """Makes windows that slide, or None without their length.

  Raises:
    UserError: a value is out of its range, or a step has no window.
  """
  if seconds is None:
    if step is not None:
      raise UserError('--step is from one window to the next; give --window.')
    return None
  windows = Sliding(seconds, step)
  check_windows(windows)
  return windows


def check_windows(windows: Windows) -> None:
  """Raises UserError for lengths and steps that no video can have."""
  if isinstance(windows, Sliding):
    if not windows.frames:
      ranges.POSITIVE('--window', windows.seconds)
    if windows.step is not None:
      ranges.POSITIVE('--step', windows.step)
      if not windows.frames:
        _check_step(windows.seconds, windows.step)
  elif isinstance(windows, Each):
    ranges.NOT_NEGATIVE('--step', windows.step)


def _check_step(seconds: float, step: float) -> None:
  if step > seconds:
    raise UserError(
      f'--step is {step:g} seconds, more than the window of {seconds:g}, so '
      'that moments between two windows would not be seen; give a smaller step.'
    )


def place_windows(info: VideoInfo, windows: Windows) -> list[Span]:
  """Places the windows of a video.

  Raises:
    UserError: a window is shorter than a frame.
  """
  if windows is None:
    return [(0, info.frames)]
  if isinstance(windows, Each):
    return _choose_frames(info, windows.step)
  return split_windows(info, windows.find_length(info), windows.step)


def split_windows(
  info: VideoInfo, seconds: float, step: float | None = None
) -> list[Span]:
  """Splits a video into frame spans of `seconds`, half overlapping by default.

  The last window ends with the video, and so overlaps more where the step does
  not divide its length. A video shorter than a window is one window.

  Args:
    info: of the video.
    seconds: length of a window.
    step: seconds from one to the next.

  Raises:
    UserError: `seconds` is less than a frame, or invalid.
  """
  check_windows(Sliding(seconds, step))
  frame = info.duration / info.frames
  if seconds < frame * (1 - 1e-9):
    raise UserError(
      f'--window is {seconds:g} seconds, less than a frame of this video; give '
      f'{frame:.3g} or more.'
    )
  last = max(info.duration - seconds, 0.0)
  starts = np.arange(0.0, last - ROUNDING, step or seconds / 2)
  starts = np.append(starts, last) - ROUNDING
  first = np.searchsorted(info.times, starts)
  stop = np.searchsorted(info.times, starts + seconds)
  stop[-1] = info.frames  # whatever the rounding of the last start
  spans = zip(first.tolist(), stop.tolist(), strict=True)
  return [span for span in dict.fromkeys(spans) if span[0] < span[1]]


def find_seconds(info: VideoInfo, spans: list[Span]) -> np.ndarray:
  """Finds start and end of spans, in seconds: float64 [n, 2]."""
  edges = np.append(np.asarray(info.times, np.float64), info.duration)
  return edges[np.array(spans, np.int64).reshape(-1, 2)]


def _choose_frames(info: VideoInfo, step: float) -> list[Span]:
  """Chooses the first frame from each multiple of `step` on, or all."""
  if not step:
    return [(frame, frame + 1) for frame in range(info.frames)]
  times = np.arange(0.0, info.times[-1] + ROUNDING, step) - ROUNDING
  found = dict.fromkeys(np.searchsorted(info.times, times).tolist())
  return [(frame, frame + 1) for frame in found]
