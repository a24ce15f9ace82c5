"""Frame mAP against another evaluator, a slow one, and boxes drawn by hand."""

import json

import numpy as np
import pytest

from i2v_jax.data.sets.key_frames import make_rows
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.evaluation import detection_map, detection_ranking
from i2v_jax.training.evaluation.detection_tables import read_ava_csv

IDS = range(1, 81)
A, B = ('film', '0902'), ('film', '0903')
BOX = (0.1, 0.1, 0.5, 0.5)
FAR = (0.6, 0.6, 0.9, 0.9)


def read_golden(folder):
  """Truth, detections, excluded key frames and classes of a stored result."""
  # The eighth column of the truth is a person's number, not a score.
  truth, found = (
    read_ava_csv(folder / f'{name}.csv', IDS)
    for name in ('groundtruth', 'detections')
  )
  lines = (folder / 'excluded_timestamps.csv').read_text('utf-8').split()
  excluded = frozenset(tuple(line.split(',')) for line in lines)
  wanted = json.loads((folder / 'expected.json').read_text('utf-8'))
  evaluated = np.array([str(number) in wanted['AP'] for number in IDS])
  return (truth, found, excluded, evaluated), wanted


def compute(truth, found, excluded=(), classes=1, **options):
  """Average precisions of `(key, box, label[, score])`, all evaluated."""
  truth, found = (
    make_rows(*zip(*rows, strict=True)) for rows in (truth, found)
  )
  evaluated = np.ones(classes, bool)
  return detection_map.compute_average_precisions(
    truth, found, excluded, evaluated, **options
  ).tolist()


def compute_slowly(truth, found, excluded, evaluated, most_rows, unknown):
  """The same, a box at a time, by the words of the rules."""
  known, total = set(truth.keys), len(evaluated)
  frames, counts, scored = {}, [0] * total, [[] for _ in range(total)]
  for key, label in zip(truth.keys, truth.labels, strict=True):
    counts[label] += key not in excluded and bool(evaluated[label])
  for row, (key, label) in enumerate(
    zip(found.keys, found.labels, strict=True)
  ):
    if key not in excluded and evaluated[label]:
      frames.setdefault(key, []).append(row)
  for key, rows in frames.items():
    if unknown and key not in known:
      continue
    rows = sorted(rows, key=lambda row: (found.scores[row], row))[::-1]
    taken = set()
    for row in rows[: most_rows or len(rows)]:
      x1, y1, x2, y2 = found.boxes[row]
      if x1 >= x2 or y1 >= y2:
        continue
      best, most = None, -1
      for other, box in enumerate(truth.boxes):
        if (truth.keys[other], truth.labels[other]) == (key, found.labels[row]):
          wide = max(0, min(x2, box[2]) - max(x1, box[0]))
          high = max(0, min(y2, box[3]) - max(y1, box[1]))
          area = (x2 - x1) * (y2 - y1) + (box[2] - box[0]) * (box[3] - box[1])
          if wide * high / (area - wide * high) > most:
            best, most = other, wide * high / (area - wide * high)
      right = most >= 0.5 and best not in taken
      taken |= {best} if right else set()
      scored[found.labels[row]].append((found.scores[row], right))
  return [*map(compute_area, scored, counts)]


def compute_area(scored, count):
  """Area under precision over recall of `(score, right)`, later ones first."""
  if not count:
    return np.nan
  places = sorted(range(len(scored)), key=lambda i: (scored[i][0], i))[::-1]
  right = np.array([scored[i][1] for i in places], bool)
  precision = np.cumsum(right) / np.arange(1, len(right) + 1)
  return sum(precision[i:].max() for i in np.flatnonzero(right)) / count


def make_random(rng, rows, frames=6, classes=4):
  """Boxes that often overlap, with scores that often tie."""
  keys = [('film', f'{n:04d}') for n in rng.integers(frames, size=rows)]
  low = rng.integers(0, 3, (rows, 2)) / 8
  boxes = np.hstack([low, low + rng.integers(0, 5, (rows, 2)) / 8])
  scores = rng.integers(5, size=rows) / 4
  return make_rows(keys, boxes, rng.integers(classes, size=rows), scores)


@pytest.mark.parametrize('name', ['ava_map', 'ava_map_ties'])
def test_every_class_is_as_in_the_published_evaluator(golden, name):
  arguments, wanted = read_golden(golden / name)
  found = detection_map.compute_average_precisions(*arguments)
  assert np.isnan(np.delete(found, [int(n) - 1 for n in wanted['AP']])).all()
  for number, value in wanted['AP'].items():
    value = np.nan if value is None else value
    np.testing.assert_allclose(found[int(number) - 1], value, 0, 1e-9)
    low, high = wanted.get('AP_range_over_tie_orders', {}).get(number) or (0, 1)
    assert (
      value is np.nan or low - 1e-9 <= found[int(number) - 1] <= high + 1e-9
    )
  mean = detection_map.compute_mean(found)
  assert abs(mean - wanted['mAP']) < 1e-9
  ranking = detection_ranking.rank(*arguments)
  for number, count in wanted['ground_truth_instances'].items():
    assert ranking.instances[int(number) - 1] == count


def test_the_options_are_those_of_activitynets_script(golden):
  (*rows, excluded, evaluated), wanted = read_golden(golden / 'ava_map')
  others = wanted['other_published_evaluators']
  for which, name in (
    ((), 'activitynet_82304fa_mAP'),
    (excluded, 'activitynet_82304fa_after_removing_excluded_frames_mAP'),
  ):
    found = detection_map.compute_average_precisions(
      *rows, which, evaluated, most_rows=50, ignore_unknown=True
    )
    assert abs(detection_map.compute_mean(found) - others[name]) < 1e-9


