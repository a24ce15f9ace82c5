"""Every box of every key frame is scored once, and compared as published."""

import csv
import dataclasses
import json
import pathlib

import boxed as films
import jax
import numpy as np
import pytest
import small

from i2v_jax.data.sets.key_frames import Truth, make_rows
from i2v_jax.data.videos.decode import DecodeError
from i2v_jax.runtime import sharding
from i2v_jax.runtime.errors import NonFiniteError, UserError
from i2v_jax.training import experiment
from i2v_jax.training.evaluation import box_scores, boxes, evaluate, kinds

COUNTS = (1, 2, 3, 0, 1)  # boxes of each key frame
OFF = (0.5, 0.5, 0.6, 0.6)


@pytest.fixture(scope='module')
def split(tmp_path_factory):
  """Key frames of a wide film, then of a high one, then of the wide one."""
  folder = tmp_path_factory.mktemp('films')
  wide = films.write_film(folder / 'wide.mp4')
  high = films.write_film(folder / 'high.mp4', size=(128, 96))
  some = np.random.default_rng(0).uniform(0.1, 0.9, (sum(COUNTS), 2, 2))
  some = np.split(np.sort(some, axis=1).reshape(-1, 4), np.cumsum(COUNTS)[:-1])
  times = (0.5, 0.7, 0.6, 0.8, 1.0)
  made = films.make_split((wide, wide, high, high, wide), times, some)
  known = made.key_frames
  scores = np.linspace(0.5, 1, len(known.boxes)).astype(np.float32)
  first = make_rows([known.keys[0]] * 2, [known.boxes[0], OFF], [0, 1])
  truth = Truth(first, frozenset(), np.ones(3, bool))
  known = dataclasses.replace(known, scores=scores, truth=truth)
  return dataclasses.replace(made, key_frames=known)


@pytest.fixture
def damaged(split, tmp_path):
  """The same, whose second key frame is of a file that cannot be read."""
  bad = tmp_path / 'bad.mp4'
  bad.write_bytes(b'no video')
  paths = (split.paths[0], str(bad), *split.paths[2:])
  return dataclasses.replace(split, paths=paths)


@pytest.fixture(scope='module')
def trained():
  return small.detector(None, pathlib.Path('unused'), frames=2)


@pytest.fixture
def config(trained):
  return trained.config | {'batch_size': 2}


@pytest.fixture
def model(trained):
  return trained.model, trained.params


def run(model, split, config, **data):
  config = config | {'data': config['data'] | data}
  spec = experiment.make_clip_spec(config)
  loader = experiment.make_loader(config, split, spec)
  return boxes.evaluate(*model, loader, config, sharding.make_mesh())


def score_alone(model, split, config):
  """Probabilities of each key frame's boxes, one key frame after the other."""
  spec, found = experiment.make_clip_spec(config), []
  loader = experiment.make_loader(config, split, spec)
  for index, count in enumerate(COUNTS):
    views = loader.load_views(index)
    batch = {'video': views['video'], 'boxes': views['boxes'][None]}
    name = config['data']['normalization']
    scores = box_scores.compute_box_scores(model[0], name, model[1], batch)
    found.append(np.asarray(scores)[0, :count])
  return np.concatenate(found)


