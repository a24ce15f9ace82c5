"""Warm start: training begins with the parameters of a trained model."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax import adapters
from i2v_jax.backbones import positions
from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import check_same_tree
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.formats import native

# Options that act in training only, or that shapes already determine.
NO_MATTER = (
  'cls_std',
  'drop_path',
  'drop_path_axis',
  'dropout',
  'init_scheme',
  'rank',
  'time_bias_std',
)
# Parameters with a row per frame or per offset between frames, per patch, and
# per offset between patches.
FRAMES = (
  r'temporal_embedding|adapters/((layers_\d+/)?pos|blocks_\d+/times/table)'
)
PATCHES = 'backbone/pos'
OFFSETS = r'adapters/layers_\d+/w[12]|backbone/blocks_\d+/attn/bias'


def take_params(theirs, path, model, class_names: Sequence[str]) -> dict:
  """Takes the parameters of a trained model for a model of the same kind.

  Tables of positions in time and space are resampled if the number of frames or
  the image size differs, which is printed.

  Args:
    theirs: the trained model, with `model`, `params` and `class_names`.
    path: names it.
    model: the classifier that is to be trained.
    class_names: of its data. If they differ from those of the trained model,
      also in order, the head is left out and initialised.

  Raises:
    UserError: it is a model of another kind; names what differs.
  """
  check_same_kind(path, theirs.model, model)
  params = dict(theirs.params)
  if list(theirs.class_names) != list(class_names):
    del params['head']
    console.print(
      f'{path} has {len(theirs.class_names)} other classes: '
      'the head is initialised'
    )
  wanted = param_shapes(model)
  wanted = {part: wanted[part] for part in wanted if part in params}
  params, lines = resample_tables(
    params, wanted, int('cls' in wanted['backbone'])
  )
  for line in lines:
    console.print(f'{path}: {line}')
  check_same_tree(wanted, params, str(path))
  return params


def resample_tables(
  params: Mapping, wanted: Mapping, first: int
) -> tuple[dict, list[str]]:
  """Resamples the tables of positions to the shapes wanted.

  Args:
    params: a tree.
    wanted: tree of shapes; other leaves that differ are kept.
    first: rows of `backbone/pos` before those of the patches.

  Returns:
    The tree, and a line about each table that was resampled.
  """
  found, lines = flatten_dict(params, sep='/'), []
  for path, shape in flatten_dict(wanted, sep='/').items():
    x = found.get(path)
    if x is None or x.shape == shape.shape or x.ndim != 2:
      continue
    rows = shape.shape[0]
    if re.fullmatch(FRAMES, path):
      found[path], how = resample_frames(x, rows), 'linearly'
    elif re.fullmatch(f'{PATCHES}|{OFFSETS}', path):
      first_rows = first if path == PATCHES else 0
      side = round((rows - first_rows) ** 0.5)
      found[path] = positions.resample_positions(x, side, first_rows)
      how = 'bicubically'
    else:
      continue
    lines.append(f'{path} resampled {how} from {len(x)} to {rows} rows')
  return unflatten_dict(found, sep='/'), lines


def resample_frames(table_TxD, num_frames: int) -> np.ndarray:
  """Resamples a table with a row per frame linearly.

  Row t is at the middle of the t-th of equally long parts of a clip, as frames
  are sampled; beyond the first and last middle, rows are repeated.

  Args:
    table_TxD: the table.
    num_frames: rows of the result.

  Returns:
    float32 `[num_frames, D]`.
  """
  table_TxD = np.asarray(table_TxD, np.float32)
  at = (np.arange(num_frames) + 0.5) / num_frames * len(table_TxD) - 0.5
  at = np.clip(at, 0, len(table_TxD) - 1)
  low = np.floor(at).astype(int)
  high = np.minimum(low + 1, len(table_TxD) - 1)
  share = (at - low).astype(np.float32)[:, None]
  return (1 - share) * table_TxD[low] + share * table_TxD[high]


def check_same_kind(folder, theirs, ours) -> None:
  """Raises UserError if the same parameters make another function.

  Args:
    folder: names `theirs` in the error.
    theirs: a classifier.
    ours: the classifier of a config.
  """
  found, wanted = _describe_function(theirs), _describe_function(ours)
  for name in sorted(found.keys() | wanted.keys()):
    if found.get(name) != wanted.get(name):
      raise UserError(
        f'{folder} has model.{name} {found.get(name)!r}, this config has '
        f'{wanted.get(name)!r}; give both the same.'
      )


def _describe_function(model) -> dict[str, Any]:
  """Describes all that a classifier depends on except its parameters."""
  found = {
    f'backbone.{k}': v
    for k, v in native.describe_config(model.image_model).items()
  }
  del found['backbone.image_size']  # positions show it
  found['mean_first'] = model.mean_first
  found['time_constant'] = model.time_constant
  operator = model.temporal_operator or {}
  found |= {f'temporal_operator.{k}': v for k, v in operator.items()}
  if spec := model.adapter:
    names = set(adapters.METHODS[spec['name']].options) - {*NO_MATTER}
    found |= {f'adapter.{k}': adapters.option(spec, k, None) for k in names}
    found['adapter.name'] = spec['name']
  return found
