"""Labels of boxes have one spelling each."""

import pytest

from i2v_jax.data.sets import box_labels
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.text_tables import Table
from i2v_jax.runtime.errors import UserError


def table_of(*labels):
  return Table('t.csv', range(2, 2 + len(labels)), {'label': labels})


def test_classes_are_the_sorted_labels():
  classes = box_labels.find_classes(table_of('run ', '', 'jump', 'run ', ' '))
  assert classes.names == ('jump', 'run') and classes.where == 't.csv'


def test_labels_are_numbers_of_classes():
  classes, problems = box_labels.list_classes('ba', 'x'), Problems('t.csv')
  table = table_of('a', 'b', '', 'a')
  found = box_labels.convert_labels(table, classes, problems)
  assert found.tolist() == [1, 0, -1, 1]
  problems.check()


@pytest.mark.parametrize('label', ['A', 'a ', 'c'])
def test_other_spellings_are_problems(label):
  classes, problems = box_labels.list_classes('ba', 'x'), Problems('t.csv')
  box_labels.convert_labels(table_of('a', label), classes, problems)
  with pytest.raises(UserError, match="1 bad line; line 3: label '"):
    problems.check()
