"""Blocks as another project may have them, made without ours."""

import types

import jax.numpy as jnp
from flax import linen as nn


class Fused(nn.Module):
  """Attention with one projection, which takes x alone."""

  @nn.compact
  def __call__(self, x):
    q, k, v = jnp.split(nn.Dense(3 * x.shape[-1], name='qkv')(x), 3, -1)
    cut = lambda y: y.reshape(*y.shape[:-1], 4, -1)
    y = nn.dot_product_attention(cut(q), cut(k), cut(v))
    return nn.Dense(x.shape[-1], name='proj')(y.reshape(x.shape))


class Named(nn.Module):
  """Attention whose layers have our names, and which takes our hook."""

  @nn.compact
  def __call__(self, x_q, x_k=None, x_v=None, heads=lambda *qkv: qkv):
    x_k = x_q if x_k is None else x_k
    x_v = x_q if x_v is None else x_v
    dense = lambda name: nn.Dense(x_q.shape[-1], name=name)
    q, k, v = heads(dense('q')(x_q), dense('k')(x_k), dense('v')(x_v))
    cut = lambda y: y.reshape(*y.shape[:-1], 4, -1)
    y = nn.dot_product_attention(cut(q), cut(k), cut(v))
    return dense('out')(y.reshape(q.shape))


class Mlp(nn.Module):
  @nn.compact
  def __call__(self, x):
    h = nn.gelu(nn.Dense(2 * x.shape[-1], name='fc1')(x))
    return nn.Dense(x.shape[-1], name='fc2')(h)


class FusedBlock(nn.Module):
  """No more than the minimum."""

  width: int
  attention = Fused
  feed_forward = Mlp

  def setup(self):
    self.ln1, self.ln2 = nn.LayerNorm(), nn.LayerNorm()
    self.attn, self.mlp = self.attention(), self.feed_forward()

  def __call__(self, x):
    x += self.attn(self.ln1(x))
    return x + self.mlp(self.ln2(x))


class NamedBlock(FusedBlock):
  """All that any method asks for."""

  attention = Named
  cfg = types.SimpleNamespace(
    num_heads=4, head_width=8, patch_size=4, pre_norm=True
  )


class Twice(nn.Module):
  @nn.compact
  def __call__(self, x):
    return nn.Dense(x.shape[-1], name='q')(Mlp(name='mlp')(x))


class TwiceBlock(NamedBlock):
  """A second layer named q."""

  feed_forward = Twice
