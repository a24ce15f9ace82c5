"""Accuracy over cost: the front, places and names."""

import numpy as np
from drawn import find_texts, find_tips

from i2v_jax.training.report.figures import placing, scatter


def test_the_front_is_what_nothing_beats():
  point = scatter.Point
  points = [
    point('dear', 9, 0.9),
    point('cheap', 1, 0.5),
    point('worse', 2, 0.4),
    point('twin', 1, 0.5),
    point('equal but dearer', 10, 0.9),
  ]
  names = [p.name for p in scatter.find_front(points)]
  assert names == ['cheap', 'twin', 'dear']
  svg = scatter.draw_scatter(points, 'cost')
  assert find_tips(svg) == [
    'cheap: 50.0% at 1; twin: 50.0% at 1',
    'worse: 40.0% at 2',
    'dear: 90.0% at 9',
    'equal but dearer: 90.0% at 10',
  ]
  assert svg.count('<circle') == 2  # the others are diamonds


def test_a_place_of_many_methods_says_how_many():
  many = [scatter.Point(f'm{i}', 34_000 + i, 1 - i / 1e3) for i in range(4)]
  points = [*many, scatter.Point('cheap', 300, 0.3)]
  svg = scatter.draw_scatter(points, 'cost', chance=0.25)
  texts = find_texts(svg)
  assert {'4 methods, 99.7 to 100.0 %:', 'm0', 'm3', 'cheap'} <= set(texts)
  assert {'chance', '25 %', 'cost (logarithmic)', '1k', '10k'} <= set(texts)
  assert len(find_tips(svg)) == 2


def test_no_name_covers_another_or_a_dot():
  rng = np.random.default_rng(0)
  dots = [tuple(x) for x in rng.uniform(20, 380, (25, 2))]
  sizes = [(60, 12)] * 25
  places = placing.place_labels(
    [[d] for d in dots], sizes, (400, 400), [[(0, 0), (0, 0)]]
  )
  assert places.count(None) <= 2
  boxes = [(x, y, x + 60, y + 12) for x, y in filter(None, places)]
  boxes += [(x - 3, y - 3, x + 3, y + 3) for x, y in dots]
  for i, a in enumerate(boxes[: len(boxes) - 25]):
    assert min(a[:2]) >= 0
    assert max(a[2:]) <= 400
    for b in boxes[:i] + boxes[i + 1 :]:
      assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_names_of_one_place_are_one_label():
  assert placing.group_dots([(0, 0), (50, 0), (3, 2)], 9) == [[0, 2], [1]]


def test_of_too_many_places_the_front_is_named():
  rng = np.random.default_rng(0)
  costs, scores = 10 ** rng.uniform(3, 7, 200), rng.uniform(0.2, 0.8, 200)
  points = [
    scatter.Point(f'm{n}', *xy)
    for n, xy in enumerate(zip(costs, scores, strict=True))
  ]
  texts = find_texts(scatter.draw_scatter(points, 'cost'))
  shown = {text for text in texts if text.startswith('m')}
  assert {p.name for p in scatter.find_front(points)} <= shown
  assert len(shown) < 20
