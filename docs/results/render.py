"""Writes the tables of docs/results.md from the JSON files of this folder.

python docs/results/render.py

NAME.json becomes the table between `<!-- table: NAME -->` and `<!-- end -->`.
"""

import json
import pathlib
import re

import numpy as np

from i2v_jax.training.sweeps.correlation import describe_correlation

FOLDER = pathlib.Path(__file__).parent
PAGE = FOLDER.parent / 'results.md'
TABLE = re.compile(r'(<!-- table: (\w+) -->\n).*?(<!-- end -->)', re.DOTALL)
SHARE = re.compile(r'(.*), (\d+)%')


def render_page(text: str) -> str:
  """Replaces each table of the page by that of its file."""
  fill = lambda found: f'{found[1]}{_render_file(found[2])}\n{found[3]}'
  return TABLE.sub(fill, text)


def _render_file(name: str) -> str:
  path = FOLDER / f'{name}.json'
  return render_table(json.loads(path.read_text(encoding='utf-8')))


def render_table(found: dict) -> str:
  """Renders what `collect.py` has kept of a sweep as Markdown."""
  rows = found['rows']
  lines = _list_shares(rows) if _are_shares(rows) else _list_rows(rows)
  lines.insert(1, ['---'] * len(lines[0]))
  table = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
  minutes, seeds = np.sum([r['minutes'] for r in rows]), len(rows[0]['seeds'])
  notes = [f'{seeds} seeds' if seeds > 1 else 'One seed']
  notes += [f'{minutes:.0f} core-minutes of training steps.']
  notes = [', '.join(notes), describe_correlation(_as_rows(rows))]
  command = f'```\n{found["command"]}\n```'
  return f'{command}\n\n{table}\n\n{" ".join(filter(None, notes))}'


def _list_rows(rows) -> list[list[str]]:
  columns = {'row': lambda row: row['name'], 'tunable': _format_tunable}
  columns['top-1'] = _format_accuracy
  if any('difference' in row for row in rows):
    columns['difference'] = _format_difference
  if any(row['reported'] for row in rows):
    columns['paper'] = _format_paper
  return [list(columns)] + [[f(row) for f in columns.values()] for row in rows]


def _are_shares(rows) -> bool:
  """Whether all rows are named `METHOD, SHARE%`."""
  return all(SHARE.fullmatch(row['name']) for row in rows)


def _list_shares(rows) -> list[list[str]]:
  """A line for each method, a column for each share of the clips."""
  shares, lines = {}, {}
  for row in rows:
    method, share = SHARE.fullmatch(row['name']).groups()
    shares[f'{share} %'] = True
    lines.setdefault(method, [method]).append(_format_accuracy(row))
  return [['clips', *shares], *lines.values()]


def _as_rows(rows) -> list[dict]:
  return [{'error': None} | row for row in rows]


def _format_tunable(row) -> str:
  return f'{row["tunable_params"]:,}'


def _format_accuracy(row) -> str:
  spread = row.get('top1_deviation')
  more = '' if spread is None else f' ± {spread * 100:.1f}'
  return f'{row["top1"] * 100:.1f}{more}'


def _format_difference(row) -> str:
  if 'difference' not in row:
    return 'baseline'
  keys = ('difference', 'difference_low', 'difference_high')
  mean, low, high = (100 * row[key] for key in keys)
  return f'{mean:+.1f} ({low:+.1f} to {high:+.1f})'


def _format_paper(row) -> str:
  return f'{row["reported"]:.1f}' if row['reported'] else '-'


if __name__ == '__main__':
  PAGE.write_text(render_page(PAGE.read_text('utf-8')), encoding='utf-8')
