"""Weights of image models and of published video models, strictly read."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from i2v_jax.backbones.normalization import NORMALIZATION
from i2v_jax.backbones.vit_config import ViTConfig
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

OLDER = '0.1'  # runs of that version: raw weights, all positions bicubic


def load_backbone(
  source: str, cfg: ViTConfig, seed: int = 0, *, which: str = '', **stated
) -> dict:
  """Parameters of the image ViT `cfg`, float32.

  Args:
    source: as in `load_image_model`; or `builtin:digits`; or `random` for an
      initialisation.
    cfg: the model.
    seed: of `random`.
    which: `ema` or `raw`, where a checkpoint has both; averaged ones if ''.
    **stated: `activation`, which no array holds, if the file does not say it;
      `norm_eps`, to replace that of the file.

  Raises:
    FileNotFoundError: the weights are not there and cannot be fetched.
    UserError: they are for another model, or do not say what is needed.
  """
  if source == 'random':
    return image.random(cfg, seed)
  return image.load_into(_open(source, which), cfg, **stated)[0]


def load_for(config: Mapping[str, Any], cfg: ViTConfig) -> tuple[dict, Report]:
  """What `load_backbone` loads for a config of an experiment, and its report.

  Raises:
    FileNotFoundError, UserError: as in `load_backbone`; or the weights were
      trained with another normalisation than the config has.
  """
  backbone = config['model']['backbone']
  stated = {k: backbone[k] for k in image.STATED if k in backbone}
  weights = _open(config['weights'], config['weights_which'])
  params, report = image.load_into(weights, cfg, **stated)
  _check_normalization(weights, config['data'])
  return params, report


def load_again(config: Mapping[str, Any], cfg: ViTConfig) -> dict:
  """Only the parameters, without checks, for a run that has begun.

  Raises:
    FileNotFoundError, UserError: the weights are gone, or of other shapes.
  """
  weights = _open(config['weights'], config['weights_which'])
  return image.read(weights, cfg)[0]


def _check_normalization(weights: Weights, data: Mapping[str, Any]) -> None:
  """Raises UserError if config and folder normalise pixels differently."""
  told = huggingface.normalization(weights)
  own, theirs = data['normalization'], data['weights_normalization']
  if told and told not in (own, theirs):
    change = 'set that, or,' if told in NORMALIZATION else 'no name is for it;'
    raise UserError(
      f'{weights.what} was trained with normalization {told!r}, the config has '
      f'data.normalization={own!r}; {change} to keep it on purpose, set '
      f'data.weights_normalization={told!r}.'
    )


def load_projection(
  source: str, cfg: ViTConfig, width: int, which: str = ''
) -> dict:
  """CLIP's projection of the class token: `{'kernel': D x E}`, float32.

  Args:
    source: as in `load_backbone`.
    cfg: the model.
    width: E.
    which: as in `load_backbone`.

  Raises:
    UserError: the weights have none, or one of another size.
  """
  weights, kernel = _open(source, which), None
  for form in (clip_hf, clip_openai):
    if form.recognises(weights.arrays):
      kernel = form.projection(weights.arrays)
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
