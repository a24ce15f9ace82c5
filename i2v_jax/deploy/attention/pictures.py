"""Pictures of attention: a sheet, and a video of the same rows."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from i2v_jax.data.show import sheet
from i2v_jax.deploy import drawn_video
from i2v_jax.deploy.attention.compute import ClipAttention
from i2v_jax.deploy.attention.drawing import (
  draw_map,
  draw_scale,
  draw_square,
)
from i2v_jax.deploy.attention.rows import IMAGE, Row, make_rows

MARGIN, MOST = 212, 16  # pixels beside a row, and columns at most
RATE = 4  # frames a second of a video
_WIDE, _NARROW, _FEW = 128, 112, 8  # pixels of a column; few are wide
_PANEL = 288  # pixels of a panel of a video
_MOVED = (
  'The map of a temporal head lies on the frame that it looks at ("on frame '
  'N"), not on that of its query.'
)
_IMAGE = (
  'The image model has no adapters in any block. In the trained model earlier '
  'blocks are adapted, too, so that maps differ by more than relocation.'
)
_COLOURS = (
  'Bright colour is attention, dim grey is the frame. Each row has its own '
  'scale, from none to its brightest; the white mark is even attention.'
)
_OTHER = (
  'Other tokens are class token, registers and prompts: what is no patch.'
)


def draw_sheet(attention: ClipAttention) -> np.ndarray:
  """Draws frames, image model and groups of heads: uint8 RGB [H, W, 3]."""
  rows, count = make_rows(attention), len(attention.clip.frames)
  places = choose_columns(count, *list_asked(attention, rows))
  side = _WIDE if len(places) <= _FEW else _NARROW
  blocks = [_draw_title(attention, len(places))]
  blocks += [_draw_row(attention, row, places, side) for row in rows]
  blocks.append(draw_legend(rows))
  return sheet.pad(sheet.make_column(blocks, gap=12), border=20)


def choose_columns(count: int, *asked: int) -> list[int]:
  """Chooses the frames of a clip that have a column: some evenly, and these."""
  every = math.ceil(count / MOST)
  return sorted({*range(0, count, every), *asked})


def list_asked(attention: ClipAttention, rows: Sequence[Row]) -> list[int]:
  """Frames of the query that was asked for, and of those shown for it."""
  if not attention.at:
    return []
  alone = [place for row in rows if row.has_one for place in row.cells]
  return [attention.at[2], *alone]


def _draw_title(attention: ClipAttention, columns: int) -> np.ndarray:
  name, *lines = attention.title
  count = len(attention.clip.frames)
  if columns < count:
    lines.append(f'{columns} of the {count} frames of the clip')
  words = [sheet.draw_words(name, 20, sheet.BRIGHT, width=900)]
  words += [sheet.draw_words(line) for line in (*lines, *attention.notes)]
  return sheet.make_column(words, gap=3)


def _draw_row(
  attention: ClipAttention, row: Row, places: Sequence[int], side: int
) -> np.ndarray:
  said = [sheet.draw_words(row.title, 14, sheet.ACCENT, width=MARGIN)]
  said += [sheet.draw_words(note, 11, width=MARGIN) for note in row.notes]
  said += _scale(row)
  said = sheet.pad(sheet.make_column(said, gap=2), width=MARGIN)
  tiles = [_draw_tile(attention, row, place, side) for place in places]
  return sheet.make_row([said, *tiles])


def _draw_tile(
  attention: ClipAttention, row: Row, place: int, side: int
) -> np.ndarray:
  """Draws the picture of a column, with a caption; empty if there is none."""
  if place not in row.cells:
    return sheet.make_empty(side, side)
  picture = draw_cell(attention, row, place, side)
  said = caption(attention, row, place)
  words = [sheet.draw_words(text, 11, width=side) for text in said]
  above = row.cells[place].weights is None
  parts = [*words, picture] if above else [picture, *words]
  return sheet.make_column(parts, gap=3)


def caption(attention: ClipAttention, row: Row, place: int) -> list[str]:
  """Which frame a column is of, or what must be known of a map: lines."""
  cell = row.cells[place]
  if cell.weights is None:
    return [f'frame {place}, {attention.clip.seconds[place]:.2f} s']
  lines = _describe_frame(row, place)
  # Steps may have several frames; the map is in the column of their first.
  if attention.at and row.has_one and place != attention.at[2]:
    lines.append(f'shown for frame {attention.at[2]}')
  return lines


def _describe_frame(row: Row, place: int) -> list[str]:
  """Which frame the map of a temporal head lies on: lines."""
  cell = row.cells[place]
  if not row.offset:
    return []
  if abs(cell.frame - place) >= abs(row.offset):
    return [f'on frame {cell.frame}']
  own = ', its own' if cell.frame == place else ''
  side = 'before' if row.offset < 0 else 'after'
  return [f'on frame {cell.frame}{own}:', f'there is none {side}']


def draw_cell(
  attention: ClipAttention, row: Row, place: int, side: int
) -> np.ndarray:
  """Draws one picture of a row, `side` pixels wide."""
  cell = row.find_cell(place)
  frame = sheet.draw_tile(attention.clip.frames[cell.frame], side)
  picture = draw_map(frame, cell, row.most)
  if attention.at and cell.frame == attention.at[2]:
    picture = picture.copy()
    draw_square(picture, attention.at, attention.facts['grid'])
  return picture


def _scale(row: Row) -> list[np.ndarray]:
  """The scale of a row, or nothing where there is no map."""
  return [draw_scale(row.even / row.most)] if row.most else []


def draw_legend(rows: Sequence[Row]) -> np.ndarray:
  """What the colours are, what rows differ by, and on what maps lie."""
  temporal = any(row.offset for row in rows)
  image = any(row.title.startswith(IMAGE) for row in rows)
  others = any('other tokens' in note for row in rows for note in row.notes)
  lines = [_COLOURS]
  lines += [_IMAGE] if image and temporal else []
  lines += [_MOVED] if temporal else []
  lines += [_OTHER] if others else []
  return sheet.make_column([sheet.draw_words(x, 12) for x in lines], gap=3)


def write_video(path, attention: ClipAttention) -> None:
  """Writes the rows as panels of a video, frame by frame, as H.264.

  Raises:
    OSError: the file cannot be written.
  """
  drawn, count = _draw_panels(attention), len(attention.clip.frames)
  first = next(drawn)
  timed = (
    (picture, number / RATE)
    for number, picture in enumerate(itertools.chain([first], drawn))
  )
  drawn_video.write_pictures(path, timed, first.shape[:2], RATE, count)


def _draw_panels(attention: ClipAttention) -> Iterator[np.ndarray]:
  """Draws the panels of each frame of the clip, all of one size."""
  rows = make_rows(attention)
  columns = len(rows) if len(rows) <= 4 else math.ceil(len(rows) / 2)
  for place in range(len(attention.clip.frames)):
    panels = [_draw_panel(attention, row, place) for row in rows]
    blocks = [_draw_title(attention, len(attention.clip.frames))]
    blocks += [sheet.wrap(panels, columns), draw_legend(rows)]
    yield sheet.pad(sheet.make_column(blocks, gap=12), border=16)


def _draw_panel(attention: ClipAttention, row: Row, place: int) -> np.ndarray:
  title = sheet.draw_words(row.title, 14, sheet.ACCENT, width=_PANEL)
  said = caption(attention, row, place) if place in row.cells else []
  said = sheet.draw_words(' '.join(said), 13, width=_PANEL)
  picture = draw_cell(attention, row, place, _PANEL)
  words = [sheet.draw_words(text, 11, width=_PANEL) for text in row.notes]
  return sheet.make_column([title, said, picture, *words, *_scale(row)], gap=3)
