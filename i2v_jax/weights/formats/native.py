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

from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.runtime.errors import FileError
from i2v_jax.runtime.files import WAY_OUT
from i2v_jax.weights import files
from i2v_jax.weights.files import Weights
from i2v_jax.weights.reader import Reader, count_blocks

BLOCKS = 'blocks_{}/'


def recognises(keys: Collection[str]) -> bool:
  return 'patch/kernel' in keys


def find_normalization(weights: Weights) -> str:
  return 'not said'


def name_format(weights: Weights) -> str:
  return 'i2v_jax'


def find_resampling(weights: Weights) -> str:
  """As in the converted file; files of older versions do not state it."""
  return weights.metadata.get('resampling', 'bicubic')


def describe_config(cfg: ViTConfig) -> dict:
  """Describes a config as metadata: all that decides parameters and outputs."""
  found = dataclasses.asdict(cfg)
  return {k: v for k, v in found.items() if k not in ('dtype', 'remat')}


def read_fields(weights: Weights) -> dict:
  """Reads fields of `ViTConfig` from the metadata, or from shapes."""
  if 'vit' in weights.metadata:
    return weights.metadata['vit']
  arrays = weights.arrays
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


def convert(weights: Weights, cfg: ViTConfig) -> tuple[dict, Reader]:
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
