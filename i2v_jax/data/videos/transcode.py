"""Decodes complete videos, and re-encodes them with frequent key frames.

With one thread and no timestamps, the same video gives the same bytes again
with the same version of FFmpeg (see `list_libraries`).
"""

import contextlib
import dataclasses
import io
import os
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

from i2v_jax.data.videos import decode, fields, pyav, shaping
from i2v_jax.data.videos.span import open_span
from i2v_jax.runtime.errors import UserError, check_choice

_TICKS = Fraction(1, 90_000)  # seconds; divides most frame rates
# Decoders can skip non-reference B-frames, and CAVLC is cheap to read. The
# macroblock tree reads uninitialised memory: the bytes would differ every time.
_X264 = (
  'keyint={gop}:min-keyint={gop}:scenecut=0:bframes=3:b-adapt=0'
  ':b-pyramid=none:cabac=0:mbtree=0'
)


@dataclasses.dataclass(frozen=True)
class Recipe:
  """How videos are re-encoded; raises UserError for an invalid value.

  Attributes:
    short_side: pixels, even; larger videos shrink to it, none is enlarged.
    gop: frames from one key frame to the next.
    fps: frames per second; None keeps every frame and its time.
    crf: quality of x264, 0 (lossless) to 51.
    frames: 'h264', or 'jpeg' for every frame as an image (Motion-JPEG).
    deinterlace: whether to merge the two fields of interlaced frames.
    square_pixels: whether to stretch the width if pixels are not square;
      otherwise copies state the same pixel aspect.
  """

  short_side: int | None = None
  gop: int = 16
  fps: float | None = None
  crf: int = 20
  frames: str = 'h264'
  deinterlace: bool = False
  square_pixels: bool = False

  def __post_init__(self):
    side = self.short_side
    if side is not None and (side < 2 or side % 2):
      raise UserError(f'short_side is {side}; it can be an even number from 2.')
    if self.gop < 1:
      raise UserError(f'gop is {self.gop}; it can be 1 or more.')
    if self.fps is not None and not 0 < self.fps <= 1000:
      raise UserError(f'fps is {self.fps}; it can be above 0, up to 1000.')
    if self.crf not in range(52):
      raise UserError(f'crf is {self.crf}; it can be an integer from 0 to 51.')
    check_choice('frames', self.frames, ('h264', 'jpeg'))


def list_libraries() -> dict[str, str]:
  """Lists the versions that determine the bytes of a transcoded video."""
  return {'ffmpeg': av.ffmpeg_version_info, 'av': av.__version__}


def decode_pictures(
  path: str | os.PathLike, info: decode.VideoInfo
) -> Iterator[av.VideoFrame]:
  """Yields all frames as stored, from the first to the last.

  Args:
    path: of the video.
    info: result of `decode.probe`.

  Raises:
    DecodeError: a listed frame cannot be decoded; names it.
  """
  if decode.is_frame_folder(path):
    yield from _read_images(path)
    return
  count, reason = 0, 'it gives no picture'
  with decode.open_video(path) as video:
    try:
      for picture in video.packets.decode():
        if picture.is_corrupt:
          break
        if not video.fits(picture):
          reason = 'it has another size'
          break
        if count == info.frames:
          problem = f'more than the {count} frames it lists decode'
          raise decode.DecodeError(f'{path}: {problem}; re-encode the file')
        count += 1
        yield picture
    except av.FFmpegError as error:
      reason = error.strerror
  if count < info.frames:
    problem = f'frame {count} of {info.frames} cannot be decoded ({reason})'
    raise decode.DecodeError(f'{path}: {problem}; repair or drop the file')


def _read_images(path: str | os.PathLike) -> Iterator[av.VideoFrame]:
  with decode.open_video(path) as video:
    for frame in range(video.info.frames):
      yield av.VideoFrame.from_ndarray(video.read([frame])[0])


def _probe_part(path, fps: float, part) -> decode.VideoInfo:
  """Returns the facts of a part of a video, or of all of it if None."""
  if part is None:
    return decode.probe(path, fps)
  with open_span(path, part, str(path), fps=fps) as video:
    return video.info


def _decode_source(path, info, recipe: Recipe, fps: float, part):
  """Decodes all that is to be encoded."""
  if part:
    found = _decode_part(path, fps, part)
  else:
    found = decode_pictures(path, info)
  return fields.deinterlace(found) if recipe.deinterlace else found


def _decode_part(path, fps: float, part) -> Iterator[av.VideoFrame]:
  with open_span(path, part, str(path), fps=fps) as span:
    frames = range(span.info.frames)
    if decode.is_frame_folder(path):
      for frame in frames:
        yield av.VideoFrame.from_ndarray(span.read([frame])[0])
    else:
      run = range(span.first, span.first + len(frames))
      yield from span.video.decode_run(run)


