"""Draws shares.svg: accuracy over the number of clips, a line per method.

python docs/pictures/shares.py

From docs/results/graded_shares.json, whose rows are `METHOD, SHARE%`.
"""

import collections
import json
import pathlib

from i2v_jax.training.report.figures import words
from i2v_jax.training.report.figures.colours import LINES, MUTED
from i2v_jax.training.report.figures.own_file import make_file
from i2v_jax.training.report.figures.sheet import Sheet, own_settings

OUT = pathlib.Path(__file__).with_name('shares.svg')
ROWS = OUT.parents[1] / 'results' / 'graded_shares.json'
CLIPS, CHANCE = 2000, 0.05
PLACES = 0, 0.2, 0.4, 0.6, 0.8, 1
DASHES = (), (6, 2), (2, 2), (8, 2, 2, 2)


def read_lines() -> dict[str, list[tuple[float, float, float]]]:
  """Reads clips, mean and deviation of top-1 of each method."""
  found = collections.defaultdict(list)
  for row in json.loads(ROWS.read_text(encoding='utf-8'))['rows']:
    name, share = row['name'].rsplit(', ', 1)
    clips = round(float(share.rstrip('%')) / 100 * CLIPS)
    found[name].append((clips, row['top1'], row['top1_deviation']))
  return {name: sorted(points) for name, points in found.items()}


@own_settings
def draw_shares() -> str:
  """The figure as SVG with colours of its own."""
  lines = read_lines()
  clips = [point[0] for point in next(iter(lines.values()))]
  sheet = Sheet(560, 320, (60, 130, 42, 12))
  sheet.axes.set_xscale('log')
  sheet.limit((clips[0] * 0.9, clips[-1] * 1.1), (0, 1))
  sheet.draw_y_axis(PLACES, 'top-1', [f'{y:.0%}' for y in PLACES])
  texts = [f'{count}' for count in clips]
  sheet.draw_x_axis(clips, 'training clips of 20 classes', texts)
  sheet.draw([clips[0], clips[-1]], [CHANCE] * 2, MUTED, 1, (2, 3))
  sheet.write(8, sheet.to_pixels(1, CHANCE)[1] - 8, 'chance', color=MUTED)
  ends = [_draw_line(sheet, i, lines[name]) for i, name in enumerate(lines)]
  right = max(x for x, _ in ends)
  heights = words.spread([y for _, y in ends], 14, 4, sheet.inner[1] - 4)
  for index, (name, height) in enumerate(zip(lines, heights, strict=True)):
    x, y = ends[index]
    colour = LINES[index % len(LINES)]
    sheet.draw_in_pixels([x + 4, right + 16], [y, height], MUTED, 0.6)
    sheet.write(right + 20, height, name, color=colour)
  return make_file(
    sheet.finish(f'top-1 over training clips: {", ".join(lines)}')
  )


def _draw_line(sheet: Sheet, index: int, points) -> tuple[float, float]:
  """Draws means and deviations; returns where the line ends, in pixels."""
  colour = LINES[index % len(LINES)]
  # Apart, so that bars of equal clips can be told from each other.
  points = [(x * 1.03 ** (index - 2.5), *rest) for x, *rest in points]
  xs, ys, _ = zip(*points, strict=True)
  dashes = DASHES[(index + index // len(LINES)) % len(DASHES)]
  sheet.draw(xs, ys, colour, 1.6, dashes, zorder=3)
  for x, y, deviation in points:
    sheet.draw([x, x], [y - deviation, y + deviation], colour, 0.8)
    sheet.draw_dot(x, y, colour, 2)
  return sheet.to_pixels(xs[-1], ys[-1])


if __name__ == '__main__':
  OUT.write_text(draw_shares(), encoding='utf-8')
