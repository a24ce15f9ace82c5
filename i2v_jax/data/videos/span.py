"""A part of an open video, used as a video of its own."""

import contextlib
import dataclasses
import operator
from collections.abc import Iterable

import numpy as np

from i2v_jax.data.videos.decode import FPS, FrameFolder, Video, open_video
from i2v_jax.data.videos.packets import DecodeError, Source
from i2v_jax.data.videos.video_info import to_times

ROUNDING = 0.0015  # seconds; tables round times to milliseconds


class Span(contextlib.AbstractContextManager):
  """The frames of a video whose display begins from `start` to before `end`.

  So spans that follow each other share no frame. Where no frame begins, the
  span is the frame displayed at its start.

  Args:
    video: opened by `decode.open_video`; closed with the span.
    start: seconds from its first frame.
    end: the same; beyond its end is its end.
    name: of the video, for errors.

  Attributes:
    info: facts of the part, a `VideoInfo`; times are from its first frame.
    first: number of its first frame in the video.
    video: the video.

  Raises:
    DecodeError: it starts after the end of the video.
  """

  def __init__(
    self,
    video: Video | FrameFolder,
    start: float,
    end: float,
    name: str = 'the video',
  ):
    whole = video.info
    if start >= whole.duration + ROUNDING:
      raise DecodeError(
        f'{name}: the span from {start:.3f} s on is outside it, as it lasts '
        f'{whole.duration:.3f} s; correct the time, or drop the span'
      )
    self.video, self._edges = video, (start, end)
    times = np.asarray(whole.times)
    first, stop = np.searchsorted(times, (start - ROUNDING, end - ROUNDING))
    if stop <= first:
      stop = max(np.searchsorted(times, start + ROUNDING, side='right'), 1)
      first = stop - 1
    self.first, stop = int(first), int(stop)
    edge = times[stop] if stop < whole.frames else whole.duration
    duration = float(edge - times[self.first])
    self.info = dataclasses.replace(
      whole,
      frames=stop - self.first,
      duration=duration,
      fps=(stop - self.first) / duration,
      times=to_times(times[self.first : stop] - times[self.first]),
    )

  def __exit__(self, *_) -> None:
    self.close()

  def close(self) -> None:
    """Closes the video; closing twice does no harm."""
    self.video.close()

  def read(
    self, indices: Iterable[int], short_side: int | None = None
  ) -> np.ndarray:
    """Reads frames of the part; arguments and result as in `Video.read`."""
    wanted, last = [operator.index(i) for i in indices], self.info.frames - 1
    if wanted and min(wanted) < 0:
      raise IndexError(f'frame {min(wanted)} of a span; they start at 0')
    shifted = [self.first + min(index, last) for index in wanted]
    return self.video.read(shifted, short_side)

  def find_time(self, frames: np.ndarray) -> tuple[float, float]:
    """Finds from when to when frames of the part are displayed in it.

    A frame may be displayed before the span too, or beyond its end.

    Args:
      frames: int64 [n], their numbers in the part.

    Returns:
      Start of the first and end of the last, seconds in the complete video,
      inside the span; equal where the span begins as the video ends.
    """
    times, first = self.video.info.times, self.first + int(min(frames))
    after = self.first + int(max(frames)) + 1
    whole = self.video.info
    end = times[after] if after < whole.frames else whole.duration
    start, end = np.clip((times[first], end), *self._edges).tolist()
    return start, end

  def find_starts(self, frames: np.ndarray) -> np.ndarray:
    """Finds where decoding of each frame starts; see `Video.find_starts`.

    The number is negative if that is before the span.
    """
    return self.video.find_starts(np.asarray(frames) + self.first) - self.first


def open_span(
  source: Source,
  span: tuple[float, float],
  name: str | None = None,
  seconds: float | None = None,
  fps: float = FPS,
) -> Span:
  """Opens a video, and its part from `span[0]` to `span[1]` seconds.

  The other arguments are those of `decode.open_video`.
  """
  video = open_video(source, name, seconds, fps)
  try:
    return Span(video, *span, name or 'the video')
  except BaseException:
    video.close()
    raise