def verify(path: str | os.PathLike) -> decode.VideoInfo:
  """Decodes a complete video; returns its facts.

  Raises:
    FileNotFoundError: there is no such file.
    DecodeError: it is not a video, or a frame cannot be decoded.
  """
  info = decode.probe(path)
  for _ in decode_pictures(path, info):
    pass
  return info


def encode(
  path: str | os.PathLike,
  recipe: Recipe,
  fps: float = decode.FPS,
  part: tuple[float, float] | None = None,
) -> tuple[bytes, float]:
  """Re-encodes a video: upright, with even sides, without sound.

  The copy looks like its source in a player. With `recipe.fps` it has the
  frames on screen at 0, 1 / fps, 2 / fps, ... seconds: frames are dropped or
  repeated, never blended.

  Args:
    path: of the video.
    recipe: how to encode it.
    fps: frame rate of a folder of frames.
    part: start and end in seconds of the part to encode; None for all.

  Returns:
    an mp4 file (Matroska for 'jpeg'), and the PSNR in dB, over RGB, of three of
    its frames together against the input of the encoder.

  Raises:
    FileNotFoundError: there is no such file.
    DecodeError: it is not a video, or a frame cannot be decoded.
  """
  info = _probe_part(path, fps, part)
  chosen, ticks = _schedule(info, recipe.fps)
  repeats = np.bincount(chosen, minlength=info.frames)
  looked_at = sorted({n * len(ticks) // 4 for n in (1, 2, 3)})
  seen, file, shown, out = {}, io.BytesIO(), 0, None
  reformatter = pyav.Reformatter()
  with contextlib.ExitStack() as stack:
    shape = shaping.Shaper(
      info, recipe.short_side, recipe.square_pixels, recipe.frames == 'jpeg'
    )
    found = _decode_source(path, info, recipe, fps, part)
    for repeat, picture in zip(repeats.tolist(), found, strict=True):
      if not repeat:
        continue
      frame = shape(picture)
      out = out or stack.enter_context(_Writer(file, frame, info, recipe))
      for _ in range(repeat):
        if shown in looked_at:
          seen[shown] = reformatter.to_rgb(frame)
        out.write(frame, ticks[shown])
        shown += 1
  data = file.getvalue()
  return data, _measure_psnr(data, seen)


def _schedule(info: decode.VideoInfo, fps: float | None) -> tuple:
  """Schedules source frames in display order, with the tick of each."""
  chosen, times = np.arange(info.frames), np.array(info.times)
  if (np.diff(times) * 1000 < 1).any():  # untimed, or too close for Matroska
    times = chosen / info.fps
  if fps is not None:
    shown = np.arange(max(1, round(info.duration * fps))) / fps
    chosen = np.searchsorted(times, shown + 1e-6, side='right') - 1
    times = shown
  return chosen, [round(time / _TICKS) for time in times.tolist()]


class _Writer:
  """Encodes frames into a file in memory; use it as a context manager."""

  def __init__(self, file, frame, info: decode.VideoInfo, recipe: Recipe):
    jpeg = recipe.frames == 'jpeg'
    self._file = av.open(
      file,
      'w',
      format='matroska' if jpeg else 'mp4',
      options={'fflags': '+bitexact'},
    )
    rate = Fraction(recipe.fps or info.fps).limit_denominator(1001)
    self._stream = stream = self._file.add_stream(
      'mjpeg' if jpeg else 'libx264', rate=rate
    )
    stream.width, stream.height = frame.width, frame.height
    stream.pix_fmt = frame.format.name
    coder = stream.codec_context
    coder.time_base, coder.thread_count = _TICKS, 1
    coder.colorspace, coder.color_range = frame.colorspace, frame.color_range
    if info.pixel_aspect != 1 and not recipe.square_pixels:
      aspect = Fraction(info.pixel_aspect).limit_denominator(1000)
      coder.sample_aspect_ratio = aspect
    if jpeg:
      coder.options = {'qmin': '2', 'qmax': '2'}
    else:
      coder.options = {
        'preset': 'medium',
        'crf': str(recipe.crf),
        'x264-params': _X264.format(gop=recipe.gop),
      }

  def write(self, frame: av.VideoFrame, tick: int) -> None:
    frame.pts, frame.time_base = tick, _TICKS
    frame.pict_type = av.video.frame.PictureType.NONE
    self._file.mux(self._stream.encode(frame))

  def __enter__(self) -> '_Writer':
    return self

  def __exit__(self, error, *_) -> None:
    if error is None:
      self._file.mux(self._stream.encode(None))
    self._file.close()


def _measure_psnr(data: bytes, seen: dict[int, np.ndarray]) -> float:
  """Measures the PSNR of frames of a file, in dB, at most 99."""
  with decode.open_video(data) as video:
    found = video.read(seen)
  wanted = np.stack([*seen.values()])
  error = np.square(found.astype(np.float32) - wanted).mean()
  return float(min(99, 10 * np.log10(255**2 / max(error, 1e-9))))
