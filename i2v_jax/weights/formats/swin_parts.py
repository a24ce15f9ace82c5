"""The tree of a Swin, its tables and patches fitted to the model asked for."""

import math
from collections.abc import Mapping

import numpy as np
from flax.traverse_util import unflatten_dict

from i2v_jax.backbones.positions import resample_positions
from i2v_jax.backbones.swin_config import SwinBlockConfig, SwinConfig
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.formats.swin_sizes import Names, find_window
from i2v_jax.weights.reader import Reader

OURS = 'blocks_{}/attn/bias'


def read_tree(reader: Reader, names: Names, cfg: SwinConfig) -> dict:
  """Reads the tree of a published file."""
  keys = [key for _, key in names.list_blocks(cfg.depths)]
  tree = {
    'patch': reader.take_conv(names.patch),
    'ln_patch': reader.take_norm(names.patch_norm),
    'ln_post': reader.take_norm(names.norm),
  }
  fit_patch(reader, names.patch + '.weight', tree['patch'], cfg)
  tables = {}
  for i, key in enumerate(keys):
    tree[f'blocks_{i}'] = reader.take_block(key, names.block)
    tables[key + names.table] = _take_table(reader, names, key, cfg.steps)
  fitted = fit_tables(reader, tables, cfg)
  for i, table in enumerate(fitted):
    tree[f'blocks_{i}']['attn']['bias'] = table
  for i in range(len(cfg.depths) - 1):
    tree[f'merges_{i}'] = _take_merging(reader, names, i, cfg)
  return tree


def convert_ours(reader: Reader, cfg: SwinConfig) -> dict:
  """Reads the tree of a file of our own."""
  flat = {key: reader.take(key) for key in sorted(reader.left)}
  keys = [OURS.format(i) for i in range(cfg.num_blocks)]
  tables = {k: flat[k] for k in keys if k in flat and flat[k].ndim > 1}
  tables = {k: x.reshape(-1, *x.shape[-2:]) for k, x in tables.items()}
  if len(tables) == len(keys):  # what is missing is named by the caller
    flat |= dict(zip(keys, fit_tables(reader, tables, cfg), strict=True))
  tree = unflatten_dict(flat, sep='/')
  fit_patch(reader, 'patch/kernel', tree['patch'], cfg)
  return tree


def _take_merging(reader: Reader, names: Names, stage: int, cfg) -> dict:
  """Takes the merging after a stage."""
  key = names.stage.format(stage + names.merging) + 'downsample.'
  name, width = key + 'reduction.weight', cfg.embed_dim * 2**stage
  norm, weight = reader.take_norm(key + 'norm'), reader.take(name)
  if weight.shape != (2 * width, 4 * width):
    raise UserError(
      f'{name!r} of {reader.what} has shape {weight.shape}, not '
      f'{(2 * width, 4 * width)}: four tokens of {width} channels become one '
      f'of {2 * width}.'
    )
  return {'ln': norm, 'fc': {'kernel': weight.T}}


def _take_table(reader: Reader, names: Names, block: str, steps: int):
  """Takes the table of a block, `S x R x N`.

  Where a model has no steps, all of several must be equal, and S is 1.
  """
  key, window = block + names.table, find_window(reader.arrays, names, block)
  table = reader.take(key)
  table = table.reshape(-1, (2 * window - 1) ** 2, table.shape[-1])
  if len(table) > 1 and not steps:
    _check_equal(
      table,
      f'{key!r} of {reader.what} holds {len(table)} tables that differ, as '
      'windows over frames have; take the image model that it was made from.',
    )
    how = f'one of {len(table)} equal tables of relative positions'
    reader.reshaped.append(f'{key}: {how}')
  return table if steps else table[:1]


def _check_equal(parts: np.ndarray, error: str) -> None:
  """Raises UserError unless all along the first axis are the same."""
  if (parts != parts[:1]).any():
    raise UserError(error)


def fit_tables(
  reader: Reader, tables: Mapping[str, np.ndarray], cfg: SwinConfig
) -> list[np.ndarray]:
  """Fits the tables of all blocks, `S x R x N`, to windows and steps.

  The report has a line for each kind of change, with the first of its keys.
  """
  found, changes = [], {}
  for i, (key, table) in enumerate(tables.items()):
    fitted, how = _fit_table(table, cfg.block(i), f'{key!r} of {reader.what}')
    found.append(fitted)
    changes.setdefault(how, []).append(key)
  for how, keys in changes.items():
    if how:
      others = f' and {len(keys) - 1} more' if keys[1:] else ''
      reader.reshaped.append(f'{keys[0]}{others}: {how}')
  return found


def _fit_table(
  table_SxRxN: np.ndarray, block: SwinBlockConfig, what: str
) -> tuple[np.ndarray, str]:
  """Returns the table of a block, and how it was changed, or ''."""
  steps, rows, heads = table_SxRxN.shape
  wanted, how = 2 * block.steps - 1 if block.steps else 1, []
  if steps != wanted:
    _check_equal(
      table_SxRxN,
      f'{what} holds {steps} tables that differ between frames; choose '
      f"bias='per_frame' and steps={(steps + 1) // 2}.",
    )
    table_SxRxN, how = table_SxRxN[:1], [f'{steps} to {wanted} equal tables']
  if rows != block.num_offsets:
    if math.isqrt(rows) ** 2 != rows:
      raise UserError(f'{what} has {rows} rows, which are no square.')
    flat = table_SxRxN.swapaxes(0, 1).reshape(rows, -1)
    flat = resample_positions(flat, 2 * block.window - 1, first=0)
    table_SxRxN = flat.reshape(len(flat), -1, heads).swapaxes(0, 1)
    how.insert(0, f'{rows} to {block.num_offsets} relative positions')
  if not block.steps:
    return table_SxRxN[0], ', '.join(how)
  shape = (wanted, *table_SxRxN.shape[1:])
  return np.array(np.broadcast_to(table_SxRxN, shape)), ', '.join(how)


def fit_patch(reader: Reader, key: str, patch: dict, cfg: SwinConfig) -> None:
  """Fits the kernel of the patches to the frames of a patch, in place.

  A kernel for one frame is repeated and divided, so that a still image gives
  the same tokens.
  """
  kernel = patch['kernel']
  parts = kernel if kernel.ndim == 5 else kernel[None]
  if len(parts) != cfg.tubelet:
    _check_equal(
      parts,
      f'{key!r} of {reader.what} has a kernel for each of {len(parts)} frames, '
      f'and they differ; choose tubelet={len(parts)}.',
    )
    whole = parts[:1] * np.float32(len(parts) / cfg.tubelet)
    parts = np.repeat(whole, cfg.tubelet, axis=0)
    before = len(kernel) if kernel.ndim == 5 else 1
    how = f'patches of {before} to {cfg.tubelet} frames'
    reader.reshaped.append(f'{key}: {how}')
  patch['kernel'] = parts if cfg.tubelet > 1 else parts[0]