@pytest.mark.parametrize('seed', range(12))
def test_it_agrees_with_one_box_at_a_time(seed):
  rng = np.random.default_rng(seed)
  truth, found = make_random(rng, 25), make_random(rng, 150, frames=8)
  arguments = (truth, found, {A, ('film', '0004')}, rng.random(4) < 0.8)
  for most_rows in (0, 7):
    for unknown in (False, True):
      computed = detection_map.compute_average_precisions(
        *arguments, most_rows=most_rows, ignore_unknown=unknown
      )
      wanted = compute_slowly(*arguments, most_rows, unknown)
      np.testing.assert_allclose(computed, wanted, 0, 1e-12)


def test_precision_counts_as_at_a_higher_recall():
  truth = [(A, BOX, 0), (B, BOX, 0)]
  found = [(A, BOX, 0, 0.9), (A, FAR, 0, 0.8), (B, BOX, 0, 0.7)]
  assert compute(truth, found) == [pytest.approx((1 + 2 / 3) / 2)]
  assert compute(truth, found[:2]) == [0.5]
  assert compute(truth, found[1:2]) == [0]


def test_a_class_without_truth_has_no_precision_and_one_unseen_has_0():
  truth, found = [(A, BOX, 0), (A, BOX, 1)], [(A, BOX, 0, 1), (A, BOX, 2, 1)]
  one, unseen, none = compute(truth, found, classes=3)
  assert (one, unseen) == (1, 0) and np.isnan(none)
  assert detection_map.compute_mean(np.array([one, unseen, none])) == 0.5


@pytest.mark.parametrize(('width', 'right'), [(0.25, 1), (0.2499, 0)])
def test_half_an_overlap_is_a_hit(width, right):
  truth, found = (A, (0, 0, 0.5, 0.5), 0), (A, (0, 0, width, 0.5), 0, 1)
  assert compute([truth], [found]) == [right]


def test_a_box_found_twice_is_wrong_once_and_no_second_best_is_tried():
  twice = [(A, BOX, 0, 0.9), (A, BOX, 0, 0.8)]
  near = (0.1, 0.1, 0.5, 0.45)
  assert compute([(A, BOX, 0), (A, near, 0)], twice) == [0.5]
  assert compute([(A, BOX, 0), (A, BOX, 0)], twice) == [0.5]


def test_of_equal_scores_the_later_row_and_the_later_key_frame_come_first():
  right, wrong = (A, BOX, 0, 0.5), (B, BOX, 0, 0.5)
  truth = [(A, BOX, 0)]
  assert compute(truth, [right, wrong]) == [0.5]
  assert compute(truth, [wrong, right]) == [1]
  # Which of two takes the box: the later; it then ranks behind the earlier.
  assert compute(truth, [right, right]) == [0.5]


def test_a_row_that_does_not_count_gives_its_key_frame_no_place():
  truth, right, wrong = [(A, BOX, 0)], (A, BOX, 0, 0.5), (B, BOX, 0, 0.5)
  foreign = (B, BOX, 1, 0.5)
  rows = (make_rows(*zip(*truth, strict=True)), [foreign, right, wrong])
  evaluated = np.array([True, False])
  found = detection_map.compute_average_precisions(
    rows[0], make_rows(*zip(*rows[1], strict=True)), (), evaluated
  )
  assert found[0] == 0.5
  # An empty box does: it is part of the file until it is compared.
  empty = (B, (0.3, 0.3, 0.3, 0.6), 0, 0.1)
  assert compute(truth, [empty, right, wrong]) == [1]


def test_excluded_key_frames_count_on_neither_side():
  truth = [(A, BOX, 0), (B, BOX, 0)]
  found = [(B, FAR, 0, 0.9), (A, BOX, 0, 0.5)]
  assert compute(truth, found) == [0.25]
  assert compute(truth, found, excluded={B}) == [1]


def test_what_does_not_count_is_counted():
  rng = np.random.default_rng(0)
  truth, found = make_random(rng, 9, frames=4), make_random(rng, 90, frames=8)
  evaluated = np.array([True, True, True, False])
  ranking = detection_ranking.rank(
    truth, found, {A}, evaluated, most_rows=5, ignore_unknown=True
  )
  assert len(ranking.left_out) == 5
  assert len(ranking.rows) + sum(ranking.left_out.values()) == 90
  assert ranking.left_out['of a class that is not evaluated'] == np.sum(
    found.labels == 3
  )
  assert ranking.left_out['on a key frame without truth'] > 0
  assert ranking.left_out['without area'] > 0


def test_truth_of_no_evaluated_class_has_no_mean():
  with pytest.raises(UserError, match='No evaluated class has an annotated'):
    detection_map.compute_mean(np.full(3, np.nan))


def test_no_detections_at_all_are_a_result():
  truth, none = make_rows([A], [BOX], [0]), make_rows([], [], [])
  found = detection_map.compute_average_precisions(
    truth, none, (), np.ones(2, bool), most_rows=3
  )
  assert found[0] == 0 and np.isnan(found[1])


def test_what_cannot_be_ranked_is_named():
  with pytest.raises(UserError, match=r"the detections on key frame \('film'"):
    compute([(A, BOX, 0)], [(A, BOX, 0, np.nan)])
  with pytest.raises(UserError, match=r"'0903'\) has x1 > x2 or y1 > y2"):
    compute([(A, BOX, 0), (B, BOX[::-1], 0)], [(A, BOX, 0, 1)])
  with pytest.raises(
    ValueError, match=r'labels of the truth are not in 0\.\.0'
  ):
    compute([(A, BOX, 1)], [(A, BOX, 0, 1)])
