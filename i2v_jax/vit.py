"""The image ViT: CLIP's visual tower and the ImageNet ViT. No video in here.

Shapes in names, in this file and everywhere: B batch, T frames, H W C pixels,
L tokens of a frame (class token first), D width, N heads, K head width,
F MLP width, R adapter rank, V views. `x_BxTxLxD` also stands for an image
batch `x_BxLxD`: modules act on the last two axes and leave the others alone.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

# Name -> width, depth, heads, MLP width (Table 2 of arXiv 2106.04560).
SIZES = {
  'Ti': (192, 12, 3, 768),
  'S': (384, 12, 6, 1536),
  'B': (768, 12, 12, 3072),
  'L': (1024, 24, 16, 4096),
  'H': (1280, 32, 16, 5120),
  'g': (1408, 40, 16, 6144),
}

FAMILIES = {
  'clip': dict(
    pre_norm=True, patch_bias=False, activation='quick_gelu', norm_eps=1e-5
  ),
  'imagenet': dict(
    pre_norm=False, patch_bias=True, activation='gelu', norm_eps=1e-6
  ),
}

ACTIVATIONS = {
  'quick_gelu': lambda x: x * nn.sigmoid(1.702 * x),
  'gelu': lambda x: nn.gelu(x, approximate=False),
}

REMAT = {
  'none': lambda block: block,
  'dots': lambda block: nn.remat(
    block, policy=jax.checkpoint_policies.dots_saveable
  ),
  'block': nn.remat,
}


@dataclasses.dataclass(frozen=True)
class ViTConfig:
  """Everything that decides an image ViT's parameter tree and its maths.

  `dtype` is the compute type; parameters are float32. `remat` is what the
  backward pass recomputes: `none`, all but matrix products (`dots`), or whole
  blocks (`block`).
  """

  width: int
  depth: int
  num_heads: int
  patch_size: int
  image_size: int = 224
  mlp_dim: int = 0  # 0: four times the width
  pre_norm: bool = True
  patch_bias: bool = False
  activation: str = 'quick_gelu'
  norm_eps: float = 1e-5
  dtype: Any = jnp.float32
  remat: str = 'none'

  def __post_init__(self):
    if not self.mlp_dim:
      object.__setattr__(self, 'mlp_dim', 4 * self.width)
    if self.width % self.num_heads:
      raise ValueError(
        f'A width of {self.width} cannot be cut into {self.num_heads} heads; '
        'choose num_heads to divide it.'
      )
    if self.image_size % self.patch_size:
      raise ValueError(
        f'Image size {self.image_size} is not a multiple of the patch size '
        f'{self.patch_size}.'
      )
    for field, table in (('activation', ACTIVATIONS), ('remat', REMAT)):
      if getattr(self, field) not in table:
        raise ValueError(
          f'Unknown {field} {getattr(self, field)!r}; known: {sorted(table)}.'
        )

  @property
  def grid(self) -> int:
    """Patches along one side."""
    return self.image_size // self.patch_size

  @property
  def image_shape(self) -> tuple[int, int, int]:
    """H, W, C of what the model takes."""
    return (self.image_size, self.image_size, 3)

  @property
  def head_width(self) -> int:
    """K, channels of a head."""
    return self.width // self.num_heads

  @classmethod
  def named(cls, variant: str = '', family: str = 'clip', **overrides):
    """A ViT by size name such as `'B/16'`, or by free `width`, `depth`, ….

    Args:
      variant: size and patch, `'L/14'`; empty if all sizes are in `overrides`.
      family: `'clip'` (pre-LN, QuickGELU, eps 1e-5, patch embedding without
        bias) or `'imagenet'` (no pre-LN, GELU, eps 1e-6, bias).
      **overrides: fields of `ViTConfig`.

    Raises:
      ValueError: unknown variant or family, sizes that do not divide.
    """
    if family not in FAMILIES:
      raise ValueError(f'Unknown family {family!r}; known: {sorted(FAMILIES)}.')
    sizes = {}
    if variant:
      size, _, patch = variant.partition('/')
      if size not in SIZES or not patch.isdigit():
        raise ValueError(
          f'Unknown ViT {variant!r}; write SIZE/PATCH with SIZE one of '
          f'{", ".join(SIZES)}, for example B/16.'
        )
      fields = ('width', 'depth', 'num_heads', 'mlp_dim', 'patch_size')
      sizes = dict(zip(fields, (*SIZES[size], int(patch)), strict=True))
    return cls(**(FAMILIES[family] | sizes | overrides))


def layer_norm(cfg: ViTConfig) -> nn.LayerNorm:
  """LayerNorm with exact float32 statistics, as the published models use."""
  return nn.LayerNorm(cfg.norm_eps, dtype=cfg.dtype, use_fast_variance=False)


def keep_heads(q, k, v):
  """The default hook of `Attention`: plain self-attention."""
  return q, k, v


class Attention(nn.Module):
  """Multi-head attention over the last axis but one; any leading axes.

  `heads` is the one hook: it maps the projected q, k, v (each `…xLxD`, head j
  owning channels `[j*K, (j+1)*K)`) to those that attend. It must be a plain
  function of arrays; submodules belong in the `setup` of whoever passes it.
  """

  cfg: ViTConfig

  @nn.compact
  def __call__(self, x_q, x_k=None, x_v=None, heads: Callable = keep_heads):
    cfg = self.cfg
    x_k = x_q if x_k is None else x_k
    x_v = x_k if x_v is None else x_v
    dense = lambda name: nn.Dense(cfg.width, dtype=cfg.dtype, name=name)
    q, k, v = heads(dense('q')(x_q), dense('k')(x_k), dense('v')(x_v))
    cut = lambda y: y.reshape(-1, y.shape[-2], cfg.num_heads, cfg.head_width)
    y = jax.nn.dot_product_attention(cut(q), cut(k), cut(v))
    return dense('out')(y.reshape(q.shape))


class Mlp(nn.Module):
  """Two linear layers with the activation of the family between them."""

  cfg: ViTConfig

  @nn.compact
  def __call__(self, x):
    dense = lambda size, name: nn.Dense(size, dtype=self.cfg.dtype, name=name)
    h = ACTIVATIONS[self.cfg.activation](dense(self.cfg.mlp_dim, 'fc1')(x))
    return dense(self.cfg.width, 'fc2')(h)


class Block(nn.Module):
  """A pre-norm transformer block. An adapter may wire its parts anew."""

  cfg: ViTConfig

  def setup(self):
    self.ln1, self.attn = layer_norm(self.cfg), Attention(self.cfg)
    self.ln2, self.mlp = layer_norm(self.cfg), Mlp(self.cfg)

  def __call__(self, x, adapter: nn.Module | None = None):
    if adapter is not None:
      return adapter(self, x)
    x += self.attn(self.ln1(x))
    return x + self.mlp(self.ln2(x))


class ViT(nn.Module):
  """Image ViT: `B x H x W x 3` normalised pixels to `B x L x D` tokens."""

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
    self.cls = self.param('cls', init, (cfg.width,))
    self.pos = self.param('pos', init, (1 + cfg.grid**2, cfg.width))
    if cfg.pre_norm:
      self.ln_pre = layer_norm(cfg)
    block = REMAT[cfg.remat](Block)
    self.blocks = [block(cfg) for _ in range(cfg.depth)]
    self.ln_post = layer_norm(cfg)

  def embed(self, image_BxHxWxC, pos=None):
    """Pixels to tokens with positions, before the pre-norm.

    `pos` stands in for the image model's table; its shape broadcasts against
    the tokens' by the number of axes it has.
    """
    cfg, (*batch, height, width, _) = self.cfg, image_BxHxWxC.shape
    if (height, width) != (cfg.image_size, cfg.image_size):
      raise ValueError(
        f'This ViT takes {cfg.image_size}x{cfg.image_size} pixels, not '
        f'{width}x{height}; resize them, or build it with image_size={height}.'
      )
    x_BxPxD = self.patch(image_BxHxWxC).reshape(*batch, -1, cfg.width)
    cls_Bx1xD = jnp.broadcast_to(
      self.cls.astype(cfg.dtype), (*batch, 1, cfg.width)
    )
    x_BxLxD = jnp.concatenate([cls_Bx1xD, x_BxPxD], axis=-2)
    pos = (self.pos if pos is None else pos).astype(cfg.dtype)
    return x_BxLxD + jnp.expand_dims(pos, range(x_BxLxD.ndim - pos.ndim))

  def encode(self, x, adapters: Sequence[nn.Module | None] | None = None):
    """Tokens through the pre-norm and the blocks, one adapter per block."""
    if self.cfg.pre_norm:
      x = self.ln_pre(x)
    for block, adapter in zip(
      self.blocks, adapters or [None] * self.cfg.depth, strict=True
    ):
      x = block(x, adapter)
    return x

  def __call__(self, image_BxHxWxC):
    return self.ln_post(self.encode(self.embed(image_BxHxWxC)))


def resample_positions(pos_LxD, grid: int) -> np.ndarray:
  """Resamples a position table to `grid x grid` patches, bicubically.

  Args:
    pos_LxD: table with the class token's row first; L - 1 must be a square.
    grid: patches along a side of the new image.

  Returns:
    float32 `[1 + grid**2, D]`; the class token's row is kept as it is.
  """
  pos_LxD = np.asarray(pos_LxD, np.float32)
  cls, patches = pos_LxD[:1], pos_LxD[1:]
  side = round(len(patches) ** 0.5)
  if side**2 != len(patches):
    raise ValueError(
      f'A position table of {len(pos_LxD)} rows is not a class token and a '
      'square of patches.'
    )
  if side == grid:
    return pos_LxD
  square = patches.reshape(side, side, -1)
  shape = (grid, grid, square.shape[-1])
  resized = jax.image.resize(square, shape, 'bicubic', antialias=False)
  return np.concatenate([cls, np.asarray(resized).reshape(grid**2, -1)])
