"""Draws key frames with their boxes on a sheet."""

import dataclasses
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

from i2v_jax.data.clips import clips
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading import key_frames
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.show import sheet
from i2v_jax.data.show.show import (
  MARGIN,
  Recorder,
  describe_spec,
  draw_framesets,
)

# Of Okabe and Ito: those that stand out from a dark background, for all eyes.
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66))
COLOURS += ((213, 94, 0), (204, 121, 167), (255, 255, 255))
_LARGE, _SMALL = 352, 80  # width in pixels of the key frame, of the others
_COLUMNS, _LETTERS = 8, 108  # frames, and letters, in a line


@dataclasses.dataclass(frozen=True)
class Seen:
  """One clip with boxes as a model sees it.

  Attributes:
    title: kind of the clip.
    notes: lines below the title.
    video: uint8 [T, H, W, 3], or [T_S, H, W, 3] next to framesets.
    numbers: frame numbers in the video: [T].
    key: number of the key frame.
    boxes: inclusive, in pixels: [n, 4].
    words: what is known of each box.
    framesets: uint8 [G, H, W, 3]; none without a grid.
  """

  title: str
  notes: Sequence[str]
  video: np.ndarray
  numbers: np.ndarray
  key: int
  boxes: np.ndarray
  words: Sequence[str]
  framesets: np.ndarray | Sequence = ()


def draw_train_clips(
  split: Split, spec: ClipSpec, index: int, seed: Sequence[int], count: int
) -> Iterator[Seen]:
  """Draws clips of a key frame with `clips.make_train_boxes`."""
  known, rows = split.key_frames, split.key_frames.rows(index)
  # Two more columns of labels, which only a mirrored clip exchanges.
  classes = known.labels.shape[1]
  more = {classes: classes + 1, classes + 1: classes}
  marked = dataclasses.replace(spec, flip_map={**spec.flip_map, **more})
  labels = np.pad(known.labels[rows], ((0, 0), (0, 2)))
  labels[:, classes] = True
  video, key = key_frames.open_example(split, spec, index)
  with video:
    for draw in range(count):
      noted, rng = Recorder(video), np.random.default_rng([*seed, draw])
      made = clips.make_train_boxes(
        noted, key, known.boxes[rows], labels, marked, rng
      )
      real = made['box_mask'] > 0
      found = made['box_labels'][real] > 0
      notes = ['mirrored'] * bool(found[:, classes + 1].any())
      words = [_name(split, one[:classes]) for one in found]
      yield Seen(
        f'train {draw + 1}',
        [*notes, f'boxes: {real.sum()}'],
        made['video'],
        noted.numbers,
        key,
        made['boxes'][real],
        words,
        made.get('grid', ()),
      )


def show_test_view(split: Split, spec: ClipSpec, index: int) -> Seen:
  """Makes the view of `clips.make_test_boxes`."""
  known, rows = split.key_frames, split.key_frames.rows(index)
  video, key = key_frames.open_example(split, spec, index)
  with video:
    noted = Recorder(video)
    made = clips.make_test_boxes(noted, key, known.boxes[rows], spec)
  words = [
    _name(split, labels) or f'score {score:.2f}'
    for labels, score in zip(
      known.labels[rows], known.scores[rows], strict=True
    )
  ]
  height, width = made['video'].shape[1:3]
  notes = [spec.test_frame, f'{width} x {height}', f'boxes: {len(words)}']
  return Seen(
    'test',
    notes,
    made['video'],
    noted.numbers,
    key,
    made['boxes'],
    words,
    made.get('grid', ()),
  )


