"""A folder of one-second files `<second>.mp4`, read as a video around one.

Movies of AVA are often kept in this form, as VideoMAE-Action-Detection reads
them: the first frame of `<second>.mp4` is the key frame of that second.
"""

import contextlib
import dataclasses
import itertools
import operator
import os
from collections.abc import Iterable

import numpy as np

from i2v_jax.data.videos.decode import Video
from i2v_jax.data.videos.packets import DecodeError
from i2v_jax.data.videos.time_limit import TimeLimit
from i2v_jax.data.videos.video_info import VideoInfo, to_times


class Seconds(contextlib.AbstractContextManager):
  """The files around a second, used as `decode.Video` is.

  Files are opened up to the frames asked for, or to the first that is not
  there.

  Args:
    folder: of the files.
    second: whose first frame is the key frame.
    before: frames needed before it.
    after: frames needed from it on, itself included.
    limit: seconds from opening on, after which any work raises DecodeError;
      None sets no limit.

  Attributes:
    info: facts of all opened files together, a `VideoInfo`.
    key: number of the key frame in them.

  Raises:
    DecodeError: the file of the second is missing, a file cannot be read, or
      their frames differ in size; names the file.
  """

  def __init__(
    self,
    folder: str | os.PathLike,
    second: int,
    before: int,
    after: int,
    limit: float | None = None,
  ):
    self._folder = os.fspath(folder)
    self._limit = TimeLimit(limit)
    if not os.path.exists(self._name(second)):
      raise DecodeError(
        f'{self._name(second)}: no such video; it holds the key frame, so copy '
        'it there, or drop this key frame'
      )
    with contextlib.ExitStack() as self._files:  # closed after an error
      later = self._open(itertools.count(second), max(after, 1))
      earlier = self._open(itertools.count(second - 1, -1), before)
      self._videos = [*reversed(earlier), *later]
      self._check_sizes(later[0])
      self._files = self._files.pop_all()
    self.key = sum(video.info.frames for video in earlier)
    self.info = self._describe(later[0].info)

  def __exit__(self, *_) -> None:
    self.close()

  def close(self) -> None:
    """Closes all files; closing twice does no harm."""
    self._files.close()

  def read(
    self, indices: Iterable[int], short_side: int | None = None
  ) -> np.ndarray:
    """Reads the frames requested; arguments and result as in `Video.read`."""
    wanted = [operator.index(i) for i in indices]
    if wanted and min(wanted) < 0:
      raise IndexError(f'{self._folder}: frame {min(wanted)}; they start at 0')
    wanted = np.minimum(wanted, self.info.frames - 1).astype(np.int64)
    none = self._videos[0].read([], short_side)
    images = np.empty((len(wanted), *none.shape[1:]), np.uint8)
    first = 0
    for video in self._videos:
      here = (wanted >= first) & (wanted < first + video.info.frames)
      if here.any():
        images[here] = video.read(wanted[here] - first, short_side)
      first += video.info.frames
    return images

  def _name(self, second: int) -> str:
    return os.path.join(self._folder, f'{second}.mp4')

  def _open(self, numbers: Iterable[int], frames: int) -> list[Video]:
    """Opens files in this order until they have so many frames."""
    found = []
    for path in map(self._name, numbers):
      if frames <= 0 or not os.path.exists(path):
        return found
      found.append(self._files.enter_context(Video(path, None, self._left())))
      frames -= found[-1].info.frames
    return found

  def _left(self) -> float | None:
    """Seconds that are left of the limit, if there is one."""
    left = self._limit.find_left()
    if left is not None and left <= 0:
      raise DecodeError(
        f'{self._folder}: {self._limit.describe()}; repair or drop '
        'its files, or allow more time'
      )
    return left

  def _check_sizes(self, key: Video) -> None:
    size = key.info.width, key.info.height
    for video in self._videos:
      if (other := (video.info.width, video.info.height)) != size:
        raise DecodeError(
          f'{video.packets.name}: frames are {other[0]} x {other[1]} pixels, '
          f'not {size[0]} x {size[1]} as in {key.packets.name}; encode both '
          'alike'
        )

  def _describe(self, one: VideoInfo) -> VideoInfo:
    """Describes all files together, by the facts of the one of the second."""
    infos = [video.info for video in self._videos]
    starts = itertools.accumulate((i.duration for i in infos), initial=0.0)
    times = [
      start + t
      for start, info in zip(starts, infos, strict=False)
      for t in info.times
    ]
    duration = sum(info.duration for info in infos)
    return dataclasses.replace(
      one,
      frames=len(times),
      duration=duration,
      fps=len(times) / duration,
      times=to_times(times),
    )


def find_frame(info: VideoInfo, seconds: float, name: str = 'the video') -> int:
  """Finds the frame that is nearest to a time.

  Args:
    info: of the video.
    seconds: from its first frame; up to a frame past its end is its last frame.
    name: of the video, for the error.

  Raises:
    DecodeError: the time is outside the video.
  """
  frame = 1 / info.fps
  if not -frame / 2 <= seconds <= info.duration + frame:
    raise DecodeError(
      f'{name}: the key frame at {seconds:.3f} s is outside it, as it lasts '
      f'{info.duration:.3f} s; check where the times of the annotations start, '
      'or drop the key frame'
    )
  return int(np.abs(np.asarray(info.times) - seconds).argmin())
