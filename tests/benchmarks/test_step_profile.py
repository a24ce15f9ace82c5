"""The profile of a training step: what it reads in a compiled program."""

import jax
import jax.numpy as jnp
import pytest
import step_profile

SMOKE = 'configs/zeroi2v_k400.py:smoke'


@pytest.fixture(scope='module')
def program():
  def apply(x_BxD, w_DxF):
    return jnp.tanh(x_BxD @ w_DxF).sum(axis=0)

  shapes = (64, 32), (32, 16)
  arrays = [jnp.ones(shape, jnp.float32) for shape in shapes]
  compiled = jax.jit(apply).lower(*arrays).compile()
  return lambda: jax.block_until_ready(compiled(*arrays)), compiled.as_text()


def test_flops_of_products_are_counted_once_each(program):
  _, text = program
  entry = text[text.index('ENTRY') :]
  found = {
    name: row
    for name, row in step_profile.read_operations(text).items()
    if f'%{name} =' in entry
  }
  flops = [row[2] for row in found.values() if row[2]]
  assert flops == [2 * 64 * 32 * 16]
  labels = ' '.join(label for _, label, _ in found.values())
  assert 'dot' in labels and 'tanh' in labels and 'parameter' not in labels


def test_groups_have_the_time_of_all_their_operations(program):
  call, text = program
  operations = step_profile.read_operations(text)
  timed = step_profile.time_operations(call, steps=2)
  known = {name: x for name, x in timed.items() if name in operations}
  rows = step_profile.group(operations, timed)
  assert sum(row[0] for row in rows) == pytest.approx(
    sum(seconds for _, seconds in known.values())
  )
  assert sum(row[2] for row in rows) == 2 * 64 * 32 * 16


def test_it_prints_a_table_and_what_a_step_takes(capsys):
  argv = ['--config', SMOKE, '--steps', '1', '--rows', '3', '--classes', '4']
  with pytest.raises(SystemExit) as ended:
    step_profile.main(argv)
  assert not ended.value.code
  said = capsys.readouterr().out
  assert 'GFLOP/s' in said and 'page faults' in said and 'dot' in said
