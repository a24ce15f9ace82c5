"""A matrix of classes: which are taken for which."""

from collections.abc import Sequence

import numpy as np

from i2v_jax.runtime.errors import UserError
from i2v_jax.training.report.figures import words
from i2v_jax.training.report.figures.colours import (
  ACCENT,
  GRID,
  INK,
  MUTED,
  PAPER,
)
from i2v_jax.training.report.figures.sheet import Sheet, own_settings

MOST = 40  # classes whose names can be read
_SIDES = {5: 52, 10: 36, 20: 22, MOST: 13}  # pixels of a cell
_NAME = 20  # letters


@own_settings
def draw_confusion(counts_CxC, names: Sequence[str]) -> str:
  """Draws how often videos of a class (row) are called another; SVG.

  The shade of a cell is its share of the row, which is written as percent where
  it fits; hovering tells the counts.

  Raises:
    UserError: there are more than 40 classes, or not as many names.
  """
  counts = np.asarray(counts_CxC)
  size = len(names)
  if size > MOST or counts.shape != (size, size):
    raise UserError(
      f'A confusion matrix of shape {counts.shape} with {size} names cannot '
      f'be drawn; give a square one of at most {MOST} classes.'
    )
  side = next(s for most, s in _SIDES.items() if size <= most)
  letters = 10 if side >= 20 else 8
  shown = [words.shorten(name, _NAME) for name in names]
  room = 14 + max((words.measure(n, letters) for n in shown), default=0)
  span = max(side * size, 1)
  margins = (room + 22, 12, 12, room + 20)
  width = max(span + room + 34, 240)
  sheet = Sheet(
    width,
    span + room + 32,
    (*margins[:1], width - span - room - 22, 12, room + 20),
  )
  sheet.limit((0, span), (span, 0))
  _draw_cells(sheet, counts, names, side)
  _write_names(sheet, shown, side, letters)
  _label(sheet, span, room)
  return sheet.finish(
    f'{size} classes: shares of each label (rows) by prediction (columns)'
  )


def _draw_cells(sheet: Sheet, counts, names, side: int) -> None:
  totals = counts.sum(1)
  size = len(names)
  for place in range(size + 1):
    at = [place * side] * 2
    sheet.draw(at, [0, size * side], GRID, 0.5)
    sheet.draw([0, size * side], at, GRID, 0.5)
  for row, column in np.argwhere(counts > 0):
    count, total = counts[row, column], totals[row]
    share = count / total
    box = sheet.draw_box(
      column * side + 0.5,
      row * side + 0.5,
      side - 1,
      side - 1,
      ACCENT,
      # The smallest share is seen.
      alpha=0.08 + 0.92 * share,
      zorder=2,
    )
    label, other = (words.shorten(names[i], 40) for i in (row, column))
    kind = 'right' if row == column else f'called {other}'
    sheet.tip(box, f'{label}, {kind}: {count:,} of {total:,} ({share:.1%})')
    if side >= 20:
      _write_share(sheet, row, column, share, side)


def _write_share(sheet: Sheet, row, column, share: float, side: int) -> None:
  x, y = sheet.to_pixels((column + 0.5) * side, (row + 0.5) * side)
  text = f'{share * 100:.0f}' if share >= 0.005 else '<1'
  colour = PAPER if share > 0.5 else INK
  options = {'ha': 'center', 'color': colour, 'zorder': 5}
  sheet.write(x, y, text, fontsize=12 if side > 30 else 9, **options)


def _write_names(sheet: Sheet, names, side: int, letters: int) -> None:
  height = sheet.inner[1]
  for index, name in enumerate(names):
    at = (index + 0.5) * side
    sheet.write(-6, height - at, name, ha='right', fontsize=letters)
    sheet.write(at, height + 6, name, rotation=90, fontsize=letters)


def _label(sheet: Sheet, span: float, room: float) -> None:
  style = {'ha': 'center', 'color': MUTED}
  sheet.write(span / 2, span + room + 8, 'prediction', **style)
  sheet.write(-room - 10, span / 2, 'label', rotation=90, **style)
