"""Accuracy against the length of clips."""

import numpy as np

from i2v_jax.training.report.evaluations import Scores
from i2v_jax.training.report.figures.bars import Share, draw_shares
from i2v_jax.training.report.intervals import make_share

GROUPS = 6
LEAST = 10  # examples of a group


def draw(scores: Scores) -> str:
  """Draws accuracy by length; '' if lengths are unknown or all the same."""
  rows = group(scores)
  return draw_shares(rows, 'right, percent') if len(rows) > 1 else ''


def group(scores: Scores) -> list[Share]:
  """Groups examples by length, about as many in each, and counts the right.

  Lengths that are equal are in one group.
  """
  known = scores.labelled & np.isfinite(scores.seconds)
  seconds, right = scores.seconds[known], scores.right[known]
  count = min(GROUPS, len(seconds) // LEAST)
  if count < 2:
    return []
  edges = np.unique(np.quantile(seconds, np.linspace(0, 1, count + 1)))
  if len(edges) < 2:
    return []
  of = np.clip(np.searchsorted(edges, seconds, 'right') - 1, 0, len(edges) - 2)
  rows = []
  for number in range(len(edges) - 1):
    mine = of == number
    if mine.any():
      low, high = seconds[mine].min(), seconds[mine].max()
      share = make_share(int(right[mine].sum()), int(mine.sum()))
      rows.append(Share(_name(low, high), *share))
  return rows


def _name(low: float, high: float) -> str:
  first, last = f'{low:.3g}', f'{high:.3g}'
  return f'{first} s' if first == last else f'{first} to {last} s'
