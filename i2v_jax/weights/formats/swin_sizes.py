"""Sizes of a Swin from the shapes of a file, and whether they fit each other.

A table of relative positions has a row for each offset within a window, and a
column for each head. Files of models with windows over frames have one table
for every offset in time.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from i2v_jax.backbones import swin_config
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.reader import count_blocks


class Names(NamedTuple):
  """Where files of a format have the parts of a Swin.

  Attributes:
    patch: the patch embedding.
    patch_norm: the norm after it.
    stage: beginning of the keys of a stage, with `{}` for its number.
    block: part of our block to name, as in `Reader.take_block`.
    table: the table of relative positions of a block.
    index: its buffer of indices, in some files.
    merging: stage that has the merging after the first stage.
    norm: the final norm.
    positions: absolute positions, which no published file has.
  """

  patch: str
  patch_norm: str
  stage: str
  block: Mapping[str, str]
  table: str
  index: str
  merging: int
  norm: str
  positions: str

  def find_block(self, stage: int, block: int) -> str:
    """The beginning of the keys of a block."""
    return f'{self.stage.format(stage)}blocks.{block}.'

  def list_blocks(self, depths: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Stage, and beginning of the keys, of every block."""
    for stage, depth in enumerate(depths):
      for block in range(depth):
        yield stage, self.find_block(stage, block)


def read_fields(arrays: Arrays, names: Names, stated: Mapping) -> dict:
  """Reads fields of `SwinConfig` from shapes.

  Args:
    arrays: of an opened file.
    names: of its format.
    stated: fields that a config next to the file states; these count.

  Raises:
    UserError: a block or stage is missing, or arrays do not fit each other.
  """
  what = arrays.what
  if names.positions in arrays:
    raise UserError(
      f'{names.positions!r} of {what} are absolute positions, which this Swin '
      'does not have; take a model that was trained without them (ape=False).'
    )
  stated = {
    k: swin_config.RANGES[k](f'{k} in the config of {what}', v)
    for k, v in stated.items()
  }
  depths = stated.get('depths') or _count_depths(arrays, names)
  first = names.find_block(0, 0)
  width, patch, tubelet = _read_patch(arrays, names.patch + '.weight')
  hidden = f'{first}{names.block["fc1"]}.bias'
  heads = [
    arrays.shape(names.find_block(s, 0) + names.table, 2)[1]
    for s in range(len(depths))
  ]
  fields = dict(
    embed_dim=width,
    depths=depths,
    num_heads=tuple(heads),
    window=find_window(arrays, names, first),
    patch_size=patch,
    mlp_ratio=arrays.shape(hidden, 1)[0] / width,
    tubelet=tubelet,
  )
  fields |= stated
  _check_norm(arrays, names, fields)
  fields.setdefault('image_size', _find_image_size(arrays, names, fields))
  _check_tables(arrays, names, fields, 'window' in stated)
  return fields


def assume_image_size(arrays: Arrays, names: Names, fields: Mapping) -> dict:
  """The size at which the last stage is a single window."""
  last = len(fields['depths']) - 1
  window = find_window(arrays, names, names.find_block(last, 0))
  return {'image_size': window * fields['patch_size'] * 2**last}


def find_window(arrays: Arrays, names: Names, block: str) -> int:
  """Tokens along a side of the windows of a block, from its table.

  Raises:
    UserError: the table is not one of square windows.
  """
  key = block + names.table
  rows, _ = arrays.shape(key, 2)
  index = arrays.get(block + names.index)
  tokens = () if index is None else index.shape[-1:]
  # With a table for each of several offsets in time, rows alone may be those
  # of more than one window; then the index decides.
  fits = [
    window
    for window in range((math.isqrt(rows) + 1) // 2, 1, -1)
    if rows % (2 * window - 1) ** 2 == 0 and rows // (2 * window - 1) ** 2 % 2
  ] or [1] * (rows == 1)
  if not fits:
    raise UserError(
      f'{key!r} of {arrays.what} has {rows} rows, and square windows of w x w '
      'tokens have (2w - 1)^2; download the file again.'
    )
  indexed = [w for w in fits if all(count % w**2 == 0 for count in tokens)]
  return (indexed or fits)[0]


def _count_depths(arrays: Arrays, names: Names) -> tuple[int, ...]:
  """Blocks of each stage; they come in pairs, of which the second shifts."""
  depths = []
  for stage in range(count_blocks(arrays, names.stage, 'stage')):
    depth = count_blocks(arrays, names.find_block(stage, '{}'))
    if depth % 2 or not depth:
      raise UserError(
        f'{arrays.what} has no {names.find_block(stage, depth)}…, and the '
        'blocks of a Swin come in pairs; download the file again.'
      )
    depths.append(depth)
  return tuple(depths)


def _read_patch(arrays: Arrays, key: str) -> tuple[int, int, int]:
  """Width, side, and frames of a patch."""
  shape = arrays[key].shape
  if len(shape) not in (4, 5) or 0 in shape:
    raise UserError(
      f'{key!r} of {arrays.what} has shape {shape}, not 4 axes, or 5 for '
      'patches of several frames.'
    )
  return shape[0], shape[-1], shape[2] if len(shape) == 5 else 1


def _check_norm(arrays: Arrays, names: Names, fields: Mapping) -> None:
  """Raises UserError if the last stage is not the one that is pooled."""
  key, stages = names.norm + '.weight', len(fields['depths'])
  width = fields['embed_dim'] * 2 ** (stages - 1)
  if arrays.shape(key, 1) != (width,):
    raise UserError(
      f'{key!r} of {arrays.what} has shape {arrays[key].shape}, but {stages} '
      f'stages from width {fields["embed_dim"]} end with {width}; a stage is '
      'missing, or the file was changed.'
    )


def _find_image_size(arrays: Arrays, names: Names, fields) -> int | None:
  """From the mask of a shifted block, or from a last map below the window."""
  window, patch = fields['window'], fields['patch_size']
  for stage, block in names.list_blocks(fields['depths']):
    key = block + 'attn_mask'
    if key in arrays:
      windows, tokens, _ = arrays.shape(key, 3)
      count = math.isqrt(windows)
      if count**2 != windows or tokens != window**2:
        raise UserError(
          f'{key!r} of {arrays.what} has shape {arrays[key].shape}, which is '
          f'no mask of a square map in windows of {window} x {window} tokens.'
        )
      return count * window * patch * 2**stage
  own = find_window(arrays, names, names.find_block(stage, 0))
  return own * patch * 2**stage if own < window else None


def _check_tables(arrays: Arrays, names: Names, fields, stated: bool) -> None:
  """Raises UserError for a table that is of other windows than the file's."""
  window, size = fields['window'], fields['image_size']
  for stage, block in names.list_blocks(fields['depths']):
    fits = {window}
    if size:  # libraries differ in the table of a map below the window
      fits.add(min(window, size // fields['patch_size'] // 2**stage))
    if (found := find_window(arrays, names, block)) not in fits:
      whose = 'its config states' if stated else 'its first block has'
      raise UserError(
        f'{block + names.table!r} of {arrays.what} is for windows of {found} '
        f'tokens a side, and {whose} {window}; take a file whose parts agree.'
      )
