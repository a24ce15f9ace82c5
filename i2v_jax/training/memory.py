"""Memory of a training step, found by compiling it from shapes.

Nothing is allocated, read or run: the devices may be real, emulated, or those
of a topology you do not have (`jax.experimental.topologies`).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from i2v_jax.backbones.vit_config import REMAT
from i2v_jax.models.inputs import feature_shapes, param_shapes
from i2v_jax.params import cast_params
from i2v_jax.runtime import compilation, sharding
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.run import (
  Run,
  build_optimizer,
  make_run_step,
  make_schedule,
  split_params,
)
from i2v_jax.training.train_step import TrainState, jit_step, make_config_step


@dataclasses.dataclass(frozen=True)
class Inputs:
  """Inputs of a training step, as sharded shapes."""

  state: TrainState
  frozen: Any
  batch: Mapping[str, jax.ShapeDtypeStruct]


@dataclasses.dataclass(frozen=True)
class Bytes:
  """Bytes on the fullest device while the training step runs.

  Attributes:
    frozen: frozen parameters.
    trained: trained parameters.
    opt_state: state of the optimiser.
    batch: the clips of one step.
    temporaries: activations kept for the backward pass, gradients, workspace.
    other: results that reuse no argument's memory, and padding.
  """

  frozen: int
  trained: int
  opt_state: int
  batch: int
  temporaries: int
  other: int

  @property
  def total(self) -> int:
    """As `compilation.read_peak_bytes`, with frozen parameters not read."""
    return sum(dataclasses.asdict(self).values())


def lower_step(
  config: Mapping[str, Any],
  mesh: Mesh,
  num_classes: int,
  batch_size: int | None = None,
  num_videos: int = 0,
) -> tuple[jax.stages.Lowered, Inputs]:
  """Lowers the training step of a config for a mesh.

  Args:
    config: of an experiment, whose data and weights may be missing.
    mesh: result of `sharding.make_mesh`, of any devices.
    num_classes: number of classes of the data.
    batch_size: over all devices, in place of the config's.
    num_videos: number of videos of the data; changes constants of the schedule,
      not the memory.

  Raises:
    UserError: a value of the config is invalid, or the batch does not spread.
  """
  check_remat(config)
  size = batch_size or config['batch_size']
  sharding.check_batch_size(size, mesh, config['accumulate'])
  platform = mesh.devices.flat[0].platform
  model = experiment.build_model(config, num_classes, platform)
  model.image_model.check_mesh(mesh)
  found = param_shapes(model)
  config, mine, frozen = split_params(config, model, found)
  frozen = jax.eval_shape(
    lambda x: cast_params(x, model.image_model.dtype), frozen
  )
  config = {**config, 'batch_size': size}
  _, schedule = make_schedule(config, num_videos or 100 * size)
  tx = build_optimizer(config, schedule, mine)
  state = jax.eval_shape(
    lambda mine: TrainState(jnp.int32(0), mine, tx.init(mine)), mine
  )
  inputs = _place(
    state, frozen, make_batch_shapes(config, model, mesh), config, mesh
  )
  step = make_config_step(config, model, tx)
  step = jit_step(step, inputs.state, mesh)
  return step.lower(inputs.state, inputs.frozen, inputs.batch), inputs


def check_remat(config: Mapping[str, Any]) -> None:
  """Raises UserError if the remat policy is still to be found."""
  if config['remat'] == 'auto':
    raise UserError(
      "remat is 'auto', which a run replaces by what fits; set it to one of "
      f'{REMAT} to measure that.'
    )


def compile_step(run: Run) -> Callable:
  """Compiles the training step of a run for its one shape of batches.

  With JAX_DISABLE_JIT it runs operation by operation, for debugging.
  """
  step = jit_step(make_run_step(run), run.state, run.mesh)
  if jax.config.jax_disable_jit:
    return step
  batch = make_batch_shapes(run.config, run.model, run.mesh)
  lowered = step.lower(run.state, run.frozen, batch)
  return compilation.compile_lowered(lowered, run.mesh, 'the training step')


def read_step_peak(step: Callable) -> int | None:
  """Reads what XLA plans for a step of `compile_step`, on one device.

  None where the backend does not report it, or with JAX_DISABLE_JIT.
  """
  if isinstance(step, jax.stages.Compiled):
    return compilation.read_peak_bytes(step)
  return None


def measure(compiled: jax.stages.Compiled, inputs: Inputs) -> Bytes:
  """Measures the memory of a compiled training step on one device.

  Raises:
    UserError: the backend does not report it.
  """
  total = compilation.read_peak_bytes(compiled)
  if total is None:
    raise UserError(
      'This backend does not report the memory of a compiled program; set '
      'batch_size and remat yourself.'
    )
  parts = dict(
    frozen=count_bytes(inputs.frozen),
    trained=count_bytes(inputs.state.params),
    opt_state=count_bytes(inputs.state.opt_state),
    batch=count_bytes(inputs.batch),
    temporaries=compiled.memory_analysis().temp_size_in_bytes,
  )
  # A step that reads features does not take the weights that made them, but
  # these are on the device all the same.
  return Bytes(**parts, other=max(0, total - sum(parts.values())))


def read_refusal(error: Exception) -> str:
  """Reads the compiler's message that a program does not fit.

  Raises any other error again.
  """
  if 'RESOURCE_EXHAUSTED: ' not in str(error):
    raise error
  return str(error).partition('RESOURCE_EXHAUSTED: ')[2].splitlines()[0]


def count_bytes(tree) -> int:
  """Counts bytes of sharded arrays or shapes on one device, unpadded."""
  one = lambda x: (
    x.dtype.itemsize * int(np.prod(x.sharding.shard_shape(x.shape)))
  )
  return sum(map(one, jax.tree.leaves(tree)))


def make_batch_shapes(config: Mapping, model, mesh: Mesh) -> dict[str, Any]:
  """Makes the shapes of a batch, placed as by `sharding.put`."""
  size, place = config['batch_size'], sharding.over_data(mesh)
  shape = lambda shape, dtype: jax.ShapeDtypeStruct(
    (size, *shape), dtype, sharding=place
  )
  if config['cache_gb']:
    found = feature_shapes(model, size)
    batch = {
      'features': jax.tree.map(lambda x: shape(x.shape[1:], x.dtype), found)
    }
  else:
    clips = experiment.make_clip_spec(config).train_shapes
    batch = {name: shape(clip, jnp.uint8) for name, clip in clips.items()}
  if boxes := model.num_boxes:
    batch['boxes'] = shape((boxes, 4), jnp.float32)
    batch['box_labels'] = shape((boxes, model.num_classes), jnp.uint8)
    batch['box_mask'] = shape((boxes,), jnp.float32)
  elif config['task'] == 'multi':
    batch['targets'] = shape((model.num_classes,), jnp.uint8)
  return batch | {
    'label': shape((), jnp.int32),
    'mask': shape((), jnp.float32),
  }


def _place(state, frozen, batch, config: Mapping, mesh: Mesh) -> Inputs:
  """Places shapes as `prepare_run` and `sharding.put` place arrays."""

  layouts = config['mesh']
  at = lambda x, place: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place)
  cut = lambda tree, layout: jax.tree.map(
    at, tree, sharding.make_shardings(tree, layout, mesh)
  )
  return Inputs(
    state=cut(state, layouts['trained']),
    frozen=cut(frozen, layouts['frozen']),
    batch=batch,
  )
