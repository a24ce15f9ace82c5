"""The config of a Swin Transformer: sizes, stages and windows."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from i2v_jax.backbones.macs import attention_macs
from i2v_jax.backbones.vit_config import REMAT
from i2v_jax.runtime import ranges, sharding
from i2v_jax.runtime.errors import UserError

# Name -> embed_dim, depths, num_heads (arXiv 2103.14030, section 3.3).
SIZES = {
  'T': (96, (2, 2, 6, 2), (3, 6, 12, 24)),
  'S': (96, (2, 2, 18, 2), (3, 6, 12, 24)),
  'B': (128, (2, 2, 18, 2), (4, 8, 16, 32)),
  'L': (192, (2, 2, 18, 2), (6, 12, 24, 48)),
}
FAMILY = 'swin'
BIASES = ('shared', 'per_frame')
RANGES = {  # field of `SwinConfig` -> what it may be
  'embed_dim': ranges.COUNT,
  'depths': ranges.list_of(ranges.COUNT),
  'num_heads': ranges.list_of(ranges.COUNT),
  'window': ranges.FROM_0,
  'patch_size': ranges.COUNT,
  'image_size': ranges.COUNT,
  'mlp_ratio': ranges.Number(1 / 16),
  'norm_eps': ranges.POSITIVE,
  'tubelet': ranges.COUNT,
  'bias': ranges.one_of(*BIASES),
  'steps': ranges.FROM_0,
  'remat': ranges.one_of(*REMAT),
}


@dataclasses.dataclass(frozen=True)
class SwinBlockConfig:
  """Sizes of one block; `BlockConfig` says what most of them are.

  Attributes:
    side: tokens along a side of its map.
    window: tokens along a side of its windows.
    shift: tokens by which the map is rolled before it is cut into windows.
    stage: its stage, from 0.
    index: its place within the stage, from 0.
    steps: as in `SwinConfig`.
  """

  width: int
  num_heads: int
  side: int
  window: int
  shift: int
  stage: int
  index: int
  mlp_dim: int
  norm_eps: float
  steps: int
  dtype: Any

  num_prefix = 0
  activation = 'gelu'
  layer_scale = False

  @property
  def num_tokens(self) -> int:
    """L, tokens of its map."""
    return self.side**2

  @property
  def num_offsets(self) -> int:
    """Rows of a table of relative positions."""
    return (2 * self.window - 1) ** 2

  @property
  def head_width(self) -> int:
    """K, channels of a head."""
    return self.width // self.num_heads

  @property
  def fc1_width(self) -> int:
    """Outputs of the first layer of the MLP."""
    return self.mlp_dim

  @property
  def mlp_macs(self) -> int:
    """Multiply-accumulates of the MLP for one token."""
    return 2 * self.width * self.mlp_dim

  def macs(self) -> dict[str, int]:
    """Multiply-accumulates of one map."""
    tokens = self.window**2
    windows = self.num_tokens // tokens
    return {
      'attention': windows * attention_macs(self.width, tokens, tokens),
      'mlp': self.num_tokens * self.mlp_macs,
    }


@dataclasses.dataclass(frozen=True)
class SwinConfig:
  """Everything that decides a Swin's parameter tree and its maths.

  Maps halve from stage to stage, widths double. A map that is not larger than
  the window is one window, with a smaller table of relative positions, and its
  blocks do not shift.

  Attributes:
    embed_dim: channels of the first stage.
    depths: blocks of each stage.
    num_heads: N of each stage.
    window: tokens along a side of a window; 0 for 7, or 12 at 384 pixels.
    patch_size: side of a patch in pixels.
    image_size: side of the image in pixels.
    mlp_ratio: F over the width of a stage.
    norm_eps: of all norms.
    tubelet: frames of a patch; its kernel has an axis for them from 2 on.
    bias: `shared`: one table of relative positions per block; `per_frame`: one
      for every step, as ZeroI2V's development code has.
    steps: frames, or tubelets, of a clip under `per_frame`, else 0.
    dtype: compute type; parameters are float32.
    remat: as in `ViTConfig`.
  """

  embed_dim: int
  depths: Sequence[int]
  num_heads: Sequence[int]
  window: int = 0
  patch_size: int = 4
  image_size: int = 224
  mlp_ratio: float = 4.0
  norm_eps: float = 1e-5
  tubelet: int = 1
  bias: str = 'shared'
  steps: int = 0
  dtype: Any = jnp.float32
  remat: str = 'none'

  def __post_init__(self):
    for field, rule in RANGES.items():
      object.__setattr__(self, field, rule(field, getattr(self, field)))
    if not self.window:
      object.__setattr__(self, 'window', 12 if self.image_size == 384 else 7)
    self._check_stages()
    self._check_maps()
    if (self.bias == 'per_frame') != bool(self.steps):
      raise UserError(
        f'bias is {self.bias!r} and steps is {self.steps}; set steps to those '
        'of a clip (its frames over tubelet) with per_frame, to 0 with shared.'
      )

  def _check_stages(self):
    if len(self.depths) != len(self.num_heads) or not self.depths:
      raise UserError(
        f'depths {self.depths} and num_heads {self.num_heads} differ in '
        'length; give one of each for every stage.'
      )
    if int(self.embed_dim * self.mlp_ratio) < 1:
      raise UserError(
        f'mlp_ratio {self.mlp_ratio} leaves no channel of {self.embed_dim}.'
      )
    for stage, heads in enumerate(self.num_heads):
      if (width := self.embed_dim * 2**stage) % heads:
        raise UserError(
          f'num_heads of stage {stage} is {heads}, which does not divide its '
          f'width {width}; choose a divisor.'
        )

  def _check_maps(self):
    last, window = len(self.depths) - 1, self.window
    halvings = self.patch_size * 2**last
    if self.image_size % halvings:
      raise UserError(
        f'image_size is {self.image_size}, which patches of {self.patch_size} '
        f'pixels and {last} mergings do not divide; give a multiple of '
        f'{halvings}.'
      )
    sides = [
      self.image_size // self.patch_size // 2**s for s in range(last + 1)
    ]
    for side in sides:
      if side > window and side % window:
        raise UserError(
          f'image_size {self.image_size} gives maps of '
          f'{", ".join(map(str, sides))} tokens a side, and windows of '
          f'{window} do not divide {side}; give a multiple of '
          f'{halvings * window} pixels, or another window.'
        )

  @property
  def width(self) -> int:
    """Channels of the last stage, which is pooled."""
    return self.embed_dim * 2 ** (len(self.depths) - 1)

  @property
  def grid(self) -> int:
    """Patches along one side."""
    return self.image_size // self.patch_size

  @property
  def num_positions(self) -> int:
    """Positions of tokens: the patches'; it has no table of them."""
    return self.grid**2

  @property
  def image_shape(self) -> tuple[int, int, int]:
    """H, W, C of what the model takes."""
    return (self.image_size, self.image_size, 3)

  @property
  def input_shape(self) -> tuple[int, ...]:
    """What the module alone takes: an image, or a clip of all its steps."""
    frames = self.tubelet * max(self.steps, 1)
    return (*((frames,) if frames > 1 else ()), *self.image_shape)

  @property
  def num_blocks(self) -> int:
    """Blocks that can have an adapter, of all stages."""
    return sum(self.depths)

  def block(self, index: int) -> SwinBlockConfig:
    """Sizes of a block, counted from 0 through all stages."""
    stage = 0
    while index >= self.depths[stage]:
      index, stage = index - self.depths[stage], stage + 1
    side, width = self.grid // 2**stage, self.embed_dim * 2**stage
    window = min(self.window, side)
    return SwinBlockConfig(
      width=width,
      num_heads=self.num_heads[stage],
      side=side,
      window=window,
      shift=window // 2 if index % 2 and side > window else 0,
      stage=stage,
      index=index,
      mlp_dim=int(width * self.mlp_ratio),
      norm_eps=self.norm_eps,
      steps=self.steps,
      dtype=self.dtype,
    )

  def with_one_block_a_stage(self) -> 'SwinConfig':
    """The same with a single block in each stage, as those are alike."""
    return dataclasses.replace(self, depths=(1,) * len(self.depths))

  def check_mesh(self, mesh) -> None:
    """Raises UserError if a mesh cannot shard the heads of a stage evenly."""
    for heads in self.num_heads:
      sharding.check_heads(heads, mesh)

  def macs(self) -> dict[str, int]:
    """Multiply-accumulates of one image, or of one tubelet."""
    blocks = [self.block(i).macs() for i in range(self.num_blocks)]
    found = {k: sum(b[k] for b in blocks) for k in ('attention', 'mlp')}
    patch, first = 3 * self.tubelet * self.patch_size**2, self.grid**2
    # A merging has a quarter of the tokens and twice the width of the last.
    merging = (len(self.depths) - 1) * 2 * first * self.embed_dim**2
    patches = first * self.embed_dim * patch
    return found | dict(patches=patches, merging=merging, pooling=0)

  @classmethod
  def named(cls, variant: str = '', family: str = FAMILY, **overrides):
    """A Swin by size name such as `'Swin-B'`, or by free `embed_dim`, ….

    Args:
      variant: `'Swin-T'`, S, B or L; empty if all sizes are in `overrides`.
      family: `'swin'`.
      **overrides: fields of `SwinConfig`.

    Raises:
      UserError: unknown variant, or sizes that do not fit each other.
    """
    ranges.one_of(FAMILY)('family', family)
    sizes = {}
    if ranges.text('variant', variant):
      names = {f'Swin-{size}': fields for size, fields in SIZES.items()}
      ranges.one_of(*names)('variant', variant)
      fields = ('embed_dim', 'depths', 'num_heads')
      sizes = dict(zip(fields, names[variant], strict=True))
    return cls(**(sizes | overrides))
