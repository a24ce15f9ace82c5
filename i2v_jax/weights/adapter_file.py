"""An adapter file: what was trained, without the frozen image weights.

A safetensors file whose keys are the paths of the tree. Its metadata are JSON:
`config`, `class_names`, `base` (place and sha256 of the frozen weights)
and further facts.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import safe_open

from i2v_jax.params import Prefixes, join, matches, split
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.formats import native

FILE = 'adapter.safetensors'
PRETRAINED = ('backbone', 'projection')  # parts that come from image weights
NEEDED = ('config', 'class_names', 'base')


def split_base(params: Mapping, trainable: Prefixes):
  """Splits a classifier's tree into (what the file holds, its base).

  The base is the leaves of `PRETRAINED` that were not trained.
  """
  mine, frozen = split(params, trainable)
  base, drawn = split_drawn(frozen)
  return join(mine, drawn), base


def split_drawn(frozen: Mapping):
  """Splits frozen parameters into (from image weights, drawn at the start)."""
  base, drawn = {}, {}
  for path, value in flatten_dict(frozen, sep='/').items():
    loaded = any(matches(path, part) for part in PRETRAINED)
    (base if loaded else drawn)[path] = value
  return unflatten_dict(base, sep='/'), unflatten_dict(drawn, sep='/')


def find_file(path) -> pathlib.Path | None:
  """Finds an adapter file: the path itself, or one in that folder."""
  path = pathlib.Path(path)
  file = path if path.is_file() else path / FILE
  return file if file.is_file() else None


def read_adapter(path) -> tuple[dict, dict[str, Any]]:
  """Reads an adapter file, as `native.write` writes it.

  Returns:
    `(tree, metadata)`; the tree is float32 and lacks the base.

  Raises:
    UserError: it is not an adapter file.
  """
  return native.read(path), read_metadata(path)


def read_metadata(path) -> dict[str, Any]:
  """Reads the metadata only; raises as `read_adapter`."""
  try:
    with safe_open(str(path), 'numpy') as file:
      text = file.metadata() or {}
  except Exception as error:  # safetensors raises its own untyped error
    raise UserError(f'{path} is not a safetensors file: {error}') from error
  if missing := [key for key in NEEDED if key not in text]:
    raise UserError(
      f'{path} is not an adapter file (it lacks {", ".join(missing)}); give '
      'the folder of a run or an export, or a file of --format adapter.'
    )
  try:
    return {key: json.loads(value) for key, value in text.items()}
  except ValueError as error:
    raise UserError(f'The metadata of {path} is damaged: {error}') from error
