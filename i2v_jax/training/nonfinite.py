"""Non-finite values: detected at no extra cost, and traced to their tensor."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.traverse_util import flatten_dict

from i2v_jax.models.inputs import full_precision
from i2v_jax.params import join
from i2v_jax.runtime.errors import NonFiniteError
from i2v_jax.training.augment import augment_batch
from i2v_jax.training.resume import resume_run
from i2v_jax.training.run import Run, make_run_step, prepare_run
from i2v_jax.training.train_step import forward, make_rng

SKIPS = 25  # steps that optimizer.skip_norm may skip in a row
ADVICE = (
  'Try a lower optimizer.lr, a clip_norm, or a skip_norm, in a new --workdir.'
)


def find_problem(metrics: Mapping[str, Any]) -> str:
  """Names the metric that is not finite, or returns ''.

  Raises:
    NonFiniteError: `optimizer.skip_norm` skipped too many steps in a row.
  """
  if skipped := int(metrics.get('skipped_in_a_row', 0)):
    if skipped < SKIPS:
      return ''
    raise NonFiniteError(
      f'optimizer.skip_norm skipped {skipped} steps in a row; nothing is '
      'learned anymore. Try a lower optimizer.lr, or a higher skip_norm, in a '
      'new --workdir.'
    )
  for name in ('loss', 'grad_norm'):
    if not math.isfinite(float(metrics[name])):
      return f'{name} is {float(metrics[name])}'
  return ''


def check_state(state) -> None:
  """Raises NonFiniteError if a state to be saved has non-finite values."""
  tree = {'params': state.params, 'opt_state': state.opt_state}
  if wrong := find_nonfinite(tree):
    raise NonFiniteError(
      f'{wrong[0]} is not finite after step {int(state.step)} ({len(wrong)} '
      f'such arrays), which was not saved. {ADVICE}'
    )


def find_nonfinite(tree) -> list[str]:
  """Finds the paths of arrays that hold inf or NaN."""
  flags = jax.device_get(_check_finite(tree))
  paths = jax.tree_util.tree_leaves_with_path(flags)
  name = lambda path: jax.tree_util.keystr(path, simple=True, separator='/')
  return [name(path) for path, fine in paths if not fine]


@jax.jit
def _check_finite(tree):
  return jax.tree.map(lambda x: jnp.isfinite(x).all(), tree)


def rewind(run: Run, checkpoints) -> Run:
  """The run at its newest checkpoint, or at step 0 without one."""
  if checkpoints.latest_step():
    run.state = resume_run(run, checkpoints)
    return run
  run.state = run.frozen = None  # not twice in memory
  return prepare_run(run.config, run.workdir)


def trace(run: Run, batches: Iterable, step_fn: Callable, step: int) -> str:
  """Trains up to a step again and finds its first non-finite tensor.

  Training is deterministic, so the step fails again, and its state need not be
  kept while training.

  Args:
    run: as `rewind` returns it.
    batches: of the steps after that of its state.
    step_fn: the training step.
    step: whose metrics are not finite, counted from 1.

  Returns:
    A sentence that names the first tensor, in the order of computation, that is
    not finite.
  """
  state = run.state
  for number, batch in enumerate(batches, int(state.step) + 1):
    if number == step:
      return find_first(run, state, batch)
    state, _ = step_fn(state, run.frozen, batch)
  raise RuntimeError(f'The batches end before step {step}.')


def make_error(
  problem: str, step: int, found: str, saved: int
) -> NonFiniteError:
  """The error that ends a run: the metric, its step, the tensor, a way out."""
  return NonFiniteError(
    f'{problem} at step {step}: {found} Nothing was saved since step {saved}. '
    f'{ADVICE}'
  )


def find_first(run, state, batch: Mapping) -> str:
  """Names the first tensor of a step that is not finite."""
  if wrong := find_nonfinite(state.params):
    return f'the parameter {wrong[0]} was not finite before that step.'
  outputs = _check_outputs(run, state, batch)
  for name, fine in outputs:
    if not fine:
      return f'the first tensor that is not finite is the output of {name}.'
  grads, metrics = _compute_gradients(run, state, batch)
  if not math.isfinite(float(metrics['loss'])):
    return 'all outputs of the model are finite, the loss of them is not.'
  wrong = find_nonfinite(grads)
  if not wrong:
    return (
      'done again, that step was finite: the fault was not in the model, but '
      'perhaps in the memory of a device.'
    )
  order = {name: number for number, (name, _) in enumerate(outputs)}
  place = lambda path: order.get(path.rpartition('/')[0], -1)
  return (
    'the forward pass is finite; the first gradient that is not is that of '
    f'{max(wrong, key=place)} ({len(wrong)} of {len(flatten_dict(grads))} are '
    'not).'
  )


def _compute_gradients(run, state, batch):
  """Computes the gradients of a step, kept as its `opt_state`, and metrics."""
  keep = lambda grads, _, params: (jax.tree.map(jnp.zeros_like, params), grads)
  tx = optax.GradientTransformation(lambda params: params, keep)
  step = jax.jit(make_run_step(dataclasses.replace(run, tx=tx)))
  state = state.replace(opt_state=state.params)
  after, metrics = step(state, run.frozen, batch)
  return after.opt_state, metrics


def _check_outputs(run, state, batch) -> list[tuple[str, bool]]:
  """Lists modules in the order they end, and whether their output is finite.

  Runs the forward pass of the step, part by part if it accumulates.
  """
  config, names = run.config, []
  # No output can be taken out of a rematerialised block.
  cfg = dataclasses.replace(run.model.image_model, remat='none')
  model, parts = run.model.clone(image_model=cfg), config['accumulate']

  @jax.jit
  def flags(params, frozen, batch, rng):
    names.clear()
    return _watch_forward(model, config, params, frozen, batch, rng, names)

  rng = make_rng(state)
  changes = [config[key] for key in ('mixup', 'cutmix', 'drop_patches')]
  batch, rng = augment_batch(model, batch, rng, *changes)
  keys, found = jax.random.split(rng, parts) if parts > 1 else [rng], []
  for number, key in enumerate(keys):
    rows = jax.tree.map(lambda x, first=number: x[first::parts], batch)
    fine = jax.device_get(flags(state.params, run.frozen, rows, key))
    found += zip(names, map(bool, fine), strict=True)
  return found


def _watch_forward(
  model, config, params, frozen, batch, rng, names: list
) -> list:
  """Runs the forward pass; a flag per module call, its name in `names`."""
  flags = []

  def watch(method, args, kwargs, context):
    out = method(*args, **kwargs)
    arrays = [x for x in jax.tree.leaves(out) if isinstance(x, jax.Array)]
    arrays = [x for x in arrays if jnp.issubdtype(x.dtype, jnp.inexact)]
    if arrays:
      names.append('/'.join(context.module.path) or 'the model')
      flags.append(jnp.stack([jnp.isfinite(x).all() for x in arrays]).all())
    return out

  params = join(params, frozen)
  with full_precision(model), nn.intercept_methods(watch):
    normalization = config['data']['normalization']
    forward(model, normalization, params, batch, rng)
  return flags
