"""Exact frames out of video files, with PyAV (FFmpeg) and without JAX."""

import contextlib
import dataclasses
import io
import itertools
import operator
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import VideoReformatter

Source = str | os.PathLike | bytes

# These store no presentation times. FFmpeg guesses some, and guesses wrong
# once there are B-frames, so their frames are counted from the first one.
_UNTIMED = {'avi', 'h264', 'hevc', 'm4v', 'mjpeg', 'mpegvideo', 'vc1'}


class DecodeError(ValueError):
  """A video or one of its frames cannot be read; says which and why."""


@dataclasses.dataclass(frozen=True)
class VideoInfo:
  """What a video holds, as it is displayed."""

  frames: int  # Those the container really lists.
  height: int  # Pixels, after rotation.
  width: int
  fps: float  # The mean where the rate varies.
  duration: float  # Seconds from the first frame to the end of the last.
  codec: str  # FFmpeg's name of it, such as 'h264'.
  rotation: int  # Clockwise degrees, 0 to 270, that `Video.read` has applied.
  times: tuple[float, ...]  # Seconds from the first frame to each.


class _Key(NamedTuple):
  frame: int  # The first frame that decodes when decoding starts here.
  pts: int
  dts: int | None


class Video(contextlib.AbstractContextManager):
  """An open video: use it as a context manager, or close it.

  Opening reads every packet and decodes one frame: a stated frame count may
  be missing or wrong, the list of packets is neither.

  Args:
    source: path of the file, or its bytes.

  Raises:
    FileNotFoundError: there is no such file.
    DecodeError: it is no video, or its first frame cannot be decoded.
  """

  def __init__(self, source: Source):
    self._source, self._container = source, None
    self._name = '<bytes>' if isinstance(source, bytes) else os.fspath(source)
    self._reformatter = VideoReformatter()
    try:
      self._open()
      self.info = self._scan()
    except BaseException as error:
      self.close()
      if isinstance(error, FileNotFoundError):
        raise FileNotFoundError(f'{self._name}: no such video') from error
      if isinstance(error, av.FFmpegError):
        raise self._error(f'cannot be opened ({error.strerror})') from error
      raise

  def __exit__(self, *_) -> None:
    self.close()

  def close(self) -> None:
    """Closes the file; closing twice does no harm."""
    if self._container:
      self._container.close()

  def read(self, indices: Iterable[int]) -> np.ndarray:
    """Decodes the frames asked for, and only what they need.

    Args:
      indices: numbers of frames in display order, from 0; any order, repeats
        allowed; a number past the end means the last frame.

    Returns:
      uint8 RGB [n, H, W, 3], upright, in the order of `indices`.

    Raises:
      IndexError: an index is negative.
      DecodeError: a listed frame cannot be decoded.
    """
    wanted = self._clamp(indices)
    size = self.info.height, self.info.width
    images = np.empty((len(wanted), *size, 3), np.uint8)
    pending = sorted(set(wanted.tolist()))
    while pending:
      done = self._fill(images, wanted, pending)
      pending = [frame for frame in pending if frame not in done]
    return images

  def _error(self, reason: str) -> DecodeError:
    return DecodeError(f'{self._name}: {reason}')

  def _open(self) -> None:
    if isinstance(self._source, bytes):
      self._container = av.open(io.BytesIO(self._source))
    else:
      # Without the prefix FFmpeg takes `a:b.mp4` for a network protocol.
      self._container = av.open(f'file:{self._name}')
    stream = self._stream = self._container.streams.best('video')
    if stream is None or stream.disposition & Disposition.attached_pic:
      raise self._error('has no video stream')
    stream.thread_count = 1  # Data workers give the parallelism.
    self._rate = stream.average_rate or stream.guessed_rate

  def _scan(self) -> VideoInfo:
    first, shown, keys = None, [], []
    for packet in self._container.demux(self._stream):
      first = first or next(iter(packet.decode()), None)
      stamp = packet.pts, packet.dts
      if packet.size and not packet.is_discard:
        shown.append(stamp)
      if packet.is_keyframe and packet.pts is not None:
        keys.append(stamp)
    if first is None or not shown:
      raise self._error('holds no frame that can be decoded')
    self._stored = first.height, first.width
    return self._describe(first.rotation, self._index(shown, keys))

  def _index(self, shown: list[tuple], keys: list[tuple]) -> list:
    """Maps times to frame numbers; returns each frame's seconds."""
    times, order = zip(*shown, strict=True)
    self._numbers, self._keys = None, []
    timed = self._container.format.name not in _UNTIMED
    if timed and None not in times and len(set(times)) == len(times):
      order = sorted(times)
      self._numbers = {pts: number for number, pts in enumerate(order)}
      keys.sort(key=lambda key: key[0])
      self._keys = [_Key(bisect_left(order, key[0]), *key) for key in keys]
    elif None in order:
      return [number / self._rate for number in range(len(order))]
    return [(tick - order[0]) * self._stream.time_base for tick in order]

  def _describe(self, angle: int, times: list) -> VideoInfo:
    rotation = -angle % 360  # FFmpeg's angle is anticlockwise.
    if rotation % 90:
      raise self._error(f'is shown turned by {rotation} degrees; re-encode it')
    height, width = self._stored[:: -1 if rotation % 180 else 1]
    n = len(times)
    duration = times[-1] * n / (n - 1) if n > 1 else 1 / self._rate
    return VideoInfo(
      frames=n,
      height=height,
      width=width,
      fps=float(n / duration),
      duration=float(duration),
      codec=self._stream.codec_context.codec.canonical_name,
      rotation=rotation,
      times=tuple(map(float, times)),
    )

  def _clamp(self, indices: Iterable[int]) -> np.ndarray:
    wanted = np.array([operator.index(index) for index in indices], np.int64)
    if (wanted < 0).any():
      raise IndexError(f'{self._name}: frame {wanted.min()}; they start at 0')
    return wanted.clip(max=self.info.frames - 1)

  def _key(self, frame: int) -> _Key | None:
    """Where decoding has to start; None means the start of the file."""
    place = bisect_right(self._keys, frame, key=lambda key: key.frame)
    return self._keys[place - 1] if place else None

  def _run(self, pending: list[int]) -> list[int]:
    """The leading frames between which no seek would skip anything."""
    for place, (frame, after) in enumerate(itertools.pairwise(pending), 1):
      key = self._key(after)
      if key and key.frame > frame + 1:
        return pending[:place]
    return pending

  def _fill(self, images, wanted, pending: list[int]) -> set[int]:
    """Writes one run of the pending frames into images; returns them."""
    run, done, reason = self._run(pending), set(), 'it gives no picture'
    # A rolling intra refresh cannot be entered by a seek: start anew.
    for key in dict.fromkeys((self._key(run[0]), None)):
      try:
        for frame, picture in self._decode(key, run):
          images[wanted == frame] = self._rgb(picture, frame)
          done.add(frame)
      except av.FFmpegError as error:
        reason = error.strerror
      if run[0] in done:
        return done
    raise self._error(
      f'frame {run[0]} cannot be decoded ({reason}); repair or drop the file'
    )

  def _decode(self, key: _Key | None, run: list[int]) -> Iterator[tuple]:
    """Yields (frame, picture) of a run, up to the first broken packet."""
    pictures = (p for packet in self._packets(key) for p in packet.decode())
    for count, picture in enumerate(pictures):
      frame = self._numbers.get(picture.pts, -1) if self._numbers else count
      if frame in run and not picture.is_corrupt:
        yield frame, picture
      if frame >= run[-1]:
        return

  def _packets(self, key: _Key | None) -> Iterator[av.Packet]:
    # Some containers seek by presentation time, others by decoding time.
    targets = [key.pts, key.dts] if key else []
    for target in (target for target in targets if target is not None):
      self._container.seek(target, stream=self._stream)
      packets = self._container.demux(self._stream)
      first = next(packets)
      if first.pts is not None and first.pts <= key.pts:
        return itertools.chain([first], packets)
    self.close()
    self._open()
    return self._container.demux(self._stream)

  def _rgb(self, picture: av.VideoFrame, frame: int) -> np.ndarray:
    if (picture.height, picture.width) != self._stored:
      raise self._error(f'frame {frame} has another size; re-encode the file')
    picture = self._reformatter.reformat(picture, format='rgb24', threads=1)
    return np.rot90(picture.to_ndarray(), -self.info.rotation // 90)


def open_video(source: Source) -> Video:
  """Opens a video (a path, or the bytes of a file); see `Video`."""
  return Video(source)


def read_frames(source: Source, indices: Iterable[int]) -> np.ndarray:
  """Frames of a video: uint8 RGB [n, H, W, 3]; see `Video.read`."""
  with Video(source) as video:
    return video.read(indices)


def probe(source: Source) -> VideoInfo:
  """What a video holds; reads the whole file, decodes one frame."""
  with Video(source) as video:
    return video.info
