"""The config of an image ViT: sizes, and what families of models differ in."""

import dataclasses
from typing import Any

import jax.numpy as jnp

from i2v_jax.backbones.macs import attention_macs
from i2v_jax.runtime import ranges, sharding
from i2v_jax.runtime.errors import UserError

# Name -> width, depth, heads, MLP width (Table 2 of arXiv 2106.04560; So400m
# is table 1 of arXiv 2305.13035).
SIZES = {
  'Ti': (192, 12, 3, 768),
  'S': (384, 12, 6, 1536),
  'B': (768, 12, 12, 3072),
  'L': (1024, 24, 16, 4096),
  'So400m': (1152, 27, 16, 4304),
  'H': (1280, 32, 16, 5120),
  'g': (1408, 40, 16, 6144),
}

_IMAGENET = dict(
  pre_norm=False,
  patch_bias=True,
  activation='gelu',
  norm_eps=1e-6,
  class_token=True,
  layer_scale=False,
  pool='cls',
)
FAMILIES = {
  'clip': _IMAGENET
  | dict(
    pre_norm=True, patch_bias=False, activation='quick_gelu', norm_eps=1e-5
  ),
  'imagenet': _IMAGENET,
  'augreg': _IMAGENET | dict(activation='gelu_tanh'),
  'dinov2': _IMAGENET | dict(layer_scale=True),
  'siglip': _IMAGENET
  | dict(activation='gelu_tanh', class_token=False, pool='map'),
}


ACTIVATIONS = ('quick_gelu', 'gelu', 'gelu_tanh', 'swiglu')
REMAT = ('none', 'dots', 'block')
POOLS = ('cls', 'mean', 'map')
RANGES = {  # field of `ViTConfig` -> what it may be
  'width': ranges.COUNT,
  'depth': ranges.COUNT,
  'num_heads': ranges.COUNT,
  'patch_size': ranges.COUNT,
  'image_size': ranges.COUNT,
  'mlp_dim': ranges.FROM_0,
  'pre_norm': ranges.flag,
  'patch_bias': ranges.flag,
  'activation': ranges.one_of(*ACTIVATIONS),
  'norm_eps': ranges.POSITIVE,
  'class_token': ranges.flag,
  'registers': ranges.FROM_0,
  'layer_scale': ranges.flag,
  'pool': ranges.one_of(*POOLS),
  'remat': ranges.one_of(*REMAT),
}


