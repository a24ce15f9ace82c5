"""Draws the training draws and test views of videos on a sheet."""

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from i2v_jax.data.clips import clips, flips
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.show import sheet
from i2v_jax.data.videos.decode import FPS, FrameFolder, Video, open_video
from i2v_jax.data.videos.span import Span, open_span

MARGIN = 130  # pixels for the notes next to a clip


@dataclasses.dataclass(frozen=True)
class Seen:
  """One clip as a model sees it.

  Attributes:
    title: kind of the clip.
    notes: lines below the title.
    arrays: uint8, of `spec.shapes`.
    numbers: frame numbers in the video: [T].
  """

  title: str
  notes: Sequence[str]
  arrays: dict[str, np.ndarray]
  numbers: np.ndarray


class Recorder:
  """A video that records the frames read."""

  def __init__(self, video: Video | FrameFolder):
    self.info, self._video = video.info, video

  def read(self, indices, short_side: int) -> np.ndarray:
    self.numbers = np.minimum(indices, self.info.frames - 1)
    return self._video.read(indices, short_side)


def draw_train_clips(
  video: Video | Span,
  label: int | np.ndarray | None,
  spec: ClipSpec,
  seed: Sequence[int],
  count: int,
  class_names: Sequence[str] = (),
) -> Iterator[Seen]:
  """Draws clips with `clips.make_train_clip`, and their training labels."""
  own, marked = _mark(label, spec)
  for draw in range(count):
    noted, rng = Recorder(video), np.random.default_rng([*seed, draw])
    arrays, found = clips.make_train_clip(noted, own, marked, rng)
    found, mirrored = _read_mark(found, spec, own)
    notes = ['mirrored'] * mirrored
    if label is not None:
      notes += _describe_label(found, class_names)
    yield Seen(f'train {draw + 1}', notes, arrays, noted.numbers)


_MIRRORED = -2  # a label that only a mirrored clip gets


def _mark(label, spec: ClipSpec) -> tuple:
  """Marks a label so that it reveals a flip; makes the spec for that."""
  if isinstance(label, np.ndarray):  # two more classes, which flips exchange
    one = len(label)
    exchanged = {**spec.flip_map, one: one + 1, one + 1: one}
    label = np.append(label, [True, False])
    return label, dataclasses.replace(spec, flip_map=exchanged)
  own = 0 if label is None else label
  return own, dataclasses.replace(spec, flip_map={own: _MIRRORED})


def _read_mark(found, spec: ClipSpec, own) -> tuple[int | np.ndarray, bool]:
  """Reads the label of a clip, and whether it is mirrored."""
  if isinstance(found, np.ndarray):
    return found[:-2], bool(found[-1])
  mirrored = found == _MIRRORED
  return (spec.flip_map.get(own, own) if mirrored else found), mirrored


def _describe_label(
  label: int | np.ndarray, class_names: Sequence[str]
) -> list[str]:
  if isinstance(label, np.ndarray):
    return [class_names[n] for n in np.flatnonzero(label)] or ['no label']
  return [f'label {label}', *class_names[label : label + 1]]


def show_test_views(video: Video | Span, spec: ClipSpec) -> Iterator[Seen]:
  """Makes the views of `clips.make_test_views`."""
  noted = Recorder(video)
  views = clips.make_test_views(noted, spec)
  numbers = noted.numbers.reshape(spec.clips, spec.num_frames)
  for view in range(spec.views):
    crop, clip = divmod(view, spec.clips)
    notes = [f'clip {clip + 1} of {spec.clips}'] * (spec.clips > 1)
    notes += [f'crop {crop + 1} of {spec.crops}'] * (spec.crops > 1)
    arrays = {name: array[view] for name, array in views.items()}
    yield Seen(f'test {view + 1}', notes, arrays, numbers[clip])


def draw_contact_sheet(
  videos: Iterable[tuple],
  spec: ClipSpec,
  *,
  seed: int = 0,
  draws: int = 3,
  heading: Sequence[str] = (),
  class_names: Sequence[str] = (),
  fps: float = FPS,
) -> np.ndarray:
  """Draws everything that a model sees of some videos: uint8 RGB [H, W, 3].

  Args:
    videos: paths and labels, which are numbers, bool [classes] or None; and the
      start and end of the part to show, in seconds, if not all.
    spec: how clips are made.
    seed: of the training draws.
    draws: training clips per video.
    heading: lines at the top, before those that describe `spec`.
    class_names: in label order, if known.
    fps: frame rate of folders of frames.

  Raises:
    DecodeError, FileNotFoundError: a video cannot be read.
  """
  lines = [*heading, *describe_spec(spec)]
  if spec.flip and class_names:
    pairs = flips.describe_exchanged(spec.flip_map, class_names)
    lines.append(f'classes that mirrored clips exchange: {pairs}')
  blocks = [
    sheet.make_column([sheet.draw_words(line) for line in lines], gap=4)
  ]
  for place, (path, label, *span) in enumerate(videos):
    with _open(path, span, fps) as video:
      draw = draw_train_clips(
        video, label, spec, (seed, place), draws, class_names
      )
      seen = [*draw, *show_test_views(video, spec)]
      blocks.append(_draw_header(path, span, label, video, class_names))
      blocks += [_draw_strip(clip, spec) for clip in seen]
  return sheet.pad(sheet.make_column(blocks, gap=18), border=24)


