"""Figures are parts of a page, whatever names they hold."""

import os
import re
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from drawn import SVG, find_texts, find_tips

from i2v_jax.runtime.errors import UserError
from i2v_jax.training.report.figures import (
  bars,
  confusion,
  lines,
  reliability,
  scatter,
  svg,
  ticks,
  timeline,
  words,
)

NAMES = [
  '<script>alert(1)</script>',
  'a & b "quoted"',
  'עברית',
  '$x$ and \\frac{1}{2}',
  '漢字 \U0001f95e \u202egnp',
  'long ' * 60,
  'bell \x07 and \udcff half',
]


def draw_all(names=NAMES):
  """One figure of each kind, with these names."""
  size = len(names)
  spans = [(i, i + 1.5, name) for i, name in enumerate(names)]
  bins = [reliability.Bin(0.4, 0.3, 7, 0.1, 0.6)]
  return {
    'lines': lines.draw_lines(
      [
        lines.Line(name, [0, 1, 2], [1, i, np.nan])
        for i, name in enumerate(names)
      ],
      names[0],
      names[1],
      [lines.Mark(1, names[2])],
    ),
    'reliability': reliability.draw_reliability(bins),
    'confusion': confusion.draw_confusion(np.eye(size, dtype=int) + 1, names),
    'bars': bars.draw_shares(
      [bars.Share(n, 0.5, 0.4, 0.7, 30) for n in names], names[3]
    ),
    'timeline': timeline.draw_timeline(9, [timeline.Row(names[0], spans)]),
    'scatter': scatter.draw_scatter(
      [scatter.Point(n, 10**i, i / 9, 0.1) for i, n in enumerate(names)],
      names[3],
      chance=0.25,
    ),
  }


@pytest.fixture(scope='module')
def figures():
  """One figure of each kind; no glyph is missed while they are drawn."""
  with warnings.catch_warnings():
    warnings.filterwarnings('error', 'Glyph')
    return draw_all()


def test_a_figure_is_part_of_a_page(figures):
  for drawn in figures.values():
    root = ElementTree.fromstring(drawn)
    assert root.tag == f'{SVG}svg'
    assert drawn.startswith('<svg ')
    assert root.get('role') == 'img'
    assert root.get('viewBox').startswith('0 0 ')
    assert root[0].tag == f'{SVG}title'
    assert root[0].text
    # Of two figures in a page, none could be taken for another's.
    assert not re.search(r'\b(?:id|href)=', drawn)


def test_all_colours_are_the_pages(figures):
  for drawn in figures.values():
    styles = ';'.join(
      x.get('style', '') for x in ElementTree.fromstring(drawn).iter()
    )
    painted = re.findall(r'(?:fill|stroke):([^;]*)', styles)
    assert painted
    assert all(x == 'none' or x.startswith('var(--') for x in painted)
    assert not re.search('#0102', drawn)


def test_names_are_shown_not_interpreted(figures):
  root = ElementTree.fromstring(figures['confusion'])
  assert {x.tag for x in root.iter()} <= {
    SVG + tag for tag in ('svg', 'title', 'path', 'text', 'g', 'circle')
  }
  shown = find_texts(figures['confusion'])
  for name in ('a & b "quoted"', 'עברית'):
    assert shown.count(name) == 2  # of its row and its column
  assert '$x$ and \\frac{1}{2}' in [*find_tips(figures['timeline'])][3]
  assert any(
    '<script>alert(1)</script>' in t for t in find_tips(figures['bars'])
  )


def test_what_xml_cannot_hold_is_replaced(figures):
  assert any('bell � and � half' in tip for tip in find_tips(figures['bars']))


def test_drawn_again_a_figure_is_the_same(figures):
  assert draw_all() == figures


def test_settings_of_a_matplotlibrc_do_not_count(figures):
  theirs = {'text.usetex': True, 'lines.marker': 'o', 'path.sketch': (1, 9, 2)}
  with matplotlib.rc_context(theirs):
    assert draw_all() == figures
    assert matplotlib.rcParams['lines.marker'] == 'o'


def test_a_wrong_backend_is_named():
  module = 'i2v_jax.training.report.figures.reliability'
  program = f'from {module} import *; draw_reliability([])'
  done = subprocess.run(
    [sys.executable, '-c', program],
    env=os.environ | {'MPLBACKEND': 'never'},
    capture_output=True,
    text=True,
  )
  assert done.stderr.splitlines()[-1].endswith('correct or unset MPLBACKEND.')


def test_a_line_of_many_values_keeps_its_extremes():
  y = np.sin(np.arange(10_000.0))
  y[5001], y[7003] = 9, -9
  x, kept = lines._thin_out(np.arange(10_000.0), y)
  assert len(kept) <= 500
  assert {x[kept.argmax()], x[kept.argmin()]} == {5001, 7003}
  assert [x[0], x[-1]] == [0, 9999]


def test_gaps_stay_gaps_and_lonely_values_are_dots():
  line = lines.Line('a', range(7), [1, 2, np.nan, 3, np.nan, 2, 1])
  drawn = lines.draw_lines([line], 'step', 'loss')
  (curve,) = [
    x
    for x in ElementTree.fromstring(drawn).iter(f'{SVG}path')
    if 'accent' in x.get('style')
  ]
  assert curve.get('d').count('M') == 3
  assert drawn.count('<circle') == 5
  thin = lines._thin_out(
    np.arange(9e3), np.where(np.arange(9e3) == 77, np.nan, 1)
  )
  assert np.isnan(thin[1]).sum() == 1


