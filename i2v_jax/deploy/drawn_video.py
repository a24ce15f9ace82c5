"""Draws boxes and words on a video, and writes it again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import av
import cv2
import numpy as np

from i2v_jax.data.show import sheet
from i2v_jax.data.show.boxed import COLOURS
from i2v_jax.data.videos.decode import Video
from i2v_jax.deploy.tracks import Moment, find_moment
from i2v_jax.runtime import files
from i2v_jax.runtime.console import make_progress

AT_ONCE = 32  # frames in memory
_TICKS = Fraction(1, 90_000)  # seconds


def write(path, video: Video, tracks: Mapping[str, Sequence[Moment]]) -> None:
  """Writes a video with its tracks drawn on it, as H.264 without sound.

  Args:
    path: of the file to write.
    video: opened by `decode.open_video`.
    tracks: name -> moments by time.

  Raises:
    OSError: the file cannot be written.
    DecodeError: a frame cannot be read.
  """
  colours = dict(zip(tracks, _repeat_colours(len(tracks)), strict=True))
  info = video.info

  def draw_all():
    for frame, seconds in zip(_read(video), info.times, strict=True):
      yield draw(frame, tracks, seconds, colours), seconds

  sides = info.height, info.width
  write_pictures(path, draw_all(), sides, info.fps, info.frames)


def write_pictures(
  path, pictures: Iterable, sides: tuple[int, int], fps: float, count: int
) -> None:
  """Writes pictures as a video, H.264 without sound.

  Args:
    path: of the file to write.
    pictures: uint8 RGB [H, W, 3], each with its time in seconds.
    sides: H and W.
    fps: pictures a second.
    count: of the pictures.

  Raises:
    OSError: the file cannot be written.
  """
  bar, advance = make_progress(count, 'draw', 'frames')
  with (
    bar,
    files.explain_errors(path),
    files.replacing(path) as new,
    av.open(str(new), 'w', format='mp4') as file,
  ):
    stream = _add_stream(file, sides, fps)
    for picture, seconds in pictures:
      file.mux(stream.encode(_wrap(picture, stream, seconds)))
      advance()
    file.mux(stream.encode(None))


def _wrap(picture: np.ndarray, stream, seconds: float) -> av.VideoFrame:
  more = np.subtract((stream.height, stream.width), picture.shape[:2])
  even = np.pad(picture, [*zip((0, 0), more, strict=True), (0, 0)], 'edge')
  frame = av.VideoFrame.from_ndarray(even, format='rgb24')
  frame.pts, frame.time_base = round(seconds / _TICKS), _TICKS
  return frame


def _repeat_colours(count: int) -> list[tuple[int, int, int]]:
  return [COLOURS[number % len(COLOURS)] for number in range(count)]


def _add_stream(file, sides: tuple[int, int], fps: float):
  rate = Fraction(fps).limit_denominator(1001)
  stream = file.add_stream('libx264', rate=rate)
  # H.264 has even sides; an odd one gets its last pixel twice.
  stream.height, stream.width = (side + side % 2 for side in sides)
  stream.pix_fmt, stream.codec_context.time_base = 'yuv420p', _TICKS
  stream.options = {'crf': '20', 'preset': 'veryfast'}
  return stream


def _read(video: Video) -> Iterator[np.ndarray]:
  for start in range(0, video.info.frames, AT_ONCE):
    stop = min(start + AT_ONCE, video.info.frames)
    yield from video.read(range(start, stop))


def draw(
  frame: np.ndarray,
  tracks: Mapping[str, Sequence[Moment]],
  seconds: float,
  colours: Mapping[str, Sequence[int]],
) -> np.ndarray:
  """Draws what tracks show at a time on a frame, uint8 RGB [H, W, 3]."""
  out, size = frame.copy(), max(round(len(frame) / 30), 9)
  found = {name: find_moment(track, seconds) for name, track in tracks.items()}
  found = {name: moment for name, moment in found.items() if moment}
  for name, moment in found.items():
    _draw_box(out, moment.box, colours[name], max(size // 6, 1))
  taken = np.zeros(out.shape[:2], bool)
  for name, moment in found.items():  # words are above all boxes
    if moment.words:
      words = _draw_words(moment.words, size, colours[name], out.shape[1])
      _put_words(out, words, _find_pixels(out, moment.box), taken)
  return out


def _draw_box(out: np.ndarray, box: np.ndarray, colour, thick: int) -> None:
  left, top, right, bottom = _find_pixels(out, box)
  corners = (left, top), (right, bottom)
  cv2.rectangle(out, *corners, sheet.BACKGROUND, thick + 2)
  cv2.rectangle(out, *corners, tuple(colour), thick)


def _draw_words(words: Sequence[str], size: int, colour, width: int):
  """Draws lines of words in a colour, cut at the width of a frame."""
  lines = [sheet.draw_words(text, size, colour, width) for text in words]
  return sheet.make_column(lines, gap=0)


def _put_words(out, words: np.ndarray, box: list[int], taken) -> None:
  """Puts words at their box, where they hide as little of others as possible.

  They are above the box if there is room, else below or inside it, else
  anywhere. `taken` is where words are already, bool [H, W].
  """
  high, wide = words.shape[:2]
  left, top, right, bottom = box
  tops = [top - high, bottom, top, bottom - high]
  tops = [y for y in tops if 0 <= y <= len(out) - high]
  tops += range(0, max(len(out) - high, 0) + 1, max(high // 3, 1))
  lefts = [min(x, max(out.shape[1] - wide, 0)) for x in (left, right - wide)]
  places = [(y, max(x, 0)) for y in tops for x in lefts]
  hidden = lambda place: taken[_cover(words, *place)].sum()
  top, left = min(places, key=hidden)
  sheet.put(out, words, top, left)
  taken[_cover(words, top, left)] = True


def _cover(words: np.ndarray, top: int, left: int) -> tuple[slice, slice]:
  """Where words are on a frame if they are put there."""
  return slice(top, top + len(words)), slice(left, left + words.shape[1])


def _find_pixels(out: np.ndarray, box: np.ndarray) -> list[int]:
  height, width = out.shape[:2]
  edges = np.rint(box * [width, height, width, height]).astype(int)
  return np.clip(edges, 0, [width - 1, height - 1] * 2).tolist()
