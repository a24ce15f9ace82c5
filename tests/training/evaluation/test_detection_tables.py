"""Tables of detections by class and size, and AVA's result file."""

import numpy as np
import pytest

from i2v_jax.data.sets.key_frames import make_rows
from i2v_jax.runtime.errors import FileError, UserError
from i2v_jax.training.evaluation import detection_tables as lib
from i2v_jax.training.evaluation.detection_ranking import rank

A, B = ('-5KQ66BBWC4', '0902'), ('film, "cut"', '0.5')
SMALL = (0.0, 0.0, 0.1, 0.1)  # 1 % of the frame
MEDIUM = (0.2, 0.2, 0.6, 0.4)  # 8 %
LARGE = (0.2, 0.4, 0.8, 0.9)  # 30 %
LINE = '-5KQ66BBWC4,0902,0.07700,0.15100,0.28300,0.81100,80,0.25000\n'


def make_sizes(truth, found):
  """Rows by size of `(box, label[, score])`, all on one key frame."""
  truth, found = (
    make_rows([A] * len(rows), *zip(*rows, strict=True))
    for rows in (truth, found)
  )
  ranking = rank(truth, found, (), np.ones(2, bool))
  return lib.make_size_table(truth, found, ranking)


def test_classes_are_sorted_by_precision_and_those_without_truth_left_out():
  precisions = np.array([0.25, np.nan, 0.75, 0.0])
  rows = lib.make_class_table('abcd', precisions, np.array([3, 0, 5, 2]))
  assert rows == [('c', 5, 0.75), ('a', 3, 0.25), ('d', 2, 0.0)]


def test_every_annotated_box_has_one_size():
  truth = [(SMALL, 0), (MEDIUM, 0), (LARGE, 0), (LARGE, 1)]
  small, medium, large = make_sizes(truth, [(LARGE, 0, 1)])
  assert small == ('small', 1, 1, 0) and medium == ('medium', 1, 1, 0)
  assert large == ('large', 2, 2, 0.5)


def test_a_size_without_boxes_has_no_mean():
  small, medium, large = make_sizes([(MEDIUM, 1)], [(MEDIUM, 1, 1)])
  assert medium == ('medium', 1, 1, 1)
  for row in (small, large):
    assert row[1:3] == (0, 0) and np.isnan(row.mean)


def test_a_detection_has_the_size_of_what_it_lies_on():
  # It covers 6 % itself, but finds a box of 4 %.
  truth = [((0, 0, 0.2, 0.2), 0), (MEDIUM, 0)]
  found = [((0, 0, 0.2, 0.3), 0, 0.9), (MEDIUM, 0, 0.8)]
  small, medium, _ = make_sizes(truth, found)
  assert (small.mean, medium.mean) == (1, 1)


def test_a_wrong_detection_is_wrong_among_boxes_of_its_size():
  truth = [(SMALL, 0), (LARGE, 0)]
  found = [(MEDIUM, 0, 0.9), (SMALL, 0, 0.8), (LARGE, 0, 0.7)]
  small, _, large = make_sizes(truth, found)
  assert (small.mean, large.mean) == (1, 1)
  wrong = (0.8, 0.8, 0.9, 0.9)
  small, _, large = make_sizes(truth, [(wrong, 0, 1), *found])
  assert (small.mean, large.mean) == (0.5, 1)


def test_bounds_belong_to_the_larger_size():
  least = [(0, 0, 0.1, 0.5), (0, 0, 0.4, 0.5)]
  small, medium, large = make_sizes([(box, 0) for box in least], [(LARGE, 0)])
  assert (small.boxes, medium.boxes, large.boxes) == (0, 1, 1)


def test_a_line_is_as_ava_writes_it(tmp_path):
  rows = make_rows([A], [(0.077, 0.151, 0.283, 0.811)], [1], [0.25])
  lib.write_ava_csv(tmp_path / 'a.csv', rows, [1, 80])
  assert (tmp_path / 'a.csv').read_bytes() == LINE.encode()
  assert len(LINE.split(',')) == len(lib.COLUMNS.split(','))


def test_what_was_written_is_read_to_five_decimals(tmp_path, monkeypatch):
  monkeypatch.setattr(lib, '_CHUNK', 7)
  rng = np.random.default_rng(0)
  keys = [*([A, B, ('b\udcff.mp4', '1.25')] * 7)]
  rows = make_rows(
    keys, rng.random((21, 4)), rng.integers(3, size=21), rng.random(21)
  )
  lib.write_ava_csv(tmp_path / 'a.csv', rows, [4, 17, 80])
  back = lib.read_ava_csv(tmp_path / 'a.csv', [4, 17, 80])
  assert back.keys == keys
  np.testing.assert_array_equal(back.labels, rows.labels)
  np.testing.assert_allclose(back.boxes, rows.boxes, 0, 5.1e-6)
  np.testing.assert_allclose(back.scores, rows.scores, 0, 5.1e-6)


def test_902_and_0902_are_the_same_key_frame(tmp_path):
  path = tmp_path / 'a.csv'
  path.write_text(LINE + LINE.replace('0902', '902'), 'utf-8')
  assert lib.read_ava_csv(path, [80]).keys == [A, A]


@pytest.mark.parametrize(
  ('line', 'problem'),
  [
    (LINE.replace(',80,', ','), 'is not video,timestamp,x1,y1'),
    (LINE.replace('0.151', 'wide'), 'is not video,timestamp,x1,y1'),
    (LINE.replace(',80,', ',81,'), "has the action id '81', which is none"),
  ],
)
def test_a_damaged_line_is_named(tmp_path, line, problem):
  path = tmp_path / 'a.csv'
  path.write_text(LINE + line, 'utf-8')
  with pytest.raises(UserError, match=f'line 2 of .*a.csv {problem}'):
    lib.read_ava_csv(path, [80])


def test_a_file_that_cannot_be_written_is_named(tmp_path):
  rows = make_rows([A], [SMALL], [0])
  with pytest.raises(FileError, match=r'none.a\.csv could not be written'):
    lib.write_ava_csv(tmp_path / 'none' / 'a.csv', rows, [1])
