"""Public data sets are recognised by what only they have."""

import pytest

from i2v_jax.data.sets import known, sources

UCF101 = [f'C{n}' for n in range(97)]
UCF101 += ['Hammering', 'HammerThrow', 'JumpingJack', 'JumpRope']


def test_a_data_set_is_recognised_by_format_or_classes():
  assert known.recognise('folder', UCF101).name == 'UCF101'
  assert known.recognise('folder', UCF101[1:]) is None
  assert known.recognise('folder', map(str, range(101))) is None
  assert known.recognise('ucf101', map(str, range(101))).name == 'UCF101'
  for count in (400, 600, 700):
    names = ['abseiling', *map(str, range(count - 1))]
    for format in ('kinetics', 'list'):
      assert known.recognise(format, names).name == f'Kinetics-{count}'
  # By itself a number of classes says nothing.
  assert known.recognise('folder', map(str, range(48))) is None


def test_the_official_order_of_ucf101_ignores_case():
  order = sorted(UCF101, key=known.recognise('folder', UCF101).order)
  assert order[-4:] == ['Hammering', 'HammerThrow', 'JumpingJack', 'JumpRope']
  assert order[-4:] != sorted(UCF101)[-4:]


@pytest.mark.parametrize(
  ('format', 'classes', 'split', 'count'),
  [
    ('kinetics', 400, 'val', 19_796),
    ('kinetics', 400, 'test', None),
    ('something_v2', 174, 'train', 168_913),
    ('ucf101', 101, 'test', 3_783),
    ('ucf101', 101, 'val', 3_783),
    ('hmdb51', 51, 'train', 3_570),
    ('diving48', 48, 'test', 1_970),
  ],
)
def test_counts_of_papers(format, classes, split, count):
  found = known.recognise(format, map(str, range(classes)))
  assert known.find_papers_count(found, split, {}) == count


def test_other_folds_of_ucf101_have_other_counts():
  ucf101 = known.recognise('folder', UCF101)
  assert known.find_papers_count(ucf101, 'train', {'fold': 1}) == 9_537
  assert known.find_papers_count(ucf101, 'train', {'fold': 2}) is None


def test_every_public_format_is_known():
  formats = {data_set.format for data_set in known.DATA_SETS}
  assert formats <= sources.FORMATS.keys()
  public = {'kinetics', 'something_v2', 'ucf101', 'hmdb51', 'diving48'}
  assert public <= formats
