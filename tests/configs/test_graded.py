"""The tables of the graded motions: their rows build, and one trains."""

import pytest
from building import check_builds

from configs import graded, graded_tables
from i2v_jax.training import config_files
from i2v_jax.training.sweeps import sweep


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


@pytest.mark.slow
def test_a_table_is_trained_and_compared(tmp_path, capsys):
  names = ['no operator', 'relocation KV']
  root = f'data.root={tmp_path}/digits'
  variants = config_files.load_variants(
    'configs/graded.py:smoke', [root], names
  )
  rows = sweep.train_and_show(variants, tmp_path / 'runs', 2, names[1])
  assert [row['name'] for row in rows] == names
  assert all(len(row['seeds']) == 2 for row in rows)
  low, high = rows[0]['difference_low'], rows[0]['difference_high']
  assert low <= rows[0]['difference'] <= high
  assert 'Differences of top-1 in points' in capsys.readouterr().out