def describe_spec(spec: ClipSpec) -> list[str]:
  """Describes a spec in two lines, or three with boxes."""
  strided = spec.sampling in ('dense', 'key_frame')
  stride = f', stride {spec.stride}' if strided else ''
  size = f'{spec.image_size} x {spec.image_size}'
  scheme = spec.sampling.replace('_', ' ')
  before = f', {spec.age} before them in training' if spec.age else ''
  first = f'{spec.num_frames} frames of {size}, {scheme}{stride}{before}'
  if spec.grid:
    rows, columns = spec.grid
    first += f'; {spec.shapes["video"][0]} of them large, all in framesets of '
    first += f'{rows} x {columns}'
  crop = '{:g} to {:g} of the area'.format(*spec.crop_area)
  if spec.scale_crop:
    crop = 'at {:.4g} to {:.4g} of the size'.format(*spec.scales)
  parts = [f'crop {crop}', f'flip {spec.flip:g}']
  if spec.lighting:
    parts.append(f'lighting {spec.lighting:g}')
  if spec.jitter:
    parts.append('jitter ' + ', '.join(f'{s:g}' for s in spec.jitter))
  if spec.hsv_jitter:
    parts.append('HSV jitter ' + ', '.join(f'{s:g}' for s in spec.hsv_jitter))
  if spec.randaugment != 'off':
    where = spec.randaugment.replace('_', ' ')
    level = f'{spec.randaugment_ops} at level {spec.randaugment_magnitude:g}'
    parts.append(f'RandAugment {level} {where}')
  if spec.erasing:
    parts.append(f'erasing {spec.erasing:g} {spec.erasing_mode}')
  lines = [first, 'training: ' + ';  '.join(parts)]
  return lines + [_describe_boxes(spec)] * bool(spec.boxes)


def _describe_boxes(spec: ClipSpec) -> str:
  text = f'boxes: up to {spec.boxes} in training'
  if spec.box_jitter:
    text += ', jitter ' + ', '.join(f'{s:g}' for s in spec.box_jitter)
  if any(spec.box_extend):
    wide, high = spec.box_extend
    text += f';  in testing {wide:.1%} wider and {high:.1%} higher'
  return text


def _open(path: str, span: Sequence[float], fps: float):
  if span:
    return open_span(path, tuple(span), path, fps=fps)
  return open_video(path, fps=fps)


def _draw_header(
  path: str, span, label: int | np.ndarray | None, video, class_names
) -> np.ndarray:
  info = video.info
  facts = f'{info.frames} frames   {info.width} x {info.height}   '
  facts += f'{info.fps:.3g} fps   {info.duration:.1f} s   {info.codec}'
  words = [] if label is None else _describe_label(label, class_names)
  name = '/'.join(pathlib.Path(path).parts[-2:])  # With the class, often.
  if span:  # other parts of the file have the same name
    name += '   {:.3f} to {:.3f} s   '.format(*span) + ', '.join(words)
  elif words:
    facts += '   ' + ' '.join(words)
  name = sheet.draw_words(name, 20, sheet.BRIGHT, width=900)
  return sheet.make_column(
    [sheet.make_empty(10, 1), name, sheet.draw_words(facts)], gap=2
  )


def _draw_strip(seen: Seen, spec: ClipSpec) -> np.ndarray:
  """Draws one clip: notes, frames, framesets."""
  said = [sheet.draw_words(seen.title, 15, sheet.ACCENT)]
  said += [sheet.draw_words(note, 12, width=MARGIN) for note in seen.notes]
  said = sheet.pad(sheet.make_column(said, gap=2), width=MARGIN)
  columns, width = (4, 144) if spec.grid else (8, 128)
  frames = seen.arrays['video']
  numbers = seen.numbers[:: len(seen.numbers) // len(frames)]
  tiles = [
    sheet.draw_tile(frame, width, f'frame {number}')
    for frame, number in zip(frames, numbers, strict=True)
  ]
  parts = [said, sheet.wrap(tiles, columns)]
  if spec.grid:
    # As high as two lines of frames.
    high = len(tiles[0]) + sheet.GAP + width
    parts.append(draw_framesets(seen.arrays['grid'], seen.numbers, high))
  return sheet.make_row(parts, gap=16)


def draw_framesets(
  made: np.ndarray, numbers: np.ndarray, width: int
) -> np.ndarray:
  """Draws framesets [G, H, W, 3] of frames with those numbers: [T]."""
  numbers = numbers.reshape(len(made), -1)
  tiles = [
    sheet.draw_tile(image, width, f'frameset of {n[0]} to {n[-1]}, row by row')
    for image, n in zip(made, numbers, strict=True)
  ]
  return sheet.make_column(tiles)
