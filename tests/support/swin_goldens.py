"""Goldens of ZeroI2V and AIM on Swin, and their gradients as our trees."""

import numpy as np
import published
from flax.traverse_util import flatten_dict

from i2v_jax.deploy.release import load_release

ARGUMENTS = {  # what no file holds
  'aim_swin': {},
  'zeroi2v_swin': dict(offsets='quarter', adapter_scale=1.0),
  'zeroi2v_swin_full': dict(offsets='quarter'),
}


def load(name, state='state'):
  """(model, params, arrays) of a golden."""
  _, arrays = published.load(published.HERE / f'{name}.npz')
  loaded = load_release(arrays[state], **ARGUMENTS[name])
  return loaded.model, loaded.params, arrays


def gradients(name, arrays, groups=('grad',)) -> dict:
  """Gradients by path of our tree; parts without one are left out."""
  known = {}
  for group in groups:
    for key, value in arrays[group].items():
      inside = f'backbone.{key}'
      known[inside if inside in arrays['state'] else key] = value
  # A file of gradients alone is no model: fill it up, and mark what is filled.
  fill = lambda value: (
    value if value.dtype == np.int64 else np.zeros_like(value)
  )
  filled = {k: known.get(k, fill(v)) for k, v in arrays['state'].items()}
  marked = {
    k: np.ones_like(v) if k in known else fill(v)
    for k, v in arrays['state'].items()
  }
  values, marks = (
    flatten_dict(load_release(x, **ARGUMENTS[name]).params, sep='/')
    for x in (filled, marked)
  )
  return {path: x for path, x in values.items() if marks[path].all()}
