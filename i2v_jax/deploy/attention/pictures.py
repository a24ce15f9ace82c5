"""Pictures of attention: a sheet, and a video of the same rows."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from i2v_jax.data.show import sheet
from i2v_jax.deploy import drawn_video
from i2v_jax.deploy.attention.drawing import draw_map, draw_square, paint
from i2v_jax.deploy.attention.look import Looked
from i2v_jax.deploy.attention.rows import Row, make_rows

MARGIN, MOST = 196, 16  # pixels beside a row, and columns at most
RATE = 4  # frames a second of a video
_WIDE, _NARROW, _FEW = 128, 96, 8  # pixels of a column; few are wide
_PANEL = 288  # pixels of a panel of a video
_MOVED = (
  'Temporal heads look at another frame: their maps lie on that one ("on frame '
  'N"), not on the frame that asks.'
)
_LEGEND = 'Each row has its own scale: no attention'
_OTHER = (
  'Other tokens are class token, registers and prompts: what is no patch.'
)


def draw_sheet(looked: Looked) -> np.ndarray:
  """Draws frames, image model and groups of heads: uint8 RGB [H, W, 3]."""
  rows, count = make_rows(looked), len(looked.clip.frames)
  places = choose_columns(count, looked.at[2] if looked.at else 0)
  side = _WIDE if len(places) <= _FEW else _NARROW
  blocks = [_draw_title(looked, len(places))]
  blocks += [_draw_row(looked, row, places, side) for row in rows]
  blocks.append(_draw_legend(rows))
  return sheet.pad(sheet.make_column(blocks, gap=12), border=20)


def choose_columns(count: int, asked: int = 0) -> list[int]:
  """Chooses the frames of a clip that have a column, evenly, and one asked."""
  every = math.ceil(count / MOST)
  return sorted({*range(0, count, every), asked})


def _draw_title(looked: Looked, columns: int) -> np.ndarray:
  name, *lines = looked.title
  count = len(looked.clip.frames)
  if columns < count:
    lines.append(f'{columns} of the {count} frames of the clip')
  words = [sheet.draw_words(name, 20, sheet.BRIGHT, width=900)]
  words += [sheet.draw_words(line) for line in (*lines, *looked.notes)]
  return sheet.make_column(words, gap=3)


def _draw_row(
  looked: Looked, row: Row, places: Sequence[int], side: int
) -> np.ndarray:
  said = [sheet.draw_words(row.title, 14, sheet.ACCENT, width=MARGIN)]
  said += [sheet.draw_words(note, 11, width=MARGIN) for note in row.notes]
  said = sheet.pad(sheet.make_column(said, gap=2), width=MARGIN)
  tiles = [_draw_tile(looked, row, place, side) for place in places]
  return sheet.make_row([said, *tiles])


def _draw_tile(looked: Looked, row: Row, place: int, side: int) -> np.ndarray:
  """Draws the picture of a column, with a caption; empty if there is none."""
  if place not in row.cells:
    return sheet.make_empty(side, side)
  picture = draw_cell(looked, row, place, side)
  words = sheet.draw_words(caption(looked, row, place), 11, width=side)
  parts = (
    [words, picture]
    if row.cells[place].weights is None
    else [
      picture,
      words,
    ]
  )
  return sheet.make_column(parts, gap=3)


def caption(looked: Looked, row: Row, place: int) -> str:
  """Which frame a column is of, or which other frame a map lies on."""
  numbers, cell = looked.clip.numbers, row.cells[place]
  if cell.weights is None:
    return f'frame {numbers[place]}, {looked.clip.seconds[place]:.2f} s'
  if not row.moved:
    return ''
  own = cell.frame == place
  return 'on its own frame' if own else f'on frame {numbers[cell.frame]}'


def draw_cell(looked: Looked, row: Row, place: int, side: int) -> np.ndarray:
  """Draws one picture of a row, `side` pixels wide."""
  cell = row.find_cell(place)
  frame = sheet.draw_tile(looked.clip.frames[cell.frame], side)
  picture = draw_map(frame, cell, row.most)
  if looked.at and cell.frame == looked.at[2]:
    picture = picture.copy()
    draw_square(picture, looked.at, looked.facts['grid'])
  return picture


def _draw_legend(rows: Sequence[Row]) -> np.ndarray:
  """The colours from none to the brightest, and what moved heads mean."""
  ramp = np.broadcast_to(np.linspace(0, 1, 120, dtype=np.float32), (12, 120))
  bar = sheet.pad(paint(ramp), border=2)
  words = sheet.draw_words(_LEGEND, 12), bar, sheet.draw_words('brightest', 12)
  lines = [sheet.make_row(words)]
  if any(row.moved for row in rows):
    lines.append(sheet.draw_words(_MOVED, 12))
  if any('other tokens' in note for row in rows for note in row.notes):
    lines.append(sheet.draw_words(_OTHER, 12))
  return sheet.make_column(lines, gap=3)


def write_video(path, looked: Looked) -> None:
  """Writes the rows as panels of a video, frame by frame, as H.264.

  Raises:
    OSError: the file cannot be written.
  """
  drawn, count = _draw_panels(looked), len(looked.clip.frames)
  first = next(drawn)
  timed = (
    (picture, number / RATE)
    for number, picture in enumerate(itertools.chain([first], drawn))
  )
  drawn_video.write_pictures(path, timed, first.shape[:2], RATE, count)


def _draw_panels(looked: Looked) -> Iterator[np.ndarray]:
  """Draws the panels of each frame of the clip, all of one size."""
  rows = make_rows(looked)
  columns = len(rows) if len(rows) <= 4 else math.ceil(len(rows) / 2)
  for place in range(len(looked.clip.frames)):
    panels = [_draw_panel(looked, row, place) for row in rows]
    blocks = [_draw_title(looked, len(looked.clip.frames))]
    blocks += [sheet.wrap(panels, columns), _draw_legend(rows)]
    yield sheet.pad(sheet.make_column(blocks, gap=12), border=16)


def _draw_panel(looked: Looked, row: Row, place: int) -> np.ndarray:
  title = sheet.draw_words(row.title, 14, sheet.ACCENT, width=_PANEL)
  said = caption(looked, row, place) if place in row.cells else ''
  room = max(_PANEL - title.shape[1] - sheet.GAP, 1)
  title = sheet.make_row([title, sheet.draw_words(said, 13, width=room)])
  picture = draw_cell(looked, row, place, _PANEL)
  words = [sheet.draw_words(text, 11, width=_PANEL) for text in row.notes]
  return sheet.make_column([title, picture, *words], gap=3)
