"""Which columns hold what, and which may hold times but are not known."""

import pytest

from i2v_jax.data.sets.segment_columns import find_columns, has_needed
from i2v_jax.runtime.errors import UserError


@pytest.mark.parametrize(
  ('start', 'end'),
  [
    ('start (s)', 'end (s)'),
    ('start_sec', 'end_seconds'),
    ('Begin Time [s]', 'Stop Time'),
    ('start', 'to'),
  ],
)
def test_seconds_may_be_said(start, end):
  given = ['file', 'label', start, end, 'end_frame']
  found = find_columns('t.csv', given)
  assert (found.names['start'], found.names['end']) == (start, end)
  assert not found.rates and found.unused == ('end_frame',)


@pytest.mark.parametrize(
  'name',
  [
    'start_frame',
    'startMs',
    'Begin Time - hh:mm:ss.ms',
    'onset',
    'from_ms',
    'endframe',
    'end point',
    'stop ms',
    'To (ms)',
  ],
)
def test_a_column_that_may_hold_times_is_refused(name):
  with pytest.raises(
    UserError, match=r'may hold times: call it (start|end) if'
  ):
    find_columns('t.csv', ['file', 'label', name])


def test_other_columns_are_left_out():
  others = ('total', 'tool', 'endoscope', 'fromage')
  found = find_columns('t.csv', ['file', 'label', *others])
  assert found.unused == others and {*found.names} == {'file', 'label'}


@pytest.mark.parametrize(('one', 'other'), [('start:25', 'end'), ('to', 'st')])
def test_a_start_needs_an_end(one, other):
  said = f"'{one}' and none for {other}.*, only .*: name the column {other}"
  with pytest.raises(UserError, match=said):
    find_columns('t.csv', ['file', 'label', one])


def test_needed_columns_are_known_by_their_other_names():
  assert has_needed(['Video_ID', 'Class Name']) and not has_needed(['file'])
