"""The training step from shapes: as the loop's, and what it takes in bytes."""

import jax
import pytest
import small

from i2v_jax import params as params_lib
from i2v_jax.runtime import compilation, sharding
from i2v_jax.training import experiment, memory
from i2v_jax.training.run import prepare_run


@pytest.fixture
def config(smoke_config, tmp_path):
  """That has neither data nor weights."""
  config = experiment.to_plain(smoke_config())
  config['data']['root'] = str(tmp_path / 'nowhere')
  config['weights'] = str(tmp_path / 'gone')
  return config


def test_shapes_are_those_that_a_run_trains_with(
  config, smoke_config, tmp_path
):
  mesh = sharding.make_mesh()
  _, inputs = memory.lower_step(config, mesh, 4)
  run = prepare_run(smoke_config(), tmp_path)
  alike = lambda x: (x.shape, x.dtype, x.sharding)
  found, wanted = (
    jax.tree.map(alike, (r.state, r.frozen)) for r in (inputs, run)
  )
  assert found == wanted


def test_bytes_add_up_to_what_is_compiled(config):
  lowered, inputs = memory.lower_step(config, sharding.make_mesh(), 4)
  compiled = lowered.compile()
  found = memory.measure(compiled, inputs)
  assert found.frozen == params_lib.num_bytes(inputs.frozen)
  assert found.batch == params_lib.num_bytes(inputs.batch) > 0
  assert found.opt_state > 2 * found.trained - 100 > 0
  assert found.temporaries > 0
  assert found.total == compilation.read_peak_bytes(compiled)
  assert 0 <= found.other < 1024  # metrics and padding


def test_weights_that_a_step_on_features_does_not_read_still_count(config):
  config['model']['adapter'] = None
  config |= {'cache_gb': 1.0, 'clips_per_video': 1, 'trainable': ['head']}
  lowered, inputs = memory.lower_step(config, sharding.make_mesh(), 4)
  compiled = lowered.compile()
  found = memory.measure(compiled, inputs)
  assert found.frozen > compilation.read_peak_bytes(compiled)
  assert found.other >= 0 and found.total > found.frozen


def test_what_does_not_fit_is_said_in_short():
  text = 'Ran out of memory on HBM, (17.18G) exceeds available HBM (15.75G).'
  error = RuntimeError(f'RESOURCE_EXHAUSTED: {text}\nAllocations: …')
  assert memory.read_refusal(error) == text
  with pytest.raises(RuntimeError, match='INTERNAL'):
    memory.read_refusal(RuntimeError('INTERNAL: out of luck'))


def test_another_batch_size_than_that_of_the_config(config):
  _, inputs = memory.lower_step(config, sharding.make_mesh(), 4, batch_size=2)
  assert {x.shape[0] for x in inputs.batch.values()} == {2}
  config['accumulate'] = 4
  with pytest.raises(ValueError, match='multiple of 4'):
    memory.lower_step(config, sharding.make_mesh(), 4, batch_size=2)


def test_bytes_of_sharded_arrays_are_those_of_one_device():
  mesh = small.abstract_mesh((4,), ('data',))
  shape = lambda place: jax.ShapeDtypeStruct((8, 3), 'f4', sharding=place(mesh))
  assert memory.count_bytes([shape(sharding.replicated)]) == 96
  assert memory.count_bytes([shape(sharding.over_data)]) == 24


def test_parts_of_a_batch_save_memory_and_share_the_frozen_weights(config):
  """What a part takes, the batch, and not per part the frozen weights again."""
  config['model']['backbone']['depth'] = 1

  def of(size, accumulate):
    changed = config | {'accumulate': accumulate}
    mesh = sharding.make_mesh()
    lowered, inputs = memory.lower_step(changed, mesh, 4, size)
    return memory.measure(
      compilation.compile_lowered(lowered, mesh, 'it'), inputs
    )

  part, whole, parts = of(4, 1), of(32, 1), of(32, 8)
  assert whole.temporaries > 6 * part.temporaries
  again = whole.batch + 2 * whole.trained  # cut into parts; sums of gradients
  once = part.temporaries + again + whole.frozen
  assert parts.temporaries < 1.01 * once
