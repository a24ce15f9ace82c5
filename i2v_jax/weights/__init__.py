"""Weights of image models and of published video models, strictly read."""

import jax
import numpy as np

from i2v_jax import params as params_lib
from i2v_jax.vit_config import ViTConfig
from i2v_jax.weights import clip_hf, clip_openai, image
from i2v_jax.weights.files import Weights
from i2v_jax.weights.image import Loaded, load_image_model
from i2v_jax.weights.releases import load_release

__all__ = [
  'Loaded',
  'load_backbone',
  'load_image_model',
  'load_projection',
  'load_release',
]


def load_backbone(source: str, cfg: ViTConfig, seed: int = 0) -> dict:
  """Parameters of the image ViT `cfg`, float32.

  Args:
    source: as in `load_image_model`; or `builtin:digits`; or `random` for an
      initialisation.
    cfg: the model.
    seed: of `random`.

  Raises:
    FileNotFoundError: the weights are not there and cannot be fetched.
    ValueError: they are for another model; names every difference.
  """
  if source == 'random':
    return image.random(cfg, seed)
  return image.load_into(_open(source), cfg)[0]


def load_projection(source: str, cfg: ViTConfig, width: int) -> dict:
  """CLIP's projection of the class token: `{'kernel': D x E}`, float32.

  Args:
    source: as in `load_backbone`.
    cfg: the model.
    width: E.

  Raises:
    ValueError: the weights have none, or one of another size.
  """
  weights, kernel = _open(source), None
  for form in (clip_hf, clip_openai):
    if form.recognises(weights.arrays):
      kernel = form.projection(weights.arrays)
  if kernel is None:
    raise ValueError(
      f"{weights.what} has no visual projection, as CLIP's weights do; set "
      'model.projection to 0.'
    )
  wanted = {'kernel': jax.ShapeDtypeStruct((cfg.width, width), 'float32')}
  tree = {'kernel': np.asarray(kernel).astype(np.float32)}
  params_lib.check_same_tree(wanted, tree, f'projection of {weights.what}')
  return tree


def _open(source: str) -> Weights:
  if not source:
    raise ValueError(
      'This config needs pretrained image weights: set weights to a '
      'directory or to hf:ORG/NAME.'
    )
  return image.open_source(source)
