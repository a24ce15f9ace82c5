"""Functions whose gradients XLA would keep or compute more for than it must.

Values are those of the plain formulas to rounding. Like all functions with a
backward pass of their own, they have no forward-mode derivative.
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax


@jax.custom_vjp
def quick_gelu(x):
  """x * sigmoid(1.702 x), which keeps x alone for its gradient."""
  return x * nn.sigmoid(1.702 * x)


def _quick_gelu_backward(x, dy):
  # Without the barrier XLA finds the sigmoid of the forward pass and keeps it.
  x = lax.optimization_barrier(x)
  gate = nn.sigmoid(1.702 * x)
  return (dy * gate * (1 + 1.702 * x * (1 - gate)),)


quick_gelu.defvjp(lambda x: (quick_gelu(x), x), _quick_gelu_backward)


class LayerNorm(nn.LayerNorm):
  """`nn.LayerNorm` over the last axis, with float32 statistics.

  Its gradient is the closed form, with two means over the channels.
  """

  @nn.compact
  def __call__(self, x):
    shape = x.shape[-1:]
    scale = self.param('scale', self.scale_init, shape, self.param_dtype)
    bias = self.param('bias', self.bias_init, shape, self.param_dtype)
    y = _layer_norm(self.epsilon, *(_float32(x) for x in (x, scale, bias)))
    return y.astype(self.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _layer_norm(epsilon, x, scale, bias):
  return _layer_norm_forward(epsilon, x, scale, bias)[0]


def _layer_norm_forward(epsilon, x, scale, bias):
  mean = _mean(x)
  rate = lax.rsqrt(_mean((x - mean) ** 2) + epsilon)
  y = (x - mean) * (rate * _wide(scale, x)) + _wide(bias, x)
  return y, (x, mean, rate, scale)


def _layer_norm_backward(epsilon, kept, dy):
  del epsilon
  x, mean, rate, scale = kept
  h, dh, rows = (x - mean) * rate, dy * _wide(scale, x), range(x.ndim - 1)
  dx = rate * (dh - _mean(dh) - h * _mean(dh * h))
  return dx, (dy * h).sum(axis=rows), dy.sum(axis=rows)


_layer_norm.defvjp(_layer_norm_forward, _layer_norm_backward)


def _mean(x):
  return x.mean(axis=-1, keepdims=True)


def _wide(channels, x):
  return jnp.expand_dims(channels, range(x.ndim - 1))


def _float32(x):
  return x.astype(jnp.float32)
