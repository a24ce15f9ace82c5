"""Parameters that cost little to look up, and linear layers made of them."""

import contextlib
import contextvars
from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np
from flax import errors
from flax import linen as nn

_only_shapes = contextvars.ContextVar('only_shapes', default=False)


@contextlib.contextmanager
def only_shapes() -> Iterator[None]:
  """While open, new parameters of `Declared` modules are zeros.

  For `jax.eval_shape` of `init`: most of its time goes into drawing.
  """
  token = _only_shapes.set(True)
  try:
    yield
  finally:
    _only_shapes.reset(token)


class Declared:
  """A module that says the shapes of its parameters.

  Whenever a model is traced, Flax traces the initialiser of each parameter too,
  to compare shapes: two thirds of the time of a forward pass of ViT-B/16 with
  adapters. The shape that the initialiser is given says the same.
  """

  def param(self, name, init, shape, dtype=jnp.float32):
    """Makes a parameter, or looks it up.

    Raises:
      flax.errors.ScopeParamShapeError: the one there has another shape.
    """
    if not self.has_variable('params', name):
      if not _only_shapes.get():
        return super().param(name, init, shape, dtype)
      self.put_variable('params', name, jnp.zeros(shape, dtype))
    value = self.get_variable('params', name)
    if np.shape(value) != tuple(shape):
      path, found = self.scope.path_text, np.shape(value)
      raise errors.ScopeParamShapeError(name, path, found, tuple(shape))
    return value


class Dense(Declared, nn.Dense):
  """`nn.Dense`, of which tracing takes less time."""