def test_lines_differ_by_dashes_and_the_first_is_solid():
  dashes = [lines._choose(index)[1] for index in range(4)]
  assert dashes[0] == ()
  assert len(set(dashes)) == 4


def find_ends(drawn):
  """Where the line of a figure begins and ends, along the x axis."""
  root = ElementTree.fromstring(drawn)
  (curve,) = [
    x for x in root.iter(f'{SVG}path') if 'accent' in x.get('style', '')
  ]
  numbers = re.findall(r'[\d.]+', curve.get('d'))
  return float(numbers[0]), float(numbers[-2])


def test_figures_with_and_without_names_are_as_wide():
  one = lines.Line('a', [0, 9], [1, 2])
  two = lines.Line('a longer name', [0, 9], [1, 3])
  room = lines.measure_names([one, two])
  alone = lines.draw_lines([one], 'step', 'loss', room=room)
  both = lines.draw_lines([one, two], 'step', 'loss').replace('accent-2', 'x')
  assert room > 0 and find_ends(alone) == find_ends(both)


def test_the_axis_of_steps_begins_where_training_does():
  drawn = lines.draw_lines([lines.Line('a', [1, 300], [2, 1])], 'step', 'loss')
  assert find_ends(drawn)[0] > 66  # the margin, where 0 is


def test_rings_hide_nothing():
  line = lines.Line('a', [1, 2], [1, 2], rings=True)
  drawn = lines.draw_lines([line], 'step', 'loss')
  dots = [*ElementTree.fromstring(drawn).iter(f'{SVG}circle')]
  assert len(dots) == 2
  assert all('fill-opacity:0;' in dot.get('style') + ';' for dot in dots)


@pytest.mark.parametrize('known', [[], [([], [])], [([3], [np.nan])]])
def test_nothing_known_is_an_empty_figure(known):
  drawn = lines.draw_lines([lines.Line('a', *xy) for xy in known], 's', 'loss')
  assert ElementTree.fromstring(drawn)[0].text.startswith('loss')


def test_numbers_have_no_negative_zero():
  assert svg._NUMBER.sub(svg._round, '-0.04 -1.26 0.96') == '0 -1.3 1'


def test_cells_say_counts_and_shares_of_their_row():
  drawn = confusion.draw_confusion([[3, 1], [0, 0]], ['a', 'b'])
  assert find_tips(drawn) == [
    'a, right: 3 of 4 (75.0%)',
    'a, called b: 1 of 4 (25.0%)',
  ]
  assert {'75', '25'} <= set(find_texts(drawn))


def test_a_matrix_that_cannot_be_drawn_says_why():
  with pytest.raises(UserError, match='at most 40'):
    confusion.draw_confusion(np.zeros((41, 41), int), ['a'] * 41)
  with pytest.raises(UserError, match='with 1 names'):
    confusion.draw_confusion(np.zeros((2, 2), int), ['a'])


def test_the_size_of_a_dot_is_its_count():
  bins = [reliability.Bin(x, x, n, x, x) for x, n in ((0.2, 4), (0.9, 400))]
  drawn = reliability.draw_reliability(bins)
  radii = re.findall(r'<circle[^>]* r="([^"]*)"', drawn)
  assert float(radii[0]) < float(radii[1]) / 2
  assert {'4', '400', 'answers'} <= set(find_texts(drawn))
  curves = re.findall(
    r'<path d="[^"]*" style="[^"]*stroke:var\(--accent', drawn
  )
  assert curves == []  # nothing joins the dots


def test_places_are_moved_apart_within_bounds():
  found = words.spread([5, 5, 5, 90], 10, 0, 100)
  assert (np.diff(found) >= 10 - 1e-9).all()
  assert found[3] == 90
  assert found.min() >= 0
  crowded = words.spread([50] * 30, 10, 0, 100)
  assert crowded.min() >= 0
  assert crowded.max() <= 100
  assert len(words.spread([], 10, 0, 100)) == 0


def test_a_short_name_keeps_both_ends():
  assert words.shorten('short', 10) == 'short'
  cut = words.shorten('Pulling two ends of something so that it stretches', 20)
  assert len(cut) <= 20
  assert cut.startswith('Pulling')
  assert cut.endswith('es')
  assert words.shorten('a\nb\tc', 9) == 'a b c'


def test_ticks_are_few_round_numbers():
  assert ticks.place_linear(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
  assert ticks.place_log(200, 300_000) == [1e3, 1e4, 1e5]
  assert len(ticks.place_log(11, 13)) >= 2
  assert all(
    2 <= len(ticks.place_linear(a, a + b)) <= 7
    for a in (-3, 0, 17.2)
    for b in (0.003, 0.7, 1, 9, 6543)
  )
  numbers = [
    ticks.format_number(x) for x in (0, 0.25, 1200, 34436, 2.5e6, 1e-5)
  ]
  assert numbers == ['0', '0.25', '1200', '34.44k', '2.5M', '1e-05']
  assert ticks.format_axis([300, 1000, 1e4]) == ['300', '1k', '10k']
  assert ticks.format_axis([500, 1000]) == ['500', '1000']
