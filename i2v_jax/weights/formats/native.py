"""Our own format: safetensors whose keys are the paths of the tree."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Collection, Mapping

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError
from safetensors.numpy import save_file

from i2v_jax.backbones import swin_config
from i2v_jax.backbones.image_model import FAMILIES, ImageModel
from i2v_jax.backbones.swin_config import SwinConfig
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.runtime.errors import FileError, UserError, check_choice
from i2v_jax.runtime.files import WAY_OUT
from i2v_jax.weights import files
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import swin_parts
from i2v_jax.weights.reader import Reader, count_blocks

BLOCKS = 'blocks_{}/'
# Class of config -> its place in the metadata, and its family if it has one.
PLACES = {
  ViTConfig: ('vit', {}),
  SwinConfig: ('image_model', {'family': swin_config.FAMILY}),
}
ONLY_SWIN = 'ln_patch/scale'


def recognises(keys: Collection[str]) -> bool:
  return 'patch/kernel' in keys


def find_normalization(weights: Weights) -> str:
  return 'not said'


def name_format(weights: Weights) -> str:
  return 'i2v_jax'


def find_resampling(weights: Weights) -> str:
  """As in the converted file; files of older versions do not state it."""
  return weights.metadata.get('resampling', 'bicubic')


def describe_config(cfg: ImageModel) -> dict:
  """Describes a config: all that decides parameters and outputs."""
  found = dataclasses.asdict(cfg)
  return {k: v for k, v in found.items() if k not in ('dtype', 'remat')}


def make_metadata(cfg: ImageModel) -> dict[str, dict]:
  """Makes the part of the metadata that says what the model is."""
  place, family = PLACES[type(cfg)]
  return {place: family | describe_config(cfg)}


def find_class(weights: Weights) -> type:
  found = weights.metadata.get('image_model')
  if found is None:
    return SwinConfig if ONLY_SWIN in weights.arrays else ViTConfig
  family = found.get('family') if isinstance(found, dict) else found
  check_choice(
    f'The family in the metadata of {weights.what}', family, FAMILIES
  )
  return FAMILIES[family]


def read_fields(weights: Weights) -> dict:
  """Reads fields of a config from the metadata, or a ViT's from shapes."""
  kind = find_class(weights)
  place, family = PLACES[kind]
  if place in weights.metadata:
    fields = weights.metadata[place]
    needed = {
      f.name
      for f in dataclasses.fields(kind)
      if f.default is dataclasses.MISSING
    }
    if not isinstance(fields, dict) or needed - {*fields}:
      raise UserError(
        f'The metadata of {weights.what} do not say all of its image model '
        f'({", ".join(sorted(needed))}); write it again from the published '
        'file with `i2v weights convert`.'
      )
    return {k: v for k, v in fields.items() if k not in family}
  if kind is not ViTConfig:
    raise UserError(
      f'{weights.what} has no metadata that says what its image model is; '
      'write it again from the published file with `i2v weights convert`.'
    )
  return _read_sizes(weights.arrays)


def _read_sizes(arrays: Arrays) -> dict:
  """Reads fields of `ViTConfig` from shapes."""
  patch, _, _, width = arrays.shape('patch/kernel', 4)
  class_token = 'cls' in arrays
  side = round((len(arrays['pos']) - class_token) ** 0.5)
  return dict(
    width=width,
    depth=count_blocks(arrays, BLOCKS),
    patch_size=patch,
    image_size=patch * side,
    mlp_dim=len(arrays[BLOCKS.format(0) + 'mlp/fc2/kernel']),
    pre_norm='ln_pre/scale' in arrays,
    patch_bias='patch/bias' in arrays,
    class_token=class_token,
    registers=len(arrays['registers']) if 'registers' in arrays else 0,
    layer_scale=BLOCKS.format(0) + 'attn/scale' in arrays,
    pool='map' if 'map/query' in arrays else 'cls' if class_token else 'mean',
    activation=None,
  )


def convert(weights: Weights, cfg: ImageModel) -> tuple[dict, Reader]:
  if isinstance(cfg, SwinConfig):
    reader = Reader(weights.arrays)
    return swin_parts.convert_ours(reader, cfg), reader
  ignored = () if cfg.pool == 'map' else ('map/',)
  reader = Reader(weights.arrays, ignored)
  flat = {key: reader.take(key) for key in sorted(reader.left - {'pos'})}
  flat['pos'] = reader.take_positions('pos', cfg, find_resampling(weights))
  return unflatten_dict(flat, sep='/'), reader


def read(path) -> dict:
  """Reads the tree of a file that `write` wrote, as float32.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: it is not a safetensors file.
  """
  arrays = files.open_weights(path).arrays
  return unflatten_dict({key: arrays.take(key) for key in arrays}, sep='/')


def write(path, params: Mapping, dtype=np.float32, **metadata) -> None:
  """Writes a tree; metadata values become JSON."""
  flat = flatten_dict(params, sep='/')
  arrays = {
    key: np.ascontiguousarray(np.asarray(value), dtype)
    for key, value in flat.items()
  }
  text = {key: json.dumps(value) for key, value in metadata.items()}
  save(path, arrays, text)


def save(path, arrays: Mapping, metadata: Mapping[str, str]) -> None:
  """Writes a safetensors file with the usual permissions of new files.

  It replaces a file of that name once it is complete.

  Raises:
    OSError: it cannot be written.
  """
  path = pathlib.Path(path)
  partial = path.with_name(f'{path.name}.new')
  try:
    save_file(arrays, partial, metadata=metadata)
  except SafetensorError as error:  # on a full disk, too
    partial.unlink(missing_ok=True)
    raise FileError(
      f'{path} could not be written ({error}); {WAY_OUT}'
    ) from error
  mask = os.umask(0)
  os.umask(mask)
  partial.chmod(0o666 & ~mask)  # safetensors makes it private
  partial.replace(path)
