"""Exact frames of video files, with PyAV (FFmpeg) and without JAX."""

import contextlib
import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence

import av
import numpy as np

from i2v_jax.data.videos import display, pyav
from i2v_jax.data.videos.frame_folder import FPS, FrameFolder, is_frame_folder
from i2v_jax.data.videos.index import Key
from i2v_jax.data.videos.packets import DecodeError, Packets, Source
from i2v_jax.data.videos.resize import resize_short_side
from i2v_jax.data.videos.video_info import VideoInfo
from i2v_jax.runtime.errors import MissingFileError, UserError

__all__ = [
  'FPS',
  'DecodeError',
  'FrameFolder',
  'Video',
  'VideoInfo',
  'is_frame_folder',
  'open_video',
  'probe',
  'read_frames',
]


class Video(contextlib.AbstractContextManager):
  """An open video: use it as a context manager, or close it.

  Opening reads every packet and decodes one frame: a stated frame count may be
  missing or wrong, the list of packets is neither. What that finds in a long
  file is kept (see `index_cache`), and the file may stay open (see `kept`).

  Args:
    source: path of the file, or its bytes.
    name: name of the video in messages; by default its path, or '<bytes>'.
    seconds: time limit from opening on, after which any work raises
      DecodeError; None sets no limit.

  Raises:
    FileNotFoundError: there is no such file.
    DecodeError: it is not a video, or its first frame cannot be decoded.
  """

  def __init__(
    self,
    source: Source,
    name: str | None = None,
    seconds: float | None = None,
  ):
    self.packets = Packets(source, name, seconds)
    self._reformatter = pyav.Reformatter()
    try:
      self.packets.load()
    except BaseException as error:
      self.close()
      if isinstance(error, FileNotFoundError):
        raise MissingFileError(f'{self.packets.name}: no such video') from error
      if isinstance(error, OSError | av.FFmpegError):
        self.packets.check_time(0)
        reason = pyav.describe_error(error)
        raise self._error(f'cannot be opened ({reason})') from error
      raise
    self._index = self.packets.index
    self.info, self.display = self._index.info, self._index.display
    self._reformatter.codec = self.info.codec

  def __exit__(self, *_) -> None:
    self.close()

  def close(self) -> None:
    """Closes the file; closing twice does no harm."""
    self.packets.close()

  def read(
    self, indices: Iterable[int], short_side: int | None = None
  ) -> np.ndarray:
    """Decodes the frames requested, and only what they depend on.

    Args:
      indices: numbers of frames in display order, from 0; any order, repeats
        allowed; a number past the end means the last frame.
      short_side: pixels to which each frame is resized on arrival, so that at
        most one is held at full size; the result equals that of
        `resize.resize_short_side` bit for bit.

    Returns:
      uint8 RGB [n, H, W, 3], upright, in the order of `indices`.

    Raises:
      IndexError: an index is negative.
      DecodeError: a listed frame cannot be decoded or would be too large, or
        the time limit has passed.
    """
    wanted = self._clamp(indices)
    size = self.info.height, self.info.width
    none = self.resize(np.empty((0, *size, 3), np.uint8), short_side)
    images = np.empty((len(wanted), *none.shape[1:]), np.uint8)
    pending = sorted(set(wanted.tolist()))
    while pending:
      done = self._fill(images, wanted, pending, short_side)
      pending = [frame for frame in pending if frame not in done]
    return images

  def find_starts(self, frames: np.ndarray) -> np.ndarray:
    """Finds the frame at which decoding must start to read each of `frames`.

    It is the last key frame up to it, or 0 if a seek finds none.

    Args:
      frames: int64 [n], each a number of a frame.

    Returns:
      int64 [n].
    """
    return self._index.find_starts(frames)

  def decode_run(self, run: range) -> Iterator[av.VideoFrame]:
    """Yields the pictures of consecutive frames as stored.

    Raises:
      DecodeError: a frame cannot be decoded; names it.
    """
    key = self._index.find_key(run[0]) if self._index.one_to_one else None
    wanted, reason = run[0], 'it gives no picture'
    try:
      for frame, picture in self._decode_all(key, run):
        if frame != wanted:
          break
        if not self.fits(picture):
          reason = 'it has another size'
          break
        wanted += 1
        yield picture
    except av.FFmpegError as error:
      reason = error.strerror
    if wanted <= run[-1]:
      problem = f'frame {wanted} cannot be decoded ({reason})'
      raise self._error(f'{problem}; repair or drop the file')

  def _error(self, reason: str) -> DecodeError:
    return self.packets.error(reason)

  def _clamp(self, indices: Iterable[int]) -> np.ndarray:
    wanted, last = [operator.index(i) for i in indices], self.info.frames - 1
    if wanted and min(wanted) < 0:
      raise IndexError(
        f'{self.packets.name}: frame {min(wanted)}; they start at 0'
      )
    return np.array([min(index, last) for index in wanted], np.int64)

  def _find_run(self, pending: list[int]) -> list[int]:
    """Finds the leading frames between which no seek would skip anything."""
    for place, (frame, after) in enumerate(itertools.pairwise(pending), 1):
      key = self._index.find_key(after)
      if key and key.frame > frame + 1:
        return pending[:place]
    return pending

  def _fill(self, images, wanted, pending: list[int], short_side) -> set[int]:
    """Decodes one run of pending frames into images; returns their numbers."""
    run, done, reason = self._find_run(pending), set(), 'it gives no picture'
    for way, key in self._list_ways(run[0]):
      try:
        for frame, picture in way(key, run):
          image = self.convert(picture, frame)
          images[wanted == frame] = self.resize(image[None], short_side)
          done.add(frame)
      except av.FFmpegError as error:
        self.packets.check_time(run[0])
        reason = error.strerror
      if run[0] in done:
        return done
    raise self._error(
      f'frame {run[0]} cannot be decoded ({reason}); repair or drop the file'
    )

  def _list_ways(self, frame: int) -> list[tuple]:
    """Lists decoders and their key frames for a frame, cheapest first.

    The others are for files that break the rules of their codec, and for a
    rolling intra refresh, which has no frame to seek to.
    """
    key = self._index.find_key(frame)
    ways = [
      (self._decode_few, key),
      (self._decode_all, key),
      (self._decode_all, None),
    ]
    return list(dict.fromkeys(ways[not self._index.one_to_one :]))

  def _decode_few(self, key: Key | None, run: list[int]) -> Iterator[tuple]:
    """Yields (frame, picture) of a run; drops unneeded non-reference frames."""
    packets = self.packets
    numbers = {self._index.get_tick(frame): frame for frame in run}
    missing = set(numbers)
    for packet in packets.start(key):
      packets.check_time(run[0])
      if self._index.marked:
        wanted = packet.pts in numbers
        packets.context.skip_frame = 'DEFAULT' if wanted else 'NONREF'
      missing.discard(packet.pts)
      pictures = packet.decode()
      if not missing:  # No need to decode the frames that delay the output.
        pictures += packets.context.decode(None)
      for picture in pictures:
        if picture.pts in numbers and not picture.is_corrupt:
          yield numbers[picture.pts], picture
      if not missing:
        return

  def _decode_all(self, key: Key | None, run: Sequence[int]) -> Iterator[tuple]:
    """Does the same by plain decoding, up to the first broken packet."""
    index, count = self._index, itertools.count()
    for picture in self.packets.decode(key, run[0]):
      if index.start is None:
        frame = next(count)
      else:
        frame = index.find_frame(picture.pts)
      if frame in run and not picture.is_corrupt:
        yield frame, picture
      if frame >= run[-1]:
        return

  def fits(self, picture: av.VideoFrame) -> bool:
    """Whether a picture has the stored size of the first one."""
    return (picture.height, picture.width) == self.display[:2]

  def convert(self, picture: av.VideoFrame, frame: int) -> np.ndarray:
    """Converts picture number `frame` to upright uint8 RGB [H, W, 3]."""
    if not self.fits(picture):
      raise self._error(f'frame {frame} has another size; re-encode the file')
    image, shown = self._reformatter.to_rgb(picture), self.display
    return display.turn_upright(image, shown.mirrored, shown.rotation)

  def resize(self, images: np.ndarray, short_side: int | None) -> np.ndarray:
    """Resizes images [n, H, W, 3] as `read` does."""
    if short_side is None:
      return images
    try:
      return resize_short_side(images, short_side)
    except UserError as error:  # too large
      raise self._error(str(error)) from error


def open_video(
  source: Source,
  name: str | None = None,
  seconds: float | None = None,
  fps: float = FPS,
) -> Video | FrameFolder:
  """Opens a video: a file, its bytes, or a folder of its frames.

  `fps` applies to a folder of frames only; the rest is as in `Video`.
  """
  if is_frame_folder(source):
    return FrameFolder(source, name, seconds, fps)
  return Video(source, name, seconds)


def read_frames(source: Source, indices: Iterable[int]) -> np.ndarray:
  """Reads frames of a video: uint8 RGB [n, H, W, 3]; see `Video.read`."""
  with open_video(source) as video:
    return video.read(indices)


def probe(source: Source, fps: float = FPS) -> VideoInfo:
  """Returns the facts of a video; reads all packets, decodes one frame."""
  with open_video(source, fps=fps) as video:
    return video.info