@pytest.mark.parametrize('batch_size', [2, 100])
def test_every_box_of_every_shape_is_scored_once(
  model, split, config, batch_size, monkeypatch
):
  shapes, compute = [], box_scores.compute_box_scores

  def note(model, name, params, batch):
    shapes.append(batch['video'].shape[2:4])
    return compute(model, name, params, batch)

  wanted = score_alone(model, split, config)
  monkeypatch.setattr(box_scores, 'compute_box_scores', note)
  result = run(model, split, config | {'batch_size': batch_size})
  assert list(dict.fromkeys(shapes)) == [(16, 24), (24, 16)]
  wide, high = -(-3 // batch_size), -(-2 // batch_size)
  assert shapes == [(16, 24)] * wide + [(24, 16)] * high
  known, found = split.key_frames, result.detections
  assert np.ptp(wanted) > 0.1
  weighted = wanted * known.scores[:, None]
  np.testing.assert_allclose(found.scores, weighted.ravel(), 0, 1e-6)
  assert found.labels.tolist() == [0, 1, 2] * len(known.boxes)
  np.testing.assert_array_equal(found.boxes[::3], known.boxes)
  keys = [k for k, n in zip(known.keys, COUNTS, strict=True) for _ in range(n)]
  assert list(found.keys[::3]) == keys
  facts = result.fingerprint
  assert (facts['listed'], facts['decoded'], facts['boxes']) == (5, 5, 7)
  assert facts['boxes_from'] == 'annotations'
  # Box 0 does stand; no box is where the left is touched.
  rank = 1 + (weighted[:, 0] > weighted[0, 0]).sum()
  precisions = {row.name: row.average_precision for row in result.classes}
  assert precisions == pytest.approx({'stand': 1 / rank, 'touch left': 0})
  assert result.accuracy['mAP'] == pytest.approx(0.5 / rank)
  assert result.bad == {} and rank > 1


def test_what_cannot_be_read_stops_it_or_is_counted(
  model, damaged, config, tmp_path
):
  with pytest.raises(DecodeError, match=r'bad\.mp4.*on_bad_video'):
    run(model, damaged, config)
  skip = dict(on_bad_video='skip', max_bad_share=0.5)
  result = run(model, damaged, config, **skip)
  key = damaged.key_frames.keys[1]
  assert len(result.detections.keys) == 3 * 5
  assert key not in result.detections.keys
  assert np.isfinite(result.detections.scores).all()
  facts = result.fingerprint
  assert (facts['listed'], facts['decoded'], facts['failed']) == (5, 4, 1)
  assert facts['boxes'] == 5
  boxes.write_evaluation(result, damaged, tmp_path / 'eval')
  with (tmp_path / 'eval' / 'bad_videos.csv').open(encoding='utf-8') as file:
    (row,) = csv.DictReader(file)
  assert row['video'] == '@'.join(key)
  said = boxes.format_summary(result)
  assert 'exactly 4 of 5 key frames with boxes (1 unreadable; ' in said


def test_too_many_unreadable_key_frames_stop_it(model, damaged, config):
  bad = dataclasses.replace(damaged, paths=damaged.paths[1:2] * 5)
  skip = dict(on_bad_video='skip', max_bad_share=0.5)
  with pytest.raises(DecodeError, match='of 5 key frames cannot be read, more'):
    run(model, bad, config, **skip)


def test_what_is_written(model, split, config, tmp_path):
  result = run(model, split, config)
  folder = tmp_path / 'eval'
  folder.mkdir()
  (folder / 'bad_videos.csv').write_text('of an older evaluation', 'utf-8')
  assert boxes.write_evaluation(result, split, folder) == folder
  names = {path.name for path in folder.iterdir()}
  assert names == {'report.json', 'detections.csv', 'classes.csv'}
  lines = (folder / 'detections.csv').read_text('utf-8').splitlines()
  assert len(lines) == 3 * 7
  video, time, *_, action, score = lines[4].split(',')
  assert (video, time, action) == ('1', '0.7', '2')
  assert float(score) == pytest.approx(result.detections.scores[4], abs=6e-6)
  with (folder / 'classes.csv').open(encoding='utf-8') as file:
    rows = [*csv.DictReader(file)]
  assert [row['name'] for row in rows] == ['stand', 'touch left']
  assert rows[0]['boxes'] == '1'
  precision = float(rows[0]['average_precision'])
  assert precision == result.classes[0].average_precision > 0
  report = json.loads((folder / 'report.json').read_text('utf-8'))
  assert report['accuracy'] == result.accuracy and report['boxes'] == 7
  assert report['evaluator'] == 'videomae'


def test_a_summary_is_one_line(model, split, config):
  gone = dataclasses.replace(split, missing=('c.mp4', 'd.mp4'))
  found = dataclasses.replace(
    run(model, gone, config), accuracy={'mAP': 0.5, 'mAP_small': 0.0}
  )
  said = boxes.format_summary(found)
  assert said.startswith('mAP 50.00% at IoU 0.5 over 2 classes (small 0.00%, ')
  told = '5 of 5 key frames with boxes (0 unreadable, 2 videos missing; '
  assert f'  counted exactly {told}' in said
  assert said.endswith(' are annotated), 7 boxes from annotations')


def test_a_model_that_gives_no_numbers_is_named(model, split, config):
  params = jax.tree.map(lambda x: x * np.nan, model[1])
  with pytest.raises(NonFiniteError, match="scores for 7 boxes, such as '0@0"):
    run((model[0], params), split, config)


def detect(split, rows, rules):
  keys, found, labels, scores = zip(*rows, strict=True)
  found = make_rows(keys, found, labels, scores)
  return boxes.compare_with_truth(split, found, rules)[0]['mAP']


def test_rules_differ_in_key_frames_without_truth(split):
  there, other = split.key_frames.keys[:2]
  box = split.key_frames.boxes[0]
  rows = [(other, box, 0, 0.9), (there, box, 0, 0.8), (there, OFF, 1, 0.7)]
  assert detect(split, rows, 'videomae') == 0.75
  assert detect(split, rows, 'activitynet') == 1


def test_rules_differ_in_how_many_rows_count(split):
  there, box = split.key_frames.keys[0], split.key_frames.boxes[0]
  wrong = [(there, (0.0, 0.0, 0.1, 0.1), 2, 0.9)] * 49
  rows = [*wrong, (there, box, 0, 0.8), (there, OFF, 1, 0.7)]
  assert detect(split, rows, 'videomae') == 1
  assert detect(split, rows, 'activitynet') == 0.5  # of 51 the last is gone


def test_the_rules_are_those_of_the_config(model, split, config):
  config = config | {'views': config['views'] | {'evaluator': 'activitynet'}}
  assert run(model, split, config).fingerprint['evaluator'] == 'activitynet'


def test_truth_without_a_class_has_no_mean(split):
  nothing = Truth(make_rows([], [], []), frozenset(), np.ones(3, bool))
  known = dataclasses.replace(split.key_frames, truth=nothing)
  bare = dataclasses.replace(split, key_frames=known)
  rows = [(known.keys[0], OFF, 1, 0.7)]
  with pytest.raises(UserError, match='No evaluated class has an'):
    detect(bare, rows, 'videomae')


def test_a_model_has_the_evaluation_of_what_it_classifies(model):
  assert kinds.find_evaluation(model[0]) is boxes
  assert kinds.find_evaluation(small.build(None)) is evaluate
  for kind in (boxes, evaluate):
    for name in ('evaluate', 'write_evaluation', 'print_result'):
      assert callable(getattr(kind, name))


def with_truth(split, rows, excluded=(), evaluated=(True, True, True)):
  truth = Truth(rows, frozenset(excluded), np.array(evaluated))
  known = dataclasses.replace(split.key_frames, truth=truth)
  return dataclasses.replace(split, key_frames=known)


def test_truth_of_what_cannot_be_read_does_not_count(model, damaged, config):
  """As videos that cannot be read do not count in the accuracy of clips."""
  known, skip = damaged.key_frames, dict(on_bad_video='skip', max_bad_share=0.5)
  first = make_rows([known.keys[0]], [known.boxes[0]], [0])
  both = make_rows(known.keys[:2], known.boxes[:2], [0, 0])
  results = [
    run(model, with_truth(damaged, rows), config, **skip)
    for rows in (first, both)
  ]
  assert results[0].accuracy == results[1].accuracy
  assert [r.fingerprint['annotated'] for r in results] == [1, 2]


def test_without_a_box_that_counts_nothing_is_evaluated(split):
  known = split.key_frames
  row = make_rows([known.keys[0]], [known.boxes[0]], [1])
  boxes.check_truth(with_truth(split, row))
  none = make_rows([known.keys[0]], [known.boxes[0]], [-1])
  for changed in (
    with_truth(split, none),
    with_truth(split, row, excluded=known.keys[:1]),
    with_truth(split, row, evaluated=(True, False, True)),
  ):
    with pytest.raises(UserError, match='has a class that is evaluated'):
      boxes.check_truth(changed)
