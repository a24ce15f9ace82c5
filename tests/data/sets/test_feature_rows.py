"""Rows of a video, those of a span, and vectors that can be compared."""

import numpy as np
import pytest
import vectors

from i2v_jax.data.sets import feature_rows

ROWS = [
  ('a/1.mp4', [1, 0], 0, 2),
  ('b/1.mp4', [1, 0]),
  ('a/1.mp4', [0, 1], 1, 3),
  ('a/1.mp4', [0, 1], 2, 4),
  ('a/2.mp4', [0, 1], 2, 4),
]


@pytest.fixture
def features():
  return vectors.imagine(ROWS)


@pytest.mark.parametrize(
  ('file', 'span', 'rows'),
  [
    ('a/1.mp4', (0, 2), [0, 2]),
    ('./a/../a/1.mp4', (2, 4), [2, 3]),
    ('a/1.mp4', (np.nan, np.nan), [0, 2, 3]),
    ('b/1.mp4', (5, 6), [1]),
    ('c/1.mp4', (0, 2), []),
  ],
)
def test_rows_that_overlap_a_span(features, file, span, rows):
  assert features.list_of_span(file, np.array(span)).tolist() == rows


def test_a_span_without_length_overlaps_itself():
  features = vectors.imagine([('a', [1], 2, 2), ('a', [1], 3, 3)])
  assert features.list_of_span('a', features.spans[0]).tolist() == [0]


def test_rows_are_described_by_their_span(features):
  assert features.describe(2) == 'a/1.mp4@1-3'
  assert features.choose([1]).describe(0) == 'b/1.mp4'


def test_a_video_is_found_by_path_base_name_or_number(features):
  find = lambda name: feature_rows.find_rows(features, name).tolist()
  assert find('a/1.mp4') == [0, 2, 3] and find('2.mp4') == find('4') == [4]
  assert find('3.mp4') == find('a/3.mp4') == []
  with pytest.raises(ValueError, match=r'2 videos of x.npz are called 1\.mp4'):
    find('1.mp4')
  with pytest.raises(ValueError, match='has the rows 0 to 4, not 5'):
    find('5')


def test_another_file_of_the_same_base_name_is_not_meant(
  features, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  (tmp_path / '2.mp4').touch()
  assert not len(feature_rows.find_rows(features, '2.mp4'))


def test_vectors_of_another_model_are_refused(features):
  moved = features.model | {'weights': 'b', 'per': 'window'}
  feature_rows.check_same_model(features, vectors.imagine(ROWS, 'y', moved))
  other = vectors.imagine(ROWS, 'y.npz', features.model | {'mirror': True})
  with pytest.raises(ValueError, match=r'x.npz and y.npz .* mirror is False'):
    feature_rows.check_same_model(features, other)
