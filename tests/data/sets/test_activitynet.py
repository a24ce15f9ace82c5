"""ActivityNet's JSON, and others of its form."""

import math

import pytest
from files import write

from i2v_jax.data.sets import segment_cells, segment_tables
from i2v_jax.runtime.errors import UserError


def test_videos_and_annotations_are_entries(tmp_path):
  run = {'segment': [0.5, 2], 'label': 'Long|jump'}
  database = {
    'one': {'subset': 'training', 'annotations': [run, run], 'duration': 9},
    'two': {'subset': 'testing', 'annotations': []},
  }
  write(tmp_path, {'a.json': {'version': '1.3', 'database': database}})
  sheet = segment_tables.read(tmp_path / 'a.json')
  found = segment_cells.convert(sheet)
  sheet.problems.check()
  assert [e[:5] for e in found] == [
    (1, 'one', 0.5, 2.0, ('Long|jump',)),
    (2, 'one', 0.5, 2.0, ('Long|jump',)),
    (3, 'two', 0.0, math.inf, ()),
  ]
  assert [e.split for e in found] == ['train', 'train', 'test']


def test_what_is_no_annotation_is_named(tmp_path):
  wrong = [{'label': 'x'}, {'segment': [1], 'label': 'x'}, 7]
  wrong += [{'segment': [2, 'x'], 'label': 'x'}]
  wrong += [{'segment': [2, None], 'label': 'x'}]
  wrong += [{'segment': [2, 3], 'label': x} for x in (None, {'name': 'x'})]
  database = {'one': {'subset': 'training', 'annotations': wrong}}
  write(tmp_path, {'a.json': {'database': database}})
  sheet = segment_tables.read(tmp_path / 'a.json')
  segment_cells.convert(sheet)
  with pytest.raises(UserError) as found:
    sheet.problems.check()
  text = str(found.value)
  assert '7 bad annotations' in text
  assert "annotation 5: of 'one' has no label and segment" in text
  assert 'annotation 6: label is null, not text' in text
  assert 'annotation 7: label is {"name": "x"}, not text' in text
  assert "annotation 2: of 'one' has no label and segment" in text
  assert "annotation 4: end 'x' is not a number" in text
