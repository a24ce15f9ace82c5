"""Draws results.svg: the first table of docs/results.md as points.

python docs/pictures/results.py
"""

import pathlib
import re

from i2v_jax.training.report.figures.scatter import Point, draw_scatter

OUT = pathlib.Path(__file__).with_name('results.svg')
TABLE = pathlib.Path(__file__).parents[1] / 'results.md'
# A page that shows a picture cannot set its colours.
STYLE = """
svg{--paper:#fcfcfa;--ink:#1b1f24;--muted:#5b6470;--grid:#d9dde3;
--accent:#0b57b0;background:var(--paper)}
@media(prefers-color-scheme:dark){svg{--paper:#14171b;--ink:#e9ebee;
--muted:#9ca5b1;--grid:#333a43;--accent:#7fb8ff}}
"""


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
  svg = draw_scatter(read_table(), 'tunable parameters', chance=0.25)
  width, height = re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups()
  size = f'width="{float(width) * 1.5:g}" height="{float(height) * 1.5:g}"'
  svg = re.sub(r'width:100%;(m..-width:[^;]*;)*', '', svg, count=1)
  svg = svg.replace('<svg ', f'<svg {size} ', 1)
  return svg.replace('</title>', f'</title><style>{STYLE}</style>', 1) + '\n'


if __name__ == '__main__':
  OUT.write_text(draw_results(), encoding='utf-8')
