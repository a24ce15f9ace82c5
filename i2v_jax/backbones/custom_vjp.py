"""Hand-written gradients that need less memory or time than XLA's.

Values are those of the plain formulas to rounding. `with_derivatives` gives a
function its own backward pass, as `jax.custom_vjp` does, and a forward-mode
derivative too, so that `jax.jvp`, `jax.jacfwd` and `jax.hessian` work.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from i2v_jax.backbones.declared import Declared


def with_derivatives(
  forward: Callable, tangent: Callable, backward: Callable
) -> Callable:
  """The function that `forward` computes, with derivatives of its own.

  Args:
    forward: arguments -> (result, kept); `kept` is a tuple of arrays for the
      derivatives.
    tangent: (kept, one tangent per argument) -> tangent of the result; linear
      in the tangents.
    backward: (kept, cotangent of the result) -> one cotangent per argument, as
      the transpose of `tangent`.
  """
  function = jax.custom_jvp(lambda *args: forward(*args)[0])

  @function.defjvp
  def jvp(args, tangents):
    y, kept = forward(*args)
    rules = dict(tangent=tangent, backward=backward, num_kept=len(kept))
    return y, _linear.bind(*kept, *tangents, **rules)

  return function


# A linear map with a transpose of its own, as jax.custom_derivatives
# .linear_call, which lacks the rule for vmap that jacfwd needs.
_linear = Primitive('linear')


@_linear.def_impl
def _apply(*args, tangent, backward, num_kept):
  del backward
  return tangent(args[:num_kept], *args[num_kept:])


def _transpose(dy, *args, tangent, backward, num_kept):
  del tangent
  kept, inputs = args[:num_kept], args[num_kept:]
  found = (None,) * len(inputs)
  if not isinstance(dy, ad.Zero):
    found = backward(kept, dy)
  # The other tangents are zeros, as those of frozen parameters.
  wanted = map(ad.is_undefined_primal, inputs)
  pairs = zip(found, wanted, strict=True)
  return [None] * num_kept + [x if asked else None for x, asked in pairs]


def _jvp(args, tangents, **rules):
  tangents = map(ad.instantiate_zeros, tangents)
  return jax.jvp(functools.partial(_apply, **rules), args, tuple(tangents))


def _batch(args, axes, **rules):
  return jax.vmap(functools.partial(_apply, **rules), axes)(*args), 0


@_linear.def_abstract_eval
def _abstract(*args, **rules):
  y = jax.eval_shape(functools.partial(_apply, **rules), *args)
  return jax.core.ShapedArray(y.shape, y.dtype)


ad.primitive_transposes[_linear] = _transpose
ad.primitive_jvps[_linear] = _jvp
batching.primitive_batchers[_linear] = _batch
mlir.register_lowering(_linear, mlir.lower_fun(_apply, multiple_results=False))


def _quick_gelu_tangent(kept, dx):
  (x,) = kept
  gate = nn.sigmoid(1.702 * x)
  return dx * gate * (1 + 1.702 * x * (1 - gate))


def _quick_gelu_backward(kept, dy):
  # Without the barrier XLA finds the sigmoid of the forward pass and keeps it.
  return (_quick_gelu_tangent(lax.optimization_barrier(kept), dy),)


def quick_gelu(x):
  """x * sigmoid(1.702 x), which keeps x alone for its gradient."""
  return _quick_gelu(x)


_quick_gelu = with_derivatives(
  lambda x: (x * nn.sigmoid(1.702 * x), (x,)),
  _quick_gelu_tangent,
  _quick_gelu_backward,
)


def _normal(x):
  """The share of a normal distribution below x."""
  # JAX's GELU has erfc, of which XLA computes every branch. In float32, as
  # the sum is small where x is negative.
  return (0.5 + 0.5 * lax.erf(_float32(x) * 0.5**0.5)).astype(x.dtype)


def _gelu_tangent(kept, dx):
  (x,) = kept
  density = jnp.exp(-0.5 * x * x) * (2 * np.pi) ** -0.5
  return dx * (_normal(x) + x * density)


def _gelu_backward(kept, dy):
  return (_gelu_tangent(lax.optimization_barrier(kept), dy),)


def gelu(x):
  """x times the share of a normal distribution below x; keeps x alone."""
  return _gelu(x)


_gelu = with_derivatives(
  lambda x: (x * _normal(x), (x,)), _gelu_tangent, _gelu_backward
)


class LayerNorm(Declared, nn.LayerNorm):
  """`nn.LayerNorm` over the last axis, with float32 statistics.

  Its gradient is the closed form, with two means over the channels.
  """

  @nn.compact
  def __call__(self, x):
    shape = x.shape[-1:]
    scale = self.param('scale', self.scale_init, shape, self.param_dtype)
    bias = self.param('bias', self.bias_init, shape, self.param_dtype)
    forward = functools.partial(_layer_norm, self.epsilon)
    norm = with_derivatives(forward, _layer_norm_tangent, _layer_norm_backward)
    return norm(*(_float32(x) for x in (x, scale, bias))).astype(self.dtype)


def _layer_norm(epsilon, x, scale, bias):
  mean = _mean(x)
  rate = lax.rsqrt(_mean((x - mean) ** 2) + epsilon)
  y = (x - mean) * (rate * _wide(scale, x)) + _wide(bias, x)
  return y, (x, mean, rate, scale)


def _layer_norm_tangent(kept, dx, dscale, dbias):
  x, mean, rate, scale = kept
  h = (x - mean) * rate
  dh = rate * (dx - _mean(dx) - h * _mean(dx * h))
  return dh * _wide(scale, x) + h * _wide(dscale, x) + _wide(dbias, x)


def _layer_norm_backward(kept, dy):
  x, mean, rate, scale = kept
  h, dh, rows = (x - mean) * rate, dy * _wide(scale, x), range(x.ndim - 1)
  total, slope = _sums(dh, dh * h)
  dx = rate * (dh - (total + h * slope) / scale.size)
  return dx, (dy * h).sum(axis=rows), dy.sum(axis=rows)


def _sums(*xs):
  """Sums over the channels, all in one pass.

  One after the other, XLA's CPU backend multiplies and sums in passes that
  take four times as long.
  """
  add = lambda totals, xs: [a + b for a, b in zip(totals, xs, strict=True)]
  zeros = tuple(np.zeros((), x.dtype) for x in xs)
  found = lax.reduce(xs, zeros, add, (xs[0].ndim - 1,))
  return [x[..., None] for x in found]


def _mean(x):
  return x.mean(axis=-1, keepdims=True)


def _wide(channels, x):
  return jnp.expand_dims(channels, range(x.ndim - 1))


def _float32(x):
  return x.astype(jnp.float32)
