"""The tables of the graded motions: their rows build.

That they are trained and compared is in test_tables_train.py.
"""

import pytest
from building import check_builds

from configs import graded, graded_tables


@pytest.mark.parametrize('table', graded_tables.TABLES)
def test_rows_of_a_table_build(table):
  rows = list(graded.sweep(f'table={table},smoke'))
  names = [name for name, _ in rows]
  assert len(set(names)) == len(names) > 3
  assert names == [name for name, _ in graded.sweep(f'table={table}')]
  for _, config in rows:
    assert config.data.format == 'graded_digits' and not config.reported
    check_builds(config)


def test_frames_see_the_same_steps():
  for frames, hold, stride in ((8, 1, 2), (16, 1, 1), (32, 2, 1)):
    c = graded.make(frames)
    assert (c.data.options.hold, c.clip.stride) == (hold, stride)
    assert c.clip.stride * frames == 16 * hold
  for name, c in graded.sweep('table=ranks,frames=32'):
    assert c.model.num_frames == 32, name
