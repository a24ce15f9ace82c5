"""The image ViT of CLIP, ImageNet, DINOv2 and SigLIP; no video here.

Shapes in names, in this file and everywhere: B batch, T frames, H W C pixels,
L tokens of a frame (class token first, then registers, then patches), D width,
N heads, K head width, F MLP width, R adapter rank, V views. Modules act on the
last two axes and leave the others alone, so `x_BxTxLxD` may be an image batch
`x_BxLxD`.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.sharding import PartitionSpec

from i2v_jax.backbones.attention import attend
from i2v_jax.backbones.custom_vjp import LayerNorm, gelu, quick_gelu
from i2v_jax.backbones.declared import Declared, Dense
from i2v_jax.backbones.positions import bicubic
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.runtime.errors import UserError


def shard_over_data(x):
  """Shards the first axis of x over `data`.

  Without a mesh that has such an axis, returns x.
  """
  mesh = jax.sharding.get_abstract_mesh()
  kinds = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
  if kinds.get('data') != jax.sharding.AxisType.Auto:
    return x
  return jax.lax.with_sharding_constraint(x, PartitionSpec('data'))


def swiglu(x):
  """The second half of the channels, gated by the first."""
  gate, x = jnp.split(x, 2, axis=-1)
  return nn.silu(gate) * x


ACTIVATIONS = {
  'quick_gelu': quick_gelu,
  'gelu': gelu,
  'gelu_tanh': lambda x: nn.gelu(x, approximate=True),
  'swiglu': swiglu,
}

REMAT = {
  'none': lambda block: block,
  'dots': lambda block: nn.remat(
    block, policy=jax.checkpoint_policies.dots_with_no_batch_dims_saveable
  ),
  'block': nn.remat,
}


def make_layer_norm(cfg: ViTConfig) -> nn.LayerNorm:
  """Makes a LayerNorm with exact float32 statistics, as published."""
  return LayerNorm(cfg.norm_eps, dtype=cfg.dtype)


def scale_channels(module: nn.Module, y):
  """LayerScale: y by a learned factor per channel, if the family has one."""
  if not module.cfg.layer_scale:
    return y
  scale = module.param('scale', nn.initializers.ones, y.shape[-1:], jnp.float32)
  return y * jnp.expand_dims(scale.astype(y.dtype), range(y.ndim - 1))


def keep_heads(q, k, v):
  """The default hook of `Attention`: plain self-attention."""
  return q, k, v


class Attention(Declared, nn.Module):
  """Multi-head attention over the last axis but one; any leading axes.

  `heads` is the one hook: it maps the projected q, k, v (each `…xLxD`, head j
  owning channels `[j*K, (j+1)*K)`) to those that attend. It must be a plain
  function of arrays; submodules belong in the `setup` of whoever passes it.
  After v it may give what is added to the logits, each broadcasting to `… x N x
  L x M`; k and v then have M tokens.
  """

  cfg: ViTConfig

  @nn.compact
  def __call__(self, x_q, x_k=None, x_v=None, heads: Callable = keep_heads):
    cfg = self.cfg
    x_k = x_q if x_k is None else x_k
    x_v = x_k if x_v is None else x_v
    dense = lambda name: Dense(cfg.width, dtype=cfg.dtype, name=name)
    qkv = dense('q')(x_q), dense('k')(x_k), dense('v')(x_v)
    q, k, v, *biases = heads(*qkv)
    lead = q.shape[:-2] if biases else (-1,)
    cut = lambda y: y.reshape(*lead, y.shape[-2], cfg.num_heads, cfg.head_width)
    y = attend(cut(q), cut(k), cut(v), *biases)
    return scale_channels(self, dense('out')(y.reshape(q.shape)))


class Mlp(Declared, nn.Module):
  """Two linear layers with the activation of the family between them.

  With SwiGLU the first has twice the width: the gate, then what it gates.
  """

  cfg: ViTConfig

  @nn.compact
  def __call__(self, x):
    cfg = self.cfg
    dense = lambda size, name: Dense(size, dtype=cfg.dtype, name=name)
    h = ACTIVATIONS[cfg.activation](dense(cfg.fc1_width, 'fc1')(x))
    return scale_channels(self, dense(cfg.width, 'fc2')(h))


class Block(nn.Module):
  """A pre-norm transformer block. An adapter may rewire its parts."""

  cfg: ViTConfig

  def setup(self):
    self.ln1, self.attn = make_layer_norm(self.cfg), Attention(self.cfg)
    self.ln2, self.mlp = make_layer_norm(self.cfg), Mlp(self.cfg)

  def __call__(self, x, adapter: nn.Module | None = None):
    if adapter is not None:
      return adapter(self, x)
    x += self.attn(self.ln1(x))
    return x + self.mlp(self.ln2(x))


def repeat_tokens(table_LxD, x_BxLxD):
  """Repeats learned tokens for every image of `x`, in its dtype."""
  shape = (*x_BxLxD.shape[:-2], *table_LxD.shape)
  return jnp.broadcast_to(table_LxD.astype(x_BxLxD.dtype), shape)


class AttentionPool(nn.Module):
  """A learned query looks at all tokens (`map` pooling, arXiv 2106.04560)."""

  cfg: ViTConfig

  def setup(self):
    cfg = dataclasses.replace(self.cfg, layer_scale=False)
    init = nn.initializers.xavier_uniform()
    self.query = self.param('query', init, (1, cfg.width), jnp.float32)
    self.attn, self.mlp = Attention(cfg), Mlp(cfg)
    self.ln = make_layer_norm(cfg)

  def __call__(self, x_BxLxD):
    y_Bx1xD = self.attn(repeat_tokens(self.query, x_BxLxD), x_BxLxD)
    return (y_Bx1xD + self.mlp(self.ln(y_Bx1xD)))[..., 0, :]


def check_pixels(image_BxHxWxC, cfg, positions: int = 0) -> None:
  """Raises UserError for pixels that an image model does not take.

  `positions` is the number of those that a table in place of the model's own
  has; the image may then have another shape.
  """
  (side, _, _), (height, width) = cfg.image_shape, image_BxHxWxC.shape[-3:-1]
  if not jnp.issubdtype(image_BxHxWxC.dtype, jnp.floating):
    raise UserError(
      f'This model takes normalised pixels, not {image_BxHxWxC.dtype}; apply '
      "i2v_jax.normalize(pixels, 'clip'), or the name of its normalisation."
    )
  patch = side // cfg.grid
  patches = (height // patch) * (width // patch)
  if positions == cfg.num_positions - cfg.grid**2 + patches:
    return
  if (height, width) != (side, side):
    raise UserError(
      f'This model takes {side}x{side} pixels, not {width}x{height}; resize '
      f'them, or build it with image_size={height}.'
    )


class ViT(nn.Module):
  """Image ViT: `B x H x W x 3` normalised pixels to `B x L x D` tokens.

  After the final norm; with `pooled`, one vector `B x D` per image.
  """

  cfg: ViTConfig

  def setup(self):
    cfg = self.cfg
    self.patch = nn.Conv(
      cfg.width,
      kernel_size=(cfg.patch_size, cfg.patch_size),
      strides=(cfg.patch_size, cfg.patch_size),
      padding='VALID',
      use_bias=cfg.patch_bias,
      dtype=cfg.dtype,
    )
    init = nn.initializers.normal(cfg.width**-0.5)
    if cfg.class_token:
      self.cls = self.param('cls', init, (cfg.width,), jnp.float32)
    if cfg.registers:
      shape = (cfg.registers, cfg.width)
      self.registers = self.param('registers', init, shape, jnp.float32)
    self.pos = self.param(
      'pos', init, (cfg.num_positions, cfg.width), jnp.float32
    )
    if cfg.pre_norm:
      self.ln_pre = make_layer_norm(cfg)
    block = REMAT[cfg.remat](Block)
    self.blocks = [block(cfg) for _ in range(cfg.depth)]
    self.ln_post = make_layer_norm(cfg)
    if cfg.pool == 'map':
      self.map = AttentionPool(cfg)

  def embed(self, image_BxHxWxC, pos=None):
    """Pixels to tokens with positions, before the pre-norm.

    `pos` stands in for the image model's table; its shape broadcasts against
    the tokens' by the number of axes it has, and images may have as many
    patches as it has rows for.
    """
    cfg, batch = self.cfg, image_BxHxWxC.shape[:-3]
    check_pixels(image_BxHxWxC, cfg, 0 if pos is None else pos.shape[-2])
    x_BxLxD = self.patch(image_BxHxWxC).reshape(*batch, -1, cfg.width)
    if cfg.class_token:
      cls = repeat_tokens(self.cls[None], x_BxLxD)
      x_BxLxD = jnp.concatenate([cls, x_BxLxD], axis=-2)
    pos = (self.pos if pos is None else pos).astype(cfg.dtype)
    x_BxLxD += jnp.expand_dims(pos, range(x_BxLxD.ndim - pos.ndim))
    return self.with_registers(x_BxLxD)

  def fit_positions(self, height: int, width: int):
    """The table of positions for `height x width` patches, resampled."""
    cfg, first = self.cfg, int(self.cfg.class_token)
    rows, columns = bicubic(cfg.grid, height), bicubic(cfg.grid, width)
    cls, patches = jnp.split(self.pos, [first])
    square_GxGxD = patches.reshape(cfg.grid, cfg.grid, -1)
    fit = functools.partial(jnp.einsum, precision='highest')
    patches_HxWxD = fit('ha,wb,abd->hwd', rows, columns, square_GxGxD)
    return jnp.concatenate([cls, patches_HxWxD.reshape(-1, cfg.width)])

  def with_registers(self, x_BxLxD):
    """Registers between the class token and the patches, if there are any."""
    if not self.cfg.registers:
      return x_BxLxD
    cls, patches = jnp.split(x_BxLxD, [self.cfg.class_token], axis=-2)
    registers = repeat_tokens(self.registers, x_BxLxD)
    return jnp.concatenate([cls, registers, patches], axis=-2)

  def encode(self, x, adapters: Sequence[nn.Module | None] | None = None):
    """Tokens through the pre-norm and the blocks, one adapter per block."""
    if self.cfg.pre_norm:
      x = self.ln_pre(x)
    for block, adapter in zip(
      self.blocks, adapters or [None] * self.cfg.depth, strict=True
    ):
      x = block(shard_over_data(x), adapter)
    return x

  def pool(self, x_BxLxD):
    """Features of each image, `B x D`, after the final norm."""
    cfg = self.cfg
    if cfg.pool == 'cls':
      return self.ln_post(x_BxLxD[..., 0, :])
    y_BxLxD = self.ln_post(x_BxLxD)
    if cfg.pool == 'map':
      return self.map(y_BxLxD)
    return y_BxLxD[..., cfg.num_prefix :, :].mean(axis=-2)

  def read_patches(self, x_BxLxD):
    """Tokens of the patches after the final norm, `B x P x D`."""
    return self.ln_post(x_BxLxD[..., self.cfg.num_prefix :, :])

  def __call__(self, image_BxHxWxC, pooled: bool = False):
    x_BxLxD = self.encode(self.embed(image_BxHxWxC))
    if pooled or self.is_initializing():  # which makes the pool's parameters
      y_BxD = self.pool(x_BxLxD)
    return y_BxD if pooled else self.ln_post(x_BxLxD)
