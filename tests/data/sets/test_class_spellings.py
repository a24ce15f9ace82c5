"""One spelling for each label."""

import pytest

from i2v_jax.data.sets import class_spellings
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_entries import Entry
from i2v_jax.data.sets.text_tables import Table
from i2v_jax.runtime.errors import UserError


def list_entries(*labels):
  return [Entry(n, 'a', labels=mine) for n, mine in enumerate(labels, 1)]


def list_labels(entries):
  return [label for entry in entries for label in entry.labels]


def table_of(*labels):
  return Table('t.csv', range(2, 2 + len(labels)), {'label': labels})


def test_classes_are_sorted_and_labels_are_numbers():
  entries = list_entries(('run', 'sit'), (), ('jump',))
  classes = class_spellings.find_classes(list_labels(entries), 't.csv')
  assert classes.names == ('jump', 'run', 'sit')
  problems = Problems('t.csv')
  found = class_spellings.convert_entries(entries, classes, problems)
  problems.check()
  assert found == [(1, 2), (), (0,)]


def test_labels_that_differ_by_case_or_blanks_are_problems():
  entries = list_entries(('Long jump',), ('long jump',), ('long jump',))
  entries += [
    Entry(4, 'a', labels=('longjump',)),
    Entry(5, 'a', labels=('x ',)),
  ]
  classes = class_spellings.find_classes(list_labels(entries), 't.csv')
  assert classes.names == ('long jump', 'x')  # as most lines have it
  problems = Problems('t.csv')
  class_spellings.convert_entries(entries, classes, problems)
  with pytest.raises(
    UserError, match=r'2 bad lines; line 1: .*; line 4'
  ) as found:
    problems.check()
  assert "'Long jump' is written 'long jump' in t.csv" in str(found.value)


def test_given_classes_keep_their_order():
  classes = class_spellings.list_classes(('run', 'jump'), 'names.txt')
  problems = Problems('t.csv')
  entries = list_entries(('jump',), ('jumpp',))
  found = class_spellings.convert_entries(entries, classes, problems)
  assert found[0] == (1,)
  with pytest.raises(UserError, match=r"'jumpp' is not in names\.txt.*jump"):
    problems.check()


def test_some_line_has_a_label():
  with pytest.raises(UserError, match=r't\.csv has no label: fill in'):
    class_spellings.find_classes(('', ' '), 't.csv')


@pytest.mark.parametrize(
  ('names', 'said'),
  [
    (('run', 'sit', 'Run'), "'run' and 'Run' differ only in case or blanks"),
    (('long jump', 'longjump'), 'differ only in case or blanks: correct'),
    (('run', 'sit '), "'sit ' begins or ends with blanks"),
  ],
)
def test_given_classes_that_cannot_be_told_apart_are_refused(names, said):
  with pytest.raises(UserError, match=f'^names.txt: class name.*{said}'):
    class_spellings.list_classes(names, 'names.txt')


def test_cells_are_numbers_of_classes():
  classes = class_spellings.find_classes(('run ', '', 'jump', 'run '), 't.csv')
  problems = Problems('t.csv')
  table = table_of('run ', 'jump', ' ', 'run ')
  found = class_spellings.convert_cells(table, classes, problems)
  assert found.tolist() == [1, 0, -1, 1]
  problems.check()


@pytest.mark.parametrize('label', ['A', 'a ', 'c', 'a\udce9'])
def test_other_spellings_in_cells_are_problems(label):
  classes, problems = class_spellings.list_classes('ba', 'x'), Problems('t.csv')
  class_spellings.convert_cells(table_of('a', label), classes, problems)
  with pytest.raises(UserError, match="1 bad line; line 3: label '"):
    problems.check()
