"""Timelines of a split against the segments that it lists."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from i2v_jax.data.sets.segments import Labelled, Segments, VideoFile
from i2v_jax.data.sets.split import Split
from i2v_jax.deploy import temporal
from i2v_jax.deploy.prediction import timeline_rules
from i2v_jax.deploy.prediction.timeline import Segment, Timeline
from i2v_jax.runtime import files

NAMES = ('left', 'right', 'up')


def make_split(clips, rows, targets, footage=None):
  """A split of segments: rows of (file, start, end), with their labels."""
  found = [VideoFile(f'f{i}', clip, 1.0) for i, clip in enumerate(clips)]
  count, targets = len(rows), np.array(targets, bool)
  video_of = np.array([row[0] for row in rows])
  spans = np.array([row[1:] for row in rows], float)
  labelled = Labelled(video_of, spans, targets)
  segments = Segments(
    tuple(footage or found), video_of, spans, labelled=labelled
  )
  return Split(
    tuple(clips[row[0]] for row in rows),
    np.full(count, -1),
    NAMES,
    tuple(map(str, range(count))),
    segments=segments,
    targets=targets,
  )


def evaluate(model, split, window, step=None, **rules):
  windows = timeline_rules.choose_windows(model, window, step)
  rules = timeline_rules.make_rules(model, **rules)
  return temporal.evaluate_timeline(model, split, windows, rules)


def test_the_truth_is_what_is_listed_whatever_the_examples_are():
  rows = [(0, 1, 2), (1, 0, 3), (0, 5, 6)]
  split = make_split(
    ['a.mp4', 'b.mp4'], rows, [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
  )
  truth = [('f0', 'left', 1, 2), ('f0', 'up', 1, 2), ('f1', 'right', 0, 3)]
  assert temporal.list_truth(split) == truth
  few = split.choose(np.array([1]))
  assert temporal.list_truth(few) == truth
  one = dataclasses.replace(
    split,
    targets=None,
    labels=np.array([0, 2, 2]),
    class_names=('left', 'background', 'up'),
  )
  assert temporal.list_truth(one) == truth[:2]


def test_splits_without_segments_have_no_truth(clips, model):
  none = make_split(clips[:1], [(0, 0, 1)], [[0, 0, 0]])
  plain = dataclasses.replace(none, segments=None, targets=None)
  for split in (none, plain):
    assert not temporal.has_truth(split)
    with pytest.raises(ValueError, match='lists no segment of a class'):
      evaluate(model, split, 0.3)


def test_what_is_found_is_compared(model, clips, tmp_path, capsys):
  """What the model itself finds is all right, but in a file without any."""
  rules = dict(threshold={None: 0.2}, window=0.3, step=0.1)
  found = model.timeline(clips[1], window=0.3, step=0.1, threshold=0.2)
  labels = [NAMES.index(segment.name) for segment in found.segments]
  rows = [(0, segment.start, segment.end) for segment in found.segments]
  split = make_split([clips[1], clips[3]], rows, np.eye(3, dtype=bool)[labels])
  result = evaluate(model, split, **rules)
  assert result.mean_precision == {0.3: 1.0, 0.5: 1.0, 0.7: 1.0}
  assert result.listed == len(rows) and result.timelines[1].error
  temporal.print_timeline(result)
  said = ' '.join(capsys.readouterr().out.split())
  assert 'temporal mAP 100.00% at 0.3' in said
  assert 'no timeline of 1 of them, such as: ' in said
  files.write_json(tmp_path / 'report.json', {'accuracy': {}})
  temporal.write_timeline(result, tmp_path)
  report = json.loads((tmp_path / 'report.json').read_text('utf-8'))
  assert report == {
    'accuracy': {},
    'temporal_mAP': {'0.3': 1.0, '0.5': 1.0, '0.7': 1.0},
  }
  written = json.loads((tmp_path / 'timeline.json').read_text('utf-8'))
  assert written['files'][0] == found.to_json()


def test_segments_have_the_ids_of_their_files():
  timelines = [Timeline('a', (Segment('up', 1, 2, 0.5),)), Timeline('b')]
  found = temporal.list_found(['x', 'y'], timelines)
  assert found == [('x', 'up', 1, 2, 0.5)]


def test_records_of_a_prepared_set_are_read(model, clips):
  data = pathlib.Path(clips[1]).read_bytes()
  footage = [VideoFile('f0', 'shard/1', 1.0)]
  split = make_split(['shard/1'], [(0, 0, 1)], [[1, 0, 0]], footage)
  split = dataclasses.replace(split, records=[data])
  result = evaluate(model, split, 0.3)
  assert not result.timelines[0].error and result.timelines[0].duration == 1
