"""Image models beside what their libraries computed with the same weights."""

import functools

import jax
import numpy as np
from safetensors.numpy import load_file


@functools.partial(jax.jit, static_argnums=(0, 3))
def _apply(model, params, pixels, pooled):
  return model.apply({'params': params}, pixels, pooled=pooled)


def tokens(loaded, pixels, pooled=False):
  """What a model computes, compiled once per model."""
  return np.asarray(_apply(loaded.model, loaded.params, pixels, pooled))


def agree(found, wanted):
  np.testing.assert_allclose(found, wanted, rtol=0, atol=5e-6)


def check(loaded, folder, pooled=False):
  """Whether a model computes what `folder` has as its reference."""
  reference = np.load(folder / 'reference.npz')
  pixels = reference['input'].transpose(0, 2, 3, 1)
  found = tokens(loaded, pixels, pooled)
  if pooled:
    agree(found, reference['pooler_output'])
  elif 'clip' in folder.name:  # its reference is in front of the final norm
    agree(found[:, 0], reference['pooler_output'])
  else:
    agree(found, reference['last_hidden_state'])


def arrays_of(folder):
  return load_file(folder / 'model.safetensors')
