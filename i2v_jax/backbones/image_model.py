"""What the rest of the library asks of an image model.

A config decides an image model: its parameter tree and its maths. It has the
attributes of `ImageModel`, and its module in `MODULES` has these methods:

  embed(images)          pixels `B x H x W x 3` to tokens
  encode(x, adapters)    tokens through all blocks, one adapter or None for each
  pool(x)                features `B x D` after the final norm
  read_patches(x)        tokens of the patches after the final norm
  fit_positions(h, w)    what `embed` takes as `pos` for images of h x w patches

Modules act on the last axes and leave leading ones (batch, frames) alone. A
block has the parts `ln1, attn, ln2, mlp` and its `BlockConfig` as `cfg`; an
adapter connects them (`adapters/block_interface.py`).
"""

import contextlib
from collections.abc import Mapping
from typing import Any, Protocol

from flax import linen as nn

from i2v_jax.backbones import swin_config, vit_config
from i2v_jax.backbones.swin import Swin
from i2v_jax.backbones.swin_config import SwinConfig
from i2v_jax.backbones.vit import ViT
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

MODULES = {ViTConfig: ViT, SwinConfig: Swin}
DEFAULT_FAMILY = 'clip'
FAMILIES = dict.fromkeys(vit_config.FAMILIES, ViTConfig)
FAMILIES |= {swin_config.FAMILY: SwinConfig}
RANGES = {ViTConfig: vit_config.RANGES, SwinConfig: swin_config.RANGES}


class BlockConfig(Protocol):
  """Sizes of one block.

  Attributes:
    width: D, channels of its tokens.
    num_heads: N.
    head_width: K, channels of a head.
    num_prefix: tokens before the patches: class token and registers.
    num_tokens: L, tokens of an image.
    mlp_dim: F, inputs of the second layer of the MLP.
    fc1_width: outputs of its first layer; twice F with a gate.
    mlp_macs: multiply-accumulates of the MLP for one token.
    window: side of the windows that attention is within; 0 for all tokens.
      Where there are windows, `attn.over_time(x, bias)` attends over frames.
    stage: its stage, from 0.
    index: its place within the stage, from 0; of blocks with windows.
  """

  width: int
  num_heads: int
  head_width: int
  num_prefix: int
  num_tokens: int
  mlp_dim: int
  fc1_width: int
  mlp_macs: int
  window: int
  stage: int
  index: int


class ImageModel(Protocol):
  """The config of an image model: a frozen dataclass, as flax needs it.

  Attributes:
    dtype: compute type; parameters are float32.
    remat: what the backward pass recomputes, one of `vit_config.REMAT`.
    width: channels of pooled features.
    image_shape: H, W, C of the images it takes.
    input_shape: of what the module alone takes: an image, or a clip if its
      patches or parameters are of several frames.
    grid: patches along a side.
    num_positions: positions of tokens: of a class token, and the patches.
    num_blocks: blocks that can have an adapter, of all stages.
    tubelet: frames that a patch spans; a clip has a step for each tubelet.
    steps: of a clip, where parameters depend on their number, else 0.
  """

  dtype: Any
  remat: str
  width: int
  image_shape: tuple[int, int, int]
  input_shape: tuple[int, ...]
  grid: int
  num_positions: int
  num_blocks: int
  tubelet: int
  steps: int

  def block(self, index: int) -> BlockConfig:
    """Sizes of a block, counted from 0 through all stages."""

  def with_one_block_a_stage(self) -> 'ImageModel':
    """The same with a single block in each stage, which is quick to trace."""

  def check_mesh(self, mesh) -> None:
    """Raises UserError if a mesh cannot shard the heads of a block evenly."""

  def macs(self) -> dict[str, int]:
    """Multiply-accumulates of one step: `patches`, `attention`, `mlp`, ….

    `pooling` is those of `pool` alone.
    """


def find_class(sizes: Mapping[str, Any]) -> type:
  """The class of config for the `family` in `model.backbone`."""
  family = sizes.get('family', DEFAULT_FAMILY)
  return FAMILIES[ranges.one_of(*FAMILIES)('model.backbone.family', family)]


def check_sizes(key: str, sizes) -> dict[str, Any]:
  """Checks the ranges of `model.backbone`; returns integers as `int`.

  Raises:
    UserError: an unknown family or a value out of its range; names the key.
  """
  sizes = ranges.mapping_of(ranges.anything)(key, sizes)
  rules = RANGES[find_class(sizes)] | {'variant': ranges.text}
  check = lambda name, value: rules.get(name, ranges.anything)(
    f'{key}.{name}', value
  )
  return {name: check(name, value) for name, value in sizes.items()}


def make_config(sizes: Mapping[str, Any], **decided) -> ImageModel:
  """The config of an image model from `model.backbone` of an experiment.

  Args:
    sizes: `family`, and arguments of `named` of its config.
    **decided: fields decided at run time, such as `dtype`.

  Raises:
    UserError: an unknown key or an invalid value; names the key.
  """
  sizes = ranges.mapping_of(ranges.anything)('model.backbone', sizes)
  kind = find_class(sizes)
  fields = {'variant', 'family', *kind.__dataclass_fields__}
  if unknown := sorted({*sizes, *decided} - fields):
    near, has = _suggest_family(sizes), ', '.join(sorted(fields))
    raise UserError(
      f'model.backbone has no {", ".join(unknown)}{near}; it has {has}. What '
      'is not part of the image model, such as adapter, belongs in the spec.'
    )
  if twice := sorted({*sizes} & {*decided}):
    raise UserError(
      f'model.backbone.{twice[0]} would not be used; set {twice[0]} of the '
      'config instead.'
    )
  try:
    return kind.named(**dict(sizes) | decided)
  except (TypeError, UserError) as error:
    other = _suggest_family(sizes)
    raise UserError(f'model.backbone: {error}{other}') from error


def _suggest_family(sizes: Mapping[str, Any]) -> str:
  """Names a family of another class that these sizes would fit, or ''."""
  own = find_class(sizes)
  for family, kind in FAMILIES.items():
    with contextlib.suppress(TypeError, UserError):
      if kind is not own and kind.named(**dict(sizes) | {'family': family}):
        return f' (family={family!r} has these sizes)'
  return ''


def make_module(config: ImageModel, **options) -> nn.Module:
  """The image model that a config decides."""
  return MODULES[type(config)](config, **options)
