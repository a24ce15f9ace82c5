"""Resumes a run from the newest state of its workdir."""

import jax
import jax.numpy as jnp

from i2v_jax.params import join
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.run import Run, place_frozen
from i2v_jax.training.train_step import TrainState
from i2v_jax.training.workdir.checkpoint_files import DRAWN, has_drawn
from i2v_jax.training.workdir.claim import check_same_config


def resume_run(run: Run, checkpoints) -> TrainState:
  """Restores the newest state of a workdir, which must be of the same run.

  A run that extends it notes that in its `extensions`.

  Raises:
    UserError: config, data, classes or frozen weights differ.
  """
  step = checkpoints.latest_step()
  saved, now = checkpoints.metadata(step), run.metadata()
  changed = check_same_config(
    saved['config'], now['config'], run.workdir, run.extends
  )
  run.extensions = tuple(saved.get('extensions', ()))
  if changed:
    _extend(run, step, saved['examples_seen'], changed)
  weights = 'loaded_sha256' if 'loaded_sha256' in saved else 'frozen_sha256'
  for key in ('class_names', 'train_sha256', weights):
    if saved[key] != now[key]:
      raise UserError(
        f'{run.workdir} was trained with other {key} than data and weights '
        'have now; bring them back, or choose another --workdir.'
      )
  like = {'params': run.state.params, 'opt_state': run.state.opt_state}
  places = jax.tree.map(lambda x: x.sharding, like)
  found = checkpoints.restore(step, like, places)
  if has_drawn(run.workdir, step):
    _take_drawn(run, checkpoints, step, saved['frozen_sha256'])
  step = jax.device_put(jnp.int32(step), run.state.step.sharding)
  return run.state.replace(step=step, **found)


def _take_drawn(run: Run, checkpoints, step: int, whole: str) -> None:
  """Takes frozen parameters as they were drawn when the run began."""
  place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
  found = checkpoints.restore(step, {DRAWN: run.drawn}, place)[DRAWN]
  run.drawn, run.frozen_sha256 = jax.device_get(found), whole
  layout, dtype = run.config['mesh']['frozen'], run.model.image_model.dtype
  placed = place_frozen(run.drawn, dtype, layout, run.mesh)
  run.frozen = join(run.frozen, placed)


def _extend(run: Run, step: int, examples_seen: int, changed: dict) -> None:
  """Notes and prints how a run is extended.

  Raises:
    UserError: the new config ends before `step`.
  """
  if run.steps <= step:
    raise UserError(
      f'{run.workdir} is at step {step} and the config ends at step '
      f'{run.steps}; raise steps or epochs to extend it.'
    )
  known = {'step': step, 'examples_seen': examples_seen, 'changed': changed}
  run.extensions += (known,)
  values = ', '.join(f'{k} {old} -> {new}' for k, (old, new) in changed.items())
  console.print(
    f'extended at step {step} ({values}): the optimiser state is kept; from '
    'here on the learning rate follows the schedule of the new config, '
    f'{float(run.schedule(step)):.4g} now and 0 at step {run.steps}'
  )
