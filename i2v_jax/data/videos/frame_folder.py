"""A folder of numbered images, read as a video.

Something-Something V1, Jester and the rawframes of mmaction2 exist only in this
form.
"""

import contextlib
import operator
import os
import stat
from collections.abc import Iterable

import cv2
import numpy as np

from i2v_jax.data.videos.frame_files import is_frame_folder, list_frames
from i2v_jax.data.videos.packets import DecodeError
from i2v_jax.data.videos.resize import resize_short_side
from i2v_jax.data.videos.time_limit import TimeLimit
from i2v_jax.data.videos.video_info import VideoInfo, to_times
from i2v_jax.runtime.errors import UserError

__all__ = ['FPS', 'FrameFolder', 'is_frame_folder', 'list_frames']

FPS = 30.0  # the default of configs and commands
_CODECS = {
  'jpg': 'mjpeg',
  'jpeg': 'mjpeg',
}  # FFmpeg's names; else the extension
_SCAN, _END = b'\xff\xda', b'\xff\xd9'  # markers of JPEG


def check_fps(fps: float) -> None:
  """Raises UserError for an invalid frame rate."""
  if not isinstance(fps, int | float) or not 0 < fps <= 1000:  # nor NaN
    raise UserError(f'fps is {fps!r}; it can be above 0, up to 1000.')


class FrameFolder(contextlib.AbstractContextManager):
  """A folder of numbered images, used as `decode.Video` is.

  Images are read as by OpenCV: rotated by their EXIF data, grey ones with three
  equal channels, 16 bits as 8, without transparency.

  Args:
    path: the folder.
    name: name of the video in messages; by default its path.
    seconds: time limit from opening on, after which any work raises
      DecodeError; None sets no limit.
    fps: frames per second, which no file states.

  Attributes:
    info: its facts, a `VideoInfo`.
    files: its files, a `Frames`.

  Raises:
    DecodeError: the images are not one sequence, or the first is unreadable.
    UserError: `fps` is invalid.
  """

  def __init__(
    self,
    path,
    name: str | None = None,
    seconds: float | None = None,
    fps: float = FPS,
  ):
    check_fps(fps)
    self._path, self._limit = os.fspath(path), TimeLimit(seconds)
    self.name = name or self._path
    try:
      self.files = list_frames(self._path)
    except UserError as error:
      raise self._error(str(error)) from error
    self._size = None
    height, width = self.convert(self._decode(0), 0).shape[:2]
    self._size = height, width
    self.info = self._describe(fps)

  def __exit__(self, *_) -> None:
    self.close()

  def close(self) -> None:
    """Does nothing: no file stays open."""

  def read(
    self, indices: Iterable[int], short_side: int | None = None
  ) -> np.ndarray:
    """Reads the frames requested; arguments and result as in `Video.read`."""
    wanted = [operator.index(i) for i in indices]
    if wanted and min(wanted) < 0:
      raise IndexError(f'{self.name}: frame {min(wanted)}; they start at 0')
    wanted = np.minimum(wanted, self.info.frames - 1).astype(np.int64)
    none = self.resize(np.empty((0, *self._size, 3), np.uint8), short_side)
    images = np.empty((len(wanted), *none.shape[1:]), np.uint8)
    for frame in sorted(set(wanted.tolist())):
      image = self.convert(self._decode(frame), frame)
      images[wanted == frame] = self.resize(image[None], short_side)
    return images

  def find_starts(self, frames: np.ndarray) -> np.ndarray:
    """Finds where decoding of each frame starts: at the frame itself."""
    return np.asarray(frames, np.int64)

  def convert(self, picture: np.ndarray, frame: int) -> np.ndarray:
    """Converts picture number `frame` to uint8 RGB [H, W, 3]."""
    height, width = picture.shape[:2]
    if self._size not in (None, (height, width)):
      first = f'{self._size[1]} x {self._size[0]}'
      raise self._error(
        f'frame {frame}, {self.files.names[frame]}, is {width} x {height} '
        f'pixels, not {first} as the first; resize all to one size'
      )
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

  def resize(self, images: np.ndarray, short_side: int | None) -> np.ndarray:
    """Resizes images [n, H, W, 3] as `read` does."""
    if short_side is None:
      return images
    return resize_short_side(images, short_side)

  def _describe(self, fps: float) -> VideoInfo:
    count = len(self.files.names)
    ending = self.files.names[0].rpartition('.')[2].lower()
    return VideoInfo(
      frames=count,
      height=self._size[0],
      width=self._size[1],
      fps=float(fps),
      duration=count / fps,
      codec=_CODECS.get(ending, ending),
      rotation=0,
      times=to_times(frame / fps for frame in range(count)),
    )

  def _decode(self, frame: int) -> np.ndarray:
    """Decodes a file to a picture: BGR [H, W, 3]."""
    self._check_time(frame)
    name = self.files.names[frame]
    try:
      data = _read(os.path.join(self._path, name))
    except OSError as error:
      raise self._unreadable(frame, error.strerror or repr(error)) from error
    if not data:
      raise self._unreadable(frame, 'it is empty')
    # Some versions of OpenCV fill the missing part of a JPEG with grey.
    if data[:2] == b'\xff\xd8' and data.rfind(_END) < data.rfind(_SCAN):
      raise self._unreadable(frame, 'it is truncated')
    try:
      image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
      raise self._unreadable(frame, error.err) from error
    if image is None:
      raise self._unreadable(frame, 'it is damaged, or not an image')
    return image

  def _check_time(self, frame: int) -> None:
    if self._limit.has_passed():
      raise self._error(
        f'{self._limit.describe()} at frame {frame}; repair or drop '
        'the folder, or allow more time'
      )

  def _unreadable(self, frame: int, reason: str) -> DecodeError:
    return self._error(
      f'frame {frame}, {self.files.names[frame]}, cannot be decoded '
      f'({reason}); repair or drop the folder'
    )

  def _error(self, reason: str) -> DecodeError:
    return DecodeError(f'{self.name}: {reason}')


def _read(path: str) -> bytes:
  # Opening a pipe would wait for a writer.
  if not stat.S_ISREG(os.stat(path).st_mode):
    raise OSError(0, 'it is not a regular file')
  with open(path, 'rb') as file:
    return file.read()
