"""Published weights -> our trees, strictly: every key is used or explained.

image: any file of an image model as the backbone's tree.
files, folders, download: what a source is and where its weights are.
contents, refused: files that are not weights, and models that are not read.
torch_files, wrapping, prefixes: what torch and trainers put around weights.
arrays, reader: the keys of a file, each taken once, in our layout.
report: what became of keys.
formats/: image models, a file per format. releases/: published video models.
adapter_file: what was trained, without the frozen weights.
builtin/: weights small enough to ship. cost: `i2v weights bench`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from i2v_jax.backbones.image_model import ImageModel
from i2v_jax.backbones.normalization import NORMALIZATION
from i2v_jax.params import check_same_tree
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights import image
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import clip_hf, clip_openai, huggingface
from i2v_jax.weights.image import Loaded, load_image_model
from i2v_jax.weights.report import Report

__all__ = [
  'Loaded',
  'load_backbone',
  'load_image_model',
  'load_projection',
]

OLDER = '0.1'  # its runs: raw weights, all positions bicubic


def load_backbone(
  source: str, cfg: ImageModel, seed: int = 0, *, which: str = '', **given
) -> dict:
  """Loads the parameters of the image model `cfg`, float32.

  Args:
    source: as in `load_image_model`; or `builtin:NAME`; or `random` for a
      fresh initialisation.
    cfg: the model.
    seed: seed of `random`.
    which: `ema` or `raw`, where a checkpoint has both; '' takes `ema`.
    **given: `activation`, if the file does not state it; `norm_eps`, to
      replace that of the file.

  Raises:
    FileNotFoundError: the weights do not exist and cannot be downloaded.
    UserError: they are for another model, or lack needed information.
  """
  if source == 'random':
    return image.make_random_params(cfg, seed)
  return image.load_into(_open(source, which), cfg, **given)[0]


def load_for_config(
  config: Mapping[str, Any], cfg: ImageModel
) -> tuple[dict, Report]:
  """Loads the image model of an experiment's config, with a report.

  Raises:
    FileNotFoundError, UserError: as in `load_backbone`; or the weights were
      trained with another normalisation than the config has.
  """
  backbone = config['model']['backbone']
  given = {k: backbone[k] for k in image.OPEN_FIELDS if k in backbone}
  weights = _open(config['weights'], config['weights_which'])
  params, report = image.load_into(weights, cfg, **given)
  _check_normalization(weights, config['data'])
  return params, report


def load_unchecked(config: Mapping[str, Any], cfg: ImageModel) -> dict:
  """Loads the image model of a run that is resumed, without the checks.

  Raises:
    FileNotFoundError, UserError: the weights are gone or have other shapes.
  """
  weights = _open(config['weights'], config['weights_which'])
  return image.read_params(weights, cfg)[0]


def _check_normalization(weights: Weights, data: Mapping[str, Any]) -> None:
  """Raises UserError if config and folder normalise pixels differently."""
  found = huggingface.find_normalization(weights)
  own, theirs = data['normalization'], data['weights_normalization']
  if found and found not in (own, theirs):
    change = 'set that, or,' if found in NORMALIZATION else 'it has no name;'
    raise UserError(
      f'{weights.what} was trained with normalization {found!r}, the config '
      f'has data.normalization={own!r}; {change} to keep it on purpose, set '
      f'data.weights_normalization={found!r}.'
    )


def load_projection(
  source: str, cfg: ImageModel, width: int, which: str = ''
) -> dict:
  """Loads CLIP's projection of the class token: `{'kernel': D x E}`, float32.

  Args:
    source: as in `load_backbone`.
    cfg: the model.
    width: E.
    which: as in `load_backbone`.

  Raises:
    UserError: the weights have no projection, or one of another size.
  """
  weights, kernel = _open(source, which), None
  for form in (clip_hf, clip_openai):
    if form.recognises(weights.arrays):
      kernel = form.read_projection(weights.arrays)
  if kernel is None:
    raise UserError(
      f"{weights.what} has no visual projection, as CLIP's weights do; set "
      'model.projection to 0.'
    )
  wanted = {'kernel': jax.ShapeDtypeStruct((cfg.width, width), 'float32')}
  tree = {'kernel': np.asarray(kernel).astype(np.float32)}
  check_same_tree(wanted, tree, f'projection of {weights.what}')
  return tree


def _open(source: str, which: str) -> Weights:
  if not source:
    raise UserError(
      'This config needs pretrained image weights: set weights to a '
      'directory or to hf:ORG/NAME.'
    )
  if which != OLDER:
    return image.open_model(source, which)
  weights = image.open_model(source, 'raw')
  return dataclasses.replace(weights, resampling='bicubic')