@dataclasses.dataclass(frozen=True)
class ViTConfig:
  """Everything that decides an image ViT's parameter tree and its maths.

  Attributes:
    width: D.
    depth: number of blocks.
    num_heads: N.
    patch_size: side of a patch in pixels.
    image_size: side of the image in pixels.
    mlp_dim: F; 0 for four times the width. The gate of SwiGLU adds another F.
    pre_norm: a norm before the blocks.
    patch_bias: a bias in the patch embedding.
    activation: of the MLP: `quick_gelu`, `gelu`, `gelu_tanh`, `swiglu`.
    norm_eps: of all norms.
    class_token: a learned token before the patches.
    registers: learned tokens after the class token, without a position.
    layer_scale: a learned factor per channel after attention and MLP.
    pool: of the tokens after the final norm: the class token (`cls`), the mean
      of the patches (`mean`), or attention from a learned query (`map`).
    dtype: compute type; parameters are float32.
    remat: what the backward pass recomputes: `none`, all but products with
      weights (`dots`; those of attention are recomputed), or complete blocks
      (`block`).
  """

  width: int
  depth: int
  num_heads: int
  patch_size: int
  image_size: int = 224
  mlp_dim: int = 0
  pre_norm: bool = True
  patch_bias: bool = False
  activation: str = 'quick_gelu'
  norm_eps: float = 1e-5
  class_token: bool = True
  registers: int = 0
  layer_scale: bool = False
  pool: str = 'cls'
  dtype: Any = jnp.float32
  remat: str = 'none'

  tubelet, steps, window, stage, index = 1, 0, 0, 0, 0  # see `image_model`

  def __post_init__(self):
    for field, rule in RANGES.items():
      object.__setattr__(self, field, rule(field, getattr(self, field)))
    if not self.mlp_dim:
      object.__setattr__(self, 'mlp_dim', 4 * self.width)
    if self.width % self.num_heads:
      raise UserError(
        f'num_heads is {self.num_heads}, which does not divide the width '
        f'{self.width}; choose a divisor.'
      )
    if self.image_size % self.patch_size:
      raise UserError(
        f'image_size is {self.image_size}, which is not a multiple of '
        f'patch_size {self.patch_size}.'
      )
    if self.pool == 'cls' and not self.class_token:
      raise UserError(
        'A ViT without class token cannot pool by it; set pool to mean or map.'
      )

  @property
  def grid(self) -> int:
    """Patches along one side."""
    return self.image_size // self.patch_size

  @property
  def num_positions(self) -> int:
    """Rows of the position table: the class token's, and the patches'."""
    return self.class_token + self.grid**2

  @property
  def num_prefix(self) -> int:
    """Tokens before the patches: class token and registers."""
    return self.class_token + self.registers

  @property
  def image_shape(self) -> tuple[int, int, int]:
    """H, W, C of what the model takes."""
    return (self.image_size, self.image_size, 3)

  @property
  def input_shape(self) -> tuple[int, int, int]:
    """What the module alone takes: an image."""
    return self.image_shape

  @property
  def num_blocks(self) -> int:
    """Blocks that can have an adapter: all of them."""
    return self.depth

  @property
  def num_tokens(self) -> int:
    """L: class token, registers and patches of an image."""
    return self.num_prefix + self.grid**2

  @property
  def head_width(self) -> int:
    """K, channels of a head."""
    return self.width // self.num_heads

  @property
  def fc1_width(self) -> int:
    """Outputs of the first layer of the MLP: the gate of SwiGLU, then F."""
    return self.mlp_dim * (2 if self.activation == 'swiglu' else 1)

  @property
  def mlp_macs(self) -> int:
    """Multiply-accumulates of the MLP for one token."""
    return self.width * (self.fc1_width + self.mlp_dim)

  def block(self, index: int) -> 'ViTConfig':
    """Sizes of a block; all blocks of a ViT are alike."""
    del index
    return self

  def with_one_block_a_stage(self) -> 'ViTConfig':
    """The same with a single block, as all are alike."""
    return dataclasses.replace(self, depth=1)

  def check_mesh(self, mesh) -> None:
    """Raises UserError if a mesh cannot shard the heads evenly."""
    sharding.check_heads(self.num_heads, mesh)

  def macs(self) -> dict[str, int]:
    """Multiply-accumulates of one image; `pooling` where a query pools."""
    tokens = self.num_tokens
    attention = attention_macs(self.width, tokens, tokens)
    pooling = attention_macs(self.width, 1, tokens) + self.mlp_macs
    return {
      'patches': self.grid**2 * self.width * 3 * self.patch_size**2,
      'attention': self.depth * attention,
      'mlp': self.depth * tokens * self.mlp_macs,
      'pooling': pooling if self.pool == 'map' else 0,
    }

  @classmethod
  def named(cls, variant: str = '', family: str = 'clip', **overrides):
    """A ViT by size name such as `'B/16'`, or by free `width`, `depth`, ….

    Args:
      variant: size and patch, `'L/14'`; empty if all sizes are in `overrides`.
      family: `'clip'` (pre-LN, QuickGELU, eps 1e-5, patch embedding without
        bias), `'imagenet'` (no pre-LN, GELU, eps 1e-6, bias), and variants of
        it: `'augreg'` (GELU by tanh), `'dinov2'` (LayerScale; give `registers`
        where there are), `'siglip'` (no class token, attention pooling).
      **overrides: fields of `ViTConfig`.

    Raises:
      UserError: unknown variant or family, sizes that do not divide.
    """
    family, sizes = ranges.one_of(*FAMILIES)('family', family), {}
    if ranges.text('variant', variant):
      size, _, patch = variant.partition('/')
      if size not in SIZES or not (patch.isascii() and patch.isdigit()):
        raise UserError(
          f'variant is {variant!r}; write SIZE/PATCH with SIZE one of '
          f'{", ".join(SIZES)}, for example B/16.'
        )
      fields = ('width', 'depth', 'num_heads', 'mlp_dim', 'patch_size')
      sizes = dict(zip(fields, (*SIZES[size], int(patch)), strict=True))
    return cls(**(FAMILIES[family] | sizes | overrides))
