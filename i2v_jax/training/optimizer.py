"""AdamW, SGD and LARS over the trainable tree: clipping, factors, skipping."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax.params import count, labels
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError, suggest

Channels = Mapping[str, tuple[int, int]]  # parameter path -> (axis, count)
RANGES = {  # argument of `make_optimizer` -> range
  'name': ranges.one_of('adamw', 'sgd', 'lars'),
  'weight_decay': ranges.NOT_NEGATIVE,
  'clip_norm': ranges.NOT_NEGATIVE,
  'skip_norm': ranges.NOT_NEGATIVE,
  'momentum': ranges.RATE,
  'b1': ranges.RATE,
  'b2': ranges.RATE,
  'eps': ranges.NOT_NEGATIVE,
  'lr_multipliers': ranges.mapping_of(ranges.NOT_NEGATIVE),
  'decay_multipliers': ranges.mapping_of(ranges.NOT_NEGATIVE),
  'decay_biases': ranges.flag,
  'first_channels': ranges.mapping_of(ranges.list_of(ranges.FROM_0, 2)),
  'layer_decay': ranges.Number(0, 1, above=True),
}


def check(**options) -> None:
  """Raises UserError for an option that is out of its range."""
  for name, value in options.items():
    RANGES[name](f'optimizer.{name}', value)


def scale_by_prefix(
  multipliers: Mapping[str, float],
) -> optax.GradientTransformation:
  """Multiplies updates by the factor of their longest matching prefix."""

  def update(updates, params):
    del params
    factors = labels(updates, multipliers, default=1.0)
    return jax.tree.map(lambda u, m: u * m, updates, factors)

  return optax.stateless(update)


def scale_by_depth(
  decay: float, layers: Mapping
) -> optax.GradientTransformation:
  """Multiplies updates by `decay` for each layer between them and the head.

  `layers` has that number for every parameter, as `layer_decay.count_layers`
  returns it.
  """
  return optax.stateless(
    lambda updates, params: jax.tree.map(
      lambda u, layer: u * decay**layer, updates, layers
    )
  )


def decay_weights(
  rate: float, multipliers: Mapping[str, float], biases: bool = True
) -> optax.GradientTransformation:
  """Adds `rate * multiplier * parameter` to the updates (decoupled decay).

  Without `biases`, parameters of that name do not decay.
  """

  def update(updates, params):
    factors = labels(params, multipliers, default=1.0)
    if not biases:
      factors = jax.tree_util.tree_map_with_path(
        lambda path, m: 0.0 if path[-1].key == 'bias' else m, factors
      )
    return jax.tree.map(
      lambda u, p, m: u + rate * m * p, updates, params, factors
    )

  return optax.stateless(update)


def scale_by_norms() -> optax.GradientTransformation:
  """Scales updates to 0.001 of the norm of their parameter, as LARS does.

  Where either norm is 0, as that of a bias at the start, nothing changes.
  """
  return optax.scale_by_trust_ratio(trust_coefficient=1e-3, eps=1e-8)


def keep_first(channels: Channels) -> optax.GradientTransformation:
  """Zeroes updates outside the first channels of the parameters named.

  Raises:
    UserError: at `init`, for a path, axis or count the tree does not have.
  """

  def zero_rest(updates):
    flat = flatten_dict(updates, sep='/')
    for path, (axis, first) in channels.items():
      # Selected, not multiplied: a NaN outside must not pass.
      index = jax.lax.broadcasted_iota(jnp.int32, flat[path].shape, axis)
      flat[path] = jnp.where(index < first, flat[path], 0)
    return unflatten_dict(flat, sep='/')

  def init(params):
    check_channels(params, channels)
    return optax.EmptyState()

  update = lambda updates, state, params=None: (zero_rest(updates), state)
  return optax.GradientTransformation(init, update)


def check_channels(params: Mapping, channels: Channels) -> None:
  """Raises UserError for a path, axis or count `params` does not have."""
  shapes = {p: v.shape for p, v in flatten_dict(params, sep='/').items()}
  for path, (axis, first) in channels.items():
    if path not in shapes:
      raise UserError(
        f'optimizer.first_channels names {path!r}, which is not a trained '
        f'parameter{suggest(path, shapes, 0.0)}'
      )
    shape = shapes[path]
    if not 0 <= axis < len(shape):
      raise UserError(
        f'optimizer.first_channels names axis {axis} of {path!r}, whose shape '
        f'is {shape}; choose one below {len(shape)}.'
      )
    if not 0 < first <= shape[axis]:
      raise UserError(
        f'optimizer.first_channels trains {first} channels along axis {axis} '
        f'of {path!r}, whose shape is {shape}; choose 1 to {shape[axis]}.'
      )


def count_trained(params: Mapping, first_channels: Channels) -> int:
  """Counts the scalars of a trainable tree that an update changes.

  Raises:
    UserError: for a path, axis or count `params` does not have.
  """
  check_channels(params, first_channels)
  shapes = {p: v.shape for p, v in flatten_dict(params, sep='/').items()}
  still = 0
  for path, (axis, first) in first_channels.items():
    rest = list(shapes[path])
    rest[axis] -= first
    still += int(np.prod(rest))
  return count(params) - still


class Skipped(NamedTuple):
  """State of `skip_large`: steps skipped in all and in a row, inner state."""

  total: jax.Array
  in_a_row: jax.Array
  inner: Any


def skip_large(
  limit: float, inner: optax.GradientTransformation
) -> optax.GradientTransformation:
  """Skips steps whose gradient norm is above a limit or NaN.

  Their updates are zero, and the state of `inner` does not change.
  """

  def init(params):
    zero = jnp.zeros((), jnp.int32)
    return Skipped(zero, zero, inner.init(params))

  def update(grads, state, params=None):
    fine = optax.tree.norm(grads) <= limit  # not for NaN
    updates, after = inner.update(grads, state.inner, params)
    updates = jax.tree.map(lambda u: jnp.where(fine, u, 0), updates)
    after = jax.tree.map(lambda a, b: jnp.where(fine, a, b), after, state.inner)
    in_a_row = jnp.where(fine, 0, state.in_a_row + 1)
    return updates, Skipped(state.total + ~fine, in_a_row, after)

  return optax.GradientTransformation(init, update)


def read_skipped(opt_state) -> dict[str, jax.Array]:
  """Reads the counts of `skip_large`; `{}` for an optimiser without it."""
  states = opt_state if isinstance(opt_state, tuple) else ()
  found = [state for state in states if isinstance(state, Skipped)]
  if not found:
    return {}
  (state,) = found
  return {'skipped': state.total, 'skipped_in_a_row': state.in_a_row}


def make_optimizer(
  schedule: Callable,
  *,
  name: str = 'adamw',
  weight_decay: float | jax.Array = 0.05,
  clip_norm: float = 0.0,
  skip_norm: float = 0.0,
  momentum: float = 0.9,
  b1: float = 0.9,
  b2: float = 0.999,
  eps: float = 1e-8,
  lr_multipliers: Mapping[str, float] | None = None,
  decay_multipliers: Mapping[str, float] | None = None,
  decay_biases: bool = True,
  first_channels: Channels | None = None,
  layer_decay: float = 1.0,
  layers: Mapping | None = None,
) -> optax.GradientTransformation:
  """Makes an optimiser of a tree of trainable parameters only.

  Args:
    schedule: step -> learning rate.
    name: `'adamw'`, `'sgd'` with momentum, or `'lars'`: SGD whose gradients
      have a thousandth of the norm of their parameters (arXiv 1708.03888).
    weight_decay: for AdamW decoupled and scaled by the learning rate, for SGD
      and LARS added to the gradient before the momentum, as torch does. An
      array, such as one that is traced, is not checked.
    clip_norm: global norm of the trainable gradients; 0 does not clip.
    skip_norm: of the trainable gradients before clipping, above which a step
      changes nothing but the position of the schedule; 0 skips none.
    momentum: of SGD and LARS; b1, b2, eps: of AdamW.
    lr_multipliers: prefix -> factor on the learning rate.
    decay_multipliers: prefix -> factor on the decay.
    decay_biases: whether parameters named `bias` decay.
    first_channels: parameter path -> `(axis, count)`: only the first `count`
      indices are trained; the rest is not clipped for, moved or decayed.
    layer_decay: factor on the learning rate for each layer below the head.
    layers: number of these layers for each parameter, if the factor is not 1.

  Raises:
    UserError: a value is out of its range; at `init`, channels that the tree
      does not have.
  """
  tables = {
    'lr_multipliers': lr_multipliers or {},
    'decay_multipliers': decay_multipliers or {},
    'first_channels': first_channels or {},
  }
  check(name=name, momentum=momentum, **tables)
  if not isinstance(weight_decay, jax.Array):
    check(weight_decay=weight_decay)
  check(clip_norm=clip_norm, skip_norm=skip_norm, b1=b1, b2=b2, eps=eps)
  check(decay_biases=decay_biases, layer_decay=layer_decay)
  decay = decay_weights(weight_decay, tables['decay_multipliers'], decay_biases)
  rules = {
    'adamw': (optax.scale_by_adam(b1, b2, eps), decay),
    'sgd': (decay, optax.trace(momentum)),
    'lars': (decay, scale_by_norms(), optax.trace(momentum)),
  }
  rule = _within_norms(rules[name], clip_norm, skip_norm)
  rate = optax.scale_by_learning_rate(schedule)
  # First for the norm and the moments, last for the added decay.
  mask = keep_first(tables['first_channels'])
  factors = [scale_by_prefix(tables['lr_multipliers'])]
  if layer_decay != 1:
    factors.append(scale_by_depth(layer_decay, layers))
  return optax.chain(mask, *rule, *factors, rate, mask)


def _within_norms(rule: tuple, clip_norm: float, skip_norm: float) -> tuple:
  """Adds clipping and skipping to the parts of a rule."""
  clip = optax.clip_by_global_norm(clip_norm) if clip_norm else optax.identity()
  parts = (clip, *rule)
  return (skip_large(skip_norm, optax.chain(*parts)),) if skip_norm else parts