def draw_contact_sheet(
  split: Split,
  indices: Iterable[int],
  spec: ClipSpec,
  *,
  seed: int = 0,
  draws: int = 3,
  heading: Sequence[str] = (),
) -> np.ndarray:
  """Draws all that a model sees of key frames: uint8 RGB [H, W, 3].

  Args:
    split: with key frames.
    indices: of the key frames.
    spec: how clips are made.
    seed: of the training draws.
    draws: training clips per key frame.
    heading: lines at the top, before those that describe `spec`.

  Raises:
    UserError: the split or the spec has no boxes.
    DecodeError: a video cannot be read.
  """
  key_frames.check(split, spec)
  lines = [*heading, *describe_spec(spec)]
  blocks = [
    sheet.make_column([sheet.draw_words(line) for line in lines], gap=4)
  ]
  for index in indices:
    blocks.append(sheet.draw_words(split.ids[index], 20, sheet.BRIGHT, 900))
    drawn = draw_train_clips(split, spec, index, (seed, index), draws)
    blocks += [
      _draw_clip(seen) for seen in (*drawn, show_test_view(split, spec, index))
    ]
  return sheet.pad(sheet.make_column(blocks, gap=18), border=24)


def draw_boxes(image: np.ndarray, boxes: np.ndarray, width: int) -> np.ndarray:
  """Draws an image in that width, with numbered boxes on it.

  Args:
    image: uint8 RGB [H, W, 3].
    boxes: inclusive, in its pixels: [n, 4].
    width: pixels.
  """
  out, scale = sheet.draw_tile(image, width), width / image.shape[1]
  edges = (
    np.rint((boxes + np.float32([0, 0, 1, 1])) * scale).astype(int).tolist()
  )
  for number, (x1, y1, x2, y2) in enumerate(edges):
    corners = (x1, y1), (max(x2 - 1, x1), max(y2 - 1, y1))
    cv2.rectangle(out, *corners, sheet.BACKGROUND, 4)
    cv2.rectangle(out, *corners, _choose_colour(number), 2)
  for number, (x1, y1, _, _) in enumerate(edges):
    sheet.put(out, _draw_tag(number), y1, x1)
  return out


def _draw_clip(seen: Seen) -> np.ndarray:
  """Draws one clip: notes, the key frame with boxes, words, all frames."""
  said = [sheet.draw_words(seen.title, 15, sheet.ACCENT)]
  said += [sheet.draw_words(note, 12, width=MARGIN) for note in seen.notes]
  said = sheet.pad(sheet.make_column(said, gap=2), width=MARGIN)
  numbers = seen.numbers[:: len(seen.numbers) // len(seen.video)]
  nearest = int(np.abs(numbers - seen.key).argmin())
  caption = f'frame {numbers[nearest]}; the key frame is {seen.key}'
  large = draw_boxes(seen.video[nearest], seen.boxes, _LARGE)
  large = sheet.make_column([large, sheet.draw_words(caption, 11)], gap=3)
  tiles = [
    sheet.draw_tile(frame, _SMALL, f'frame {number}')
    for frame, number in zip(seen.video, numbers, strict=True)
  ]
  beside = [*_draw_words(seen.words), sheet.wrap(tiles, _COLUMNS)]
  parts = [said, large, sheet.make_column(beside)]
  if len(seen.framesets):
    parts.append(draw_framesets(seen.framesets, seen.numbers, _LARGE))
  return sheet.make_row(parts, gap=16)


def _draw_words(words: Sequence[str]) -> Iterator[np.ndarray]:
  for number, text in enumerate(words):
    lines = textwrap.wrap(text, _LETTERS) or ['no class']
    lines = [sheet.draw_words(line, 12, sheet.BRIGHT) for line in lines]
    yield sheet.make_row([_draw_tag(number), sheet.make_column(lines, gap=1)])


def _draw_tag(number: int) -> np.ndarray:
  """Draws the number of a box, from 1, dark on its colour."""
  text = str(number + 1)
  tag = np.full((16, 6 + 8 * len(text), 3), _choose_colour(number), np.uint8)
  place = (3, 12)
  font = cv2.FONT_HERSHEY_SIMPLEX
  cv2.putText(tag, text, place, font, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
  return tag


def _choose_colour(number: int) -> tuple[int, int, int]:
  return COLOURS[number % len(COLOURS)]


def _name(split: Split, labels: np.ndarray) -> str:
  return ', '.join(split.class_names[i] for i in np.flatnonzero(labels))
