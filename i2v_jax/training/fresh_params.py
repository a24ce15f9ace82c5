"""Draws the parameters that no file holds: of adapters and heads."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax.models.inputs import clip_shapes, param_shapes


def init_params(
  model, pretrained: Mapping, seed: int, wanted: Mapping | None = None
) -> dict:
  """Initialises adapters and head, and joins them with pretrained parts.

  Args:
    model: a classifier.
    pretrained: parts of its tree.
    seed: of the fresh parameters.
    wanted: a tree whose paths are returned; None for all. Other parameters are
      neither drawn nor compiled.
  """
  wanted = param_shapes(model) if wanted is None else wanted
  given, flat = (flatten_dict(x, sep='/') for x in (pretrained, wanted))
  is_fresh = lambda path: path.split('/')[0] not in pretrained
  found = {path: given[path] for path in flat if not is_fresh(path)}
  if fresh := tuple(filter(is_fresh, sorted(flat))):
    found |= _draw(model, fresh, jax.random.key(seed))
  return unflatten_dict(found, sep='/')


@functools.partial(jax.jit, static_argnums=(0, 1))
def _draw(model, paths: tuple[str, ...], key) -> dict:
  """Draws fresh parameters by path; no others are computed."""
  clip = [jnp.zeros(x.shape, x.dtype) for x in clip_shapes(model)]
  flat = flatten_dict(model.init(key, *clip)['params'], sep='/')
  return {path: flat[path] for path in paths}
