"""Image models in words, as rows of `(name, value)`."""

from collections.abc import Collection

from i2v_jax.backbones.image_model import ImageModel
from i2v_jax.backbones.swin_config import SwinConfig
from i2v_jax.backbones.vit_config import ViTConfig

Rows = list[tuple[str, str]]


def describe(cfg: ImageModel, unknown: Collection[str] = ()) -> Rows:
  """Describes the sizes of an image model and its tokens.

  Args:
    cfg: the model.
    unknown: fields that are made up, shown as `?`.
  """
  return DESCRIPTIONS[type(cfg)](cfg, unknown)


def describe_vit(cfg: ViTConfig, unknown: Collection[str]) -> Rows:
  heads = '?' if 'num_heads' in unknown else cfg.num_heads
  activation = '?' if 'activation' in unknown else cfg.activation
  sizes = f'width {cfg.width}, depth {cfg.depth}, {heads} heads'
  tokens = ['class token'] * cfg.class_token
  tokens += [f'{cfg.registers} registers'] * bool(cfg.registers)
  tokens.append(f'{cfg.grid} x {cfg.grid} patches of {cfg.patch_size} pixels')
  mlp = f'MLP {cfg.mlp_dim} with {activation}'
  return [
    ('image model', f'{sizes}, {mlp}, eps {cfg.norm_eps:g}'),
    ('tokens', f'{", ".join(tokens)}; pooled by {cfg.pool}'),
  ]


def describe_swin(cfg: SwinConfig, unknown: Collection[str]) -> Rows:
  del unknown  # files have all of it
  depths, heads = (
    ', '.join(map(str, counts)) for counts in (cfg.depths, cfg.num_heads)
  )
  stages = f'Swin of {len(cfg.depths)} stages: {depths} blocks, {heads} heads'
  widths = f'width {cfg.embed_dim} to {cfg.width}, MLP {cfg.mlp_ratio:g} times'
  sides = [cfg.grid // 2**stage for stage in range(len(cfg.depths))]
  maps = ', '.join(f'{side} x {side}' for side in sides)
  frames = f' and {cfg.tubelet} frames' if cfg.tubelet > 1 else ''
  patches = f'patches of {cfg.patch_size} pixels{frames}'
  tables = f', a table for each of {cfg.steps} steps' if cfg.steps else ''
  return [
    ('image model', f'{stages}, {widths}, eps {cfg.norm_eps:g}'),
    ('tokens', f'maps of {maps} from {patches}; pooled by mean'),
    ('windows', f'{cfg.window} x {cfg.window} tokens{tables}'),
  ]


DESCRIPTIONS = {ViTConfig: describe_vit, SwinConfig: describe_swin}
