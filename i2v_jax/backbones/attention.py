"""Softmax attention, and which implementation a platform gets."""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from i2v_jax.backbones.custom_vjp import with_derivatives

SIDE_BY_SIDE = 2**16  # logits of an image, from which it pays


def attend(q_BxLxNxK, k_BxMxNxK, v_BxMxNxK, *biases):
  """softmax(q k^T / sqrt(K)) v: `B x L x N x K` in the dtype of q.

  Softmax is float32 throughout. `biases` are added before it: relative
  positions, or -100 where a mask forbids; each has as many axes as
  `B x N x L x M`, and broadcasts to it. With biases B may be several axes.

  Chosen by the platform a computation is lowered for, not by that of the
  process:

  - CPU: `attend_cpu`.
  - CUDA: `attend_cudnn` where cuDNN can do it (no biases, float16 and bfloat16,
    heads of up to 128 channels, a multiple of 8, compute capability 8.0), else
    `attend_xla`. JAX traces cuDNN's part only where such a GPU is: what a
    machine without one exports for CUDA has `attend_xla` in it.
  - TPU and others: `attend_xla`.
  """
  ways = {'cpu': attend_cpu}
  if not biases and has_cudnn() and fits_cudnn(q_BxLxNxK):
    ways['cuda'] = attend_cudnn
  return lax.platform_dependent(
    q_BxLxNxK, k_BxMxNxK, v_BxMxNxK, *biases, default=attend_xla, **ways
  )


def has_cudnn() -> bool:
  """Whether JAX computes on GPUs that cuDNN has fused attention for."""
  device = jax.local_devices()[0]
  is_cuda = 'cuda' in device.client.platform_version  # ROCm is a 'gpu' too
  return is_cuda and float(device.compute_capability) >= 8.0


def fits_cudnn(q_BxLxNxK) -> bool:
  """Whether cuDNN has fused attention for this dtype and width of a head."""
  width = q_BxLxNxK.shape[-1]
  half = q_BxLxNxK.dtype in (jnp.float16, jnp.bfloat16)
  return half and width <= 128 and width % 8 == 0


def attend_cudnn(q_BxLxNxK, k_BxMxNxK, v_BxMxNxK):
  """`attend` by cuDNN's fused kernels."""
  return jax.nn.dot_product_attention(
    q_BxLxNxK, k_BxMxNxK, v_BxMxNxK, implementation='cudnn'
  )


def attend_xla(q_BxLxNxK, k_BxMxNxK, v_BxMxNxK, *biases):
  """`attend` as JAX writes it."""
  if not biases:  # JAX's own takes one bias, of four axes
    return jax.nn.dot_product_attention(
      q_BxLxNxK, k_BxMxNxK, v_BxMxNxK, implementation='xla'
    )
  product = partial(jnp.einsum, preferred_element_type=jnp.float32)
  logits = product('...lnk,...mnk->...nlm', q_BxLxNxK, k_BxMxNxK)
  logits = sum(biases, logits * q_BxLxNxK.shape[-1] ** -0.5)
  weights = jax.nn.softmax(logits).astype(q_BxLxNxK.dtype)
  y = product('...nlm,...mnk->...lnk', weights, v_BxMxNxK)
  return y.astype(q_BxLxNxK.dtype)


def attend_cpu(q_BxLxNxK, k_BxMxNxK, v_BxMxNxK, *biases):
  """`attend` by matrix products, keeping one `B x N x L x M` for the gradient.

  Weights are divided by their sum after the product with v, and its gradient
  is taken from narrow arrays, as in FlashAttention (arXiv 2205.14135).
  """
  heads_first = lambda y: y.swapaxes(-3, -2)
  q, k, v = map(heads_first, (q_BxLxNxK, k_BxMxNxK, v_BxMxNxK))
  attend_one = _attend if biases else _attend_in_turn
  return heads_first(attend_one(q, k, v, *biases))


@jax.custom_jvp
def _attend_in_turn(q, k, v):
  """`_attend`, one head after the other; side by side if differentiated."""
  return _attend(q, k, v)


@_attend_in_turn.defjvp
def _attend_side_by_side(qkv, dqkv):
  split = partial(
    jnp.split, indices_or_sections=_count_parts(*qkv[:2]), axis=-3
  )

  def attend_parts(*qkv):
    parts = zip(*map(split, qkv), strict=True)
    return jnp.concatenate([_attend(*part) for part in parts], axis=-3)

  return jax.jvp(attend_parts, qkv, dqkv)


def _count_parts(q, k) -> int:
  """Groups of heads that are computed side by side.

  XLA's CPU backend takes one thread for a product of many small matrices, but
  computes independent ones at the same time. Small ones are not worth it, nor
  is a forward pass, where parts of k and v would be copies.
  """
  num_heads, queries, keys = *q.shape[-3:-1], k.shape[-2]
  large = num_heads * queries * keys >= SIDE_BY_SIDE
  return math.gcd(num_heads, 4) if large else 1


def _forward(q, k, v, *biases):
  scale = q.shape[-1] ** -0.5
  if biases:  # q is narrower than the logits
    logits, scale = sum(biases, _product(q * scale, k.mT)), 1.0
  else:
    logits = _product(q, k.mT)
  top = logits.max(axis=-1, keepdims=True)
  weights = jnp.exp((logits - top) * scale)
  total = weights.sum(axis=-1, keepdims=True)
  weights = weights.astype(q.dtype)
  y = (_product(weights, v) / total).astype(q.dtype)
  return y, (q, k, v, weights, total, y, *biases)


def _tangent(kept, dq, dk, dv, *dbiases):
  q, k, v, weights, total, y, *_ = kept
  dlogits = _product(dq, k.mT) + _product(q, dk.mT)
  dweights = weights * sum(dbiases, dlogits * q.shape[-1] ** -0.5)
  dtotal = dweights.sum(axis=-1, keepdims=True)
  dy = _product(dweights.astype(q.dtype), v) + _product(weights, dv)
  return ((dy - y * dtotal) / total).astype(q.dtype)


def _backward(kept, dy):
  q, k, v, weights, total, y, *biases = kept
  # Divided late: XLA writes 1 / total once per channel of a head if nothing
  # else needs it.
  mean = (dy.astype(jnp.float32) * y).sum(axis=-1, keepdims=True)
  dweights = (_product(dy, v.mT) - mean) / total
  dlogits = weights * dweights
  dbiases = [_sum_as(bias, dlogits) for bias in biases]
  dlogits = (dlogits * q.shape[-1] ** -0.5).astype(q.dtype)
  dy = (dy / total).astype(q.dtype)
  dk, dv = _product(dlogits.mT, q), _product(weights.mT, dy)
  dqkv = (x.astype(q.dtype) for x in (_product(dlogits, k), dk, dv))
  return *dqkv, *dbiases


def _sum_as(bias, x):
  """Sums over the axes along which a bias is repeated."""
  sizes = zip(bias.shape, x.shape, strict=True)
  repeated = [axis for axis, (own, size) in enumerate(sizes) if own != size]
  return x.sum(axis=repeated, keepdims=True).astype(bias.dtype)


def _product(a, b):
  """Matrix products of batches of heads, summed in float32."""
  return jnp.matmul(a, b, preferred_element_type=jnp.float32)


_attend = with_derivatives(_forward, _tangent, _backward)
