"""Parameters that are cheap to look up, and linear layers that use them."""

import contextvars

import jax
import jax.numpy as jnp
import numpy as np
from flax import errors
from flax import linen as nn

_only_shapes = contextvars.ContextVar('only_shapes', default=False)


class Declared:
  """A mixin for modules that pass the shape of a parameter to its initialiser.

  Whenever a model is traced, Flax traces the initialiser of each parameter too,
  to compare shapes: half the time it takes to trace a forward pass of ViT-B/16
  with adapters. The shape that was passed says the same.
  """

  # No Module: Flax would wrap `param`, and interceptors would see its calls.

  def param(self, name, init, shape, dtype):
    """Makes a parameter, or looks it up.

    Raises:
      flax.errors.ScopeParamShapeError: an existing one has another shape.
    """
    if not self.has_variable('params', name):
      if not _only_shapes.get():
        return super().param(name, init, shape, dtype)
      self.put_variable('params', name, jnp.zeros(shape, dtype))
    self.scope.reserve(name, 'params')  # a second of that name is refused
    value, wanted = self.get_variable('params', name), tuple(shape)
    if np.shape(value) != wanted:
      path, found = self.scope.path_text, np.shape(value)
      raise errors.ScopeParamShapeError(name, path, found, wanted)
    return value


class Dense(Declared, nn.Dense):
  """`nn.Dense`, which is faster to trace."""


def init_shapes(module: nn.Module, *inputs) -> dict:
  """Returns the shapes of what `module.init` makes.

  Initialisers of `Declared` modules are not traced. Inputs are arrays, or their
  shapes.
  """
  # A function of its own: JAX would find the zeros again for one it knows.
  init = lambda *inputs: module.init(jax.random.key(0), *inputs)['params']
  token = _only_shapes.set(True)
  try:
    return jax.eval_shape(init, *inputs)
  finally:
    _only_shapes.reset(token)
