"""Draws results.svg: the first table of docs/results.md as points.

python docs/pictures/results.py
"""

import pathlib
import re

from i2v_jax.training.report.figures.own_file import make_file
from i2v_jax.training.report.figures.scatter import Point, draw_scatter

OUT = pathlib.Path(__file__).with_name('results.svg')
TABLE = pathlib.Path(__file__).parents[1] / 'results.md'


def read_table() -> list[Point]:
  """Reads tunable parameters and accuracy of the rows of the first table."""
  table = TABLE.read_text(encoding='utf-8').split('\n| method |')[1]
  rows = re.findall(
    r'^\| ([^|…]+) \| ([\d,]+) \| ([\d.]+) % \|', table, re.MULTILINE
  )
  return [
    Point(name, int(tunable.replace(',', '')), float(top1) / 100)
    for name, tunable, top1 in rows
  ]


def draw_results() -> str:
  """The figure as SVG with colours of its own."""
  return make_file(
    draw_scatter(read_table(), 'tunable parameters', chance=0.25)
  )


if __name__ == '__main__':
  OUT.write_text(draw_results(), encoding='utf-8')
