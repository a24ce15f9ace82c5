"""What an evaluation writes and says, without a model."""

import dataclasses

import numpy as np
import pytest

from i2v_jax.data.clips.clips import ClipSpec
from i2v_jax.data.loading import bad_videos
from i2v_jax.data.sets import csv_files
from i2v_jax.data.sets.segments import Segments, VideoFile
from i2v_jax.data.sets.sources import Split
from i2v_jax.training.evaluation import evaluate, split_scores

LATIN = b'jump/caf\xe9.mp4'.decode(errors='surrogateescape')


SPANS = Segments(
  (VideoFile('a', 'a', 4.0),),
  np.zeros(2, int),
  np.array([[0.5, 1.25], [np.nan, np.nan]]),
  (np.array([[2.0, 4.0]]),),
  np.array([1.0]),
)


def evaluation(classes=3, bad=(), **facts):
  facts = (
    dict(unit='videos', decoded=2, listed=3, failed=1, missing=0, views='1 x 3')
    | facts
  )
  accuracy = dict(top1=0.5, top5=0.75, mean_class=0.5)
  scores = np.zeros((2, classes), np.float32)
  seconds = np.array([1.5, np.nan], np.float32)
  return evaluate.Evaluation(scores, accuracy, facts, dict(bad), seconds)


@pytest.fixture
def split():
  return Split(('a', 'b'), np.array([0, 1]), ('x', 'y'), ('a', LATIN))


def test_a_bad_video_of_any_name_is_listed(split, tmp_path):
  bad = {LATIN: f'/data/{LATIN}: cannot be opened'}
  evaluate.write_evaluation(evaluation(bad=bad), split, tmp_path)
  path = tmp_path / 'bad_videos.csv'
  assert b'jump/caf\xe9.mp4,/data/jump/caf\xe9.mp4:' in path.read_bytes()
  (row,) = csv_files.read(path, bad_videos.COLUMNS)
  assert {row['video']: row['reason']} == bad
  assert np.load(tmp_path / 'scores.npz')['ids'][1] == LATIN


def test_lengths_and_spans_are_kept_with_the_scores(split, tmp_path):
  split = dataclasses.replace(split, segments=SPANS)
  evaluate.write_evaluation(evaluation(), split, tmp_path)
  stored = np.load(tmp_path / 'scores.npz')
  np.testing.assert_array_equal(stored['seconds'], np.float32([1.5, np.nan]))
  assert stored['spans'].dtype == np.float64
  drawn = SPANS.choose_span(1)  # which no table lists
  assert stored['spans'].tolist() == [[0.5, 1.25], [*drawn]]
  assert 2 <= drawn[0] < drawn[1] <= 4


def test_a_clean_evaluation_leaves_no_list_of_bad_videos(split, tmp_path):
  evaluate.write_evaluation(evaluation(bad={'a': 'gone'}), split, tmp_path)
  evaluate.write_evaluation(evaluation(), split, tmp_path)
  names = sorted(path.name for path in tmp_path.iterdir())
  assert names == ['classes.csv', 'report.json', 'scores.npz']


def test_top_5_is_said_of_more_than_5_classes():
  assert 'top-5' not in evaluate.format_summary(evaluation(classes=5))
  assert 'top-5 75.00%' in evaluate.format_summary(evaluation(classes=6))


def test_identical_crops_are_noted():
  said = evaluate.format_summary(evaluation(identical_crops=2))
  assert said.endswith('all crops of 2 videos are the same, as they are square')
  for facts in ({}, dict(identical_crops=0)):
    assert 'square' not in evaluate.format_summary(evaluation(**facts))


def test_videos_whose_crops_are_one_are_found():
  spec = ClipSpec(num_frames=2, image_size=4, clips=2, crops=3)
  views = np.random.default_rng(0).integers(
    0, 255, (4, 6, 2, 4, 4, 3), np.uint8
  )
  views[1] = np.tile(views[1, :2], (3, 1, 1, 1, 1))
  views[2] = views[2, :1]
  views[3] = 0  # could not be read
  batch = {
    'video': views,
    'index': np.arange(4),
    'mask': np.array([1, 1, 1, 0]),
  }
  found = split_scores._find_identical_crops(batch, spec)
  assert found.tolist() == [False, True, True, False]
  one = dataclasses.replace(spec, crops=1, clips=6)
  assert not split_scores._find_identical_crops(batch, one).any()


def test_a_full_disk_names_the_scores(split, tmp_path, full_disk):
  text = r'scores\.npz could not be written .*; mend the disk'
  with pytest.raises(OSError, match=text):
    evaluate.write_evaluation(evaluation(), split, tmp_path)
