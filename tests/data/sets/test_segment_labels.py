"""One spelling for each label."""

import pytest

from i2v_jax.data.sets import segment_labels
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_entries import Entry
from i2v_jax.runtime.errors import UserError


def list_entries(*labels):
  return [Entry(n, 'a', labels=mine) for n, mine in enumerate(labels, 1)]


def test_classes_are_sorted_and_labels_are_numbers():
  entries = list_entries(('run', 'sit'), (), ('jump',))
  classes = segment_labels.find_classes(entries, 't.csv')
  assert classes.names == ('jump', 'run', 'sit')
  problems = Problems('t.csv')
  found = segment_labels.convert_labels(entries, classes, problems)
  problems.check()
  assert found == [(1, 2), (), (0,)]


def test_labels_that_differ_by_case_or_blanks_are_problems():
  entries = list_entries(('Long jump',), ('long jump',), ('long jump',))
  entries += [
    Entry(4, 'a', labels=('longjump',)),
    Entry(5, 'a', labels=('x ',)),
  ]
  classes = segment_labels.find_classes(entries, 't.csv')
  assert classes.names == ('long jump', 'x')  # as most lines have it
  problems = Problems('t.csv')
  segment_labels.convert_labels(entries, classes, problems)
  with pytest.raises(
    UserError, match=r'2 bad lines; line 1: .*; line 4'
  ) as found:
    problems.check()
  assert "'Long jump' is written 'long jump' in t.csv" in str(found.value)


def test_given_classes_keep_their_order():
  classes = segment_labels.list_classes(('run', 'jump'), 'names.txt')
  problems = Problems('t.csv')
  entries = list_entries(('jump',), ('jumpp',))
  found = segment_labels.convert_labels(entries, classes, problems)
  assert found[0] == (1,)
  with pytest.raises(UserError, match=r"'jumpp' is not in names\.txt.*jump"):
    problems.check()


def test_some_line_has_a_label():
  with pytest.raises(UserError, match=r't\.csv has no label: fill in'):
    segment_labels.find_classes(list_entries(()), 't.csv')
