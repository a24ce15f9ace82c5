"""The table of classes."""

import numpy as np

from i2v_jax.training.report import class_table
from i2v_jax.training.report.evaluations import Evaluation


def make(columns, rows):
  return Evaluation('eval', {}, None, (columns, rows), {}, {})


def test_columns_are_added_and_cells_are_numbers():
  columns = ['name', 'examples', 'accuracy']
  rows = [['a', '7', '0.7142857142857143'], ['b', '0', 'nan']]
  data = {'train': {'classes': [['a', 70]]}}
  counts = np.array([[5, 2], [0, 0]])
  found = class_table.describe(make(columns, rows), counts, data)
  assert [column.kind for column in found['columns']] == [
    'text',
    'share',
    'text',
    'count',
    'count',
  ]
  assert found['rows'] == [
    ['a', 0.7142857142857143, 'b', 7, 70],
    ['b', None, '', 0, None],
  ]


def test_a_table_of_boxes():
  columns = ['name', 'boxes', 'average_precision']
  found = class_table.describe(make(columns, [['a', '3', '0.5']]), None, {})
  assert found['rows'] == [['a', 0.5, 3]]
  assert found['columns'][2].name == 'annotated boxes'
