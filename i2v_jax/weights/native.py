"""Our own format: safetensors whose keys are the paths of the tree."""

import json
import pathlib
from collections.abc import Mapping

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import safe_open
from safetensors.numpy import save_file


def read_arrays(path) -> dict[str, np.ndarray]:
  """All arrays of a safetensors file.

  Raises:
    FileNotFoundError: there is no such file.
    ValueError: it is no safetensors file.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise FileNotFoundError(f'{path} is not there; it should hold the weights.')
  try:
    with safe_open(str(path), 'numpy') as file:
      return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
  except Exception as error:  # safetensors raises its own untyped error
    raise ValueError(f'{path} is not a safetensors file: {error}') from error


def as_tree(arrays: Mapping[str, np.ndarray]) -> dict:
  """Arrays by path -> the tree, as float32."""
  flat = {key: value.astype(np.float32) for key, value in arrays.items()}
  return unflatten_dict(flat, sep='/')


def read(path) -> dict:
  """The tree in a file that `write` made, as float32."""
  return as_tree(read_arrays(path))


def write(path, params: Mapping, dtype=np.float32, **metadata) -> None:
  """Writes a tree; metadata values become JSON."""
  flat = flatten_dict(params, sep='/')
  arrays = {
    key: np.ascontiguousarray(np.asarray(value), dtype)
    for key, value in flat.items()
  }
  text = {key: json.dumps(value) for key, value in metadata.items()}
  save_file(arrays, str(path), metadata=text)
