"""Where a trained model looks in one clip of a video."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from i2v_jax.backbones.image_model import make_module
from i2v_jax.data.videos.decode import FPS
from i2v_jax.deploy.attention.before import is_frozen, load_image_params
from i2v_jax.deploy.attention.clip import Clip, read_clip
from i2v_jax.deploy.trained import Trained
from i2v_jax.models.attention.maps import (
  AttentionMap,
  find_image_maps,
  find_maps,
)
from i2v_jax.models.attention.rollout import find_rollout
from i2v_jax.models.inputs import normalize_clips
from i2v_jax.runtime.errors import UserError


@dataclasses.dataclass(frozen=True)
class ClipAttention:
  """Where a model looks in a clip.

  Attributes:
    clip: whose frames the maps lie on.
    maps: of the trained model.
    image_maps: of the image model as it was before training.
    title: lines that say whose maps these are, and of what.
    notes: sentences on what is missing.
    facts: model, block and query, JSON values.
    at: column, row and frame of the query patch, or None.
    frozen: whether training left the blocks of the image model as they were.
  """

  clip: Clip
  maps: Sequence[AttentionMap]
  image_maps: Sequence[AttentionMap]
  title: Sequence[str]
  notes: Sequence[str]
  facts: Mapping[str, Any]
  at: tuple[int, int, int] | None
  frozen: bool


def compute_attention(
  trained: Trained,
  path,
  block: int = -1,
  at: tuple[int, int, int] | None = None,
  weights: str = '',
  through: bool = False,
  fps: float = FPS,
) -> ClipAttention:
  """Finds where a model looks in the first test clip of a video.

  Args:
    trained: a classifier of clips.
    path: video file, or folder of frames.
    block: whose attention; from the last if negative.
    at: column, row and frame of the query patch; None for the class token, or
      the mean of patches where there is none.
    weights: of the image model, where the model does not name them.
    through: whether attention is multiplied through all blocks (rollout).
    fps: frames per second of a folder of frames.

  Raises:
    UserError: a model of boxes, one without attention, or a block or a patch
      that is not there.
    DecodeError, FileNotFoundError: the video cannot be read.
  """
  check_classifier(trained)
  clip, model = read_clip(trained, path, fps), trained.model
  before, notes = load_image_params(trained, weights)
  pixels = _normalize(trained, clip.arrays)
  # All frames, where a model sees some of them in framesets only.
  frames = _normalize(trained, {'video': clip.frames[None]})
  cfg, image_maps = model.image_model, []
  if through:
    maps = find_rollout(model, trained.params, pixels, at)
    if before is not None:
      image_maps = find_rollout(make_module(cfg), before, frames, at)
  else:
    maps = find_maps(model, trained.params, pixels, block, at)
    if before is not None:
      image_maps = find_image_maps(cfg, before, frames, block, at)
  facts = _describe(trained, clip, block, at, through)
  facts['grid'] = list(maps[0].weights.shape[-2:])
  title = [clip.name, _write_title(facts, [*maps, *image_maps])]
  frozen = is_frozen(trained)
  return ClipAttention(clip, maps, image_maps, title, notes, facts, at, frozen)


def check_classifier(trained: Trained) -> None:
  """Raises UserError for a model of boxes."""
  if trained.model.num_boxes:
    raise UserError(
      f'{trained.path} classifies boxes of key frames, and attention is shown '
      'of models of complete clips; give a run without model.detection.'
    )


def _normalize(trained: Trained, arrays: Mapping[str, np.ndarray]):
  """Normalised pixels as `find_maps` takes them."""
  name = trained.config['data']['normalization']
  dtype = trained.model.image_model.dtype
  pixels = normalize_clips(arrays, name, dtype)
  names = [x for x in trained.model.inputs if x in arrays]
  return dict(zip(names, pixels, strict=True))


def _describe(trained, clip, block, at, through) -> dict[str, Any]:
  """Describes whose maps these are: JSON values."""
  cfg = trained.model.image_model
  count = cfg.num_blocks
  number = block + count if block < 0 else block
  has_token = getattr(cfg.block(number), 'class_token', False)
  query = 'class token' if has_token else 'mean of patches'
  if through and cfg.pool == 'map':
    query = 'pooling query'
  if at is not None:
    query = 'patch {},{} of frame {}'.format(*at)
  return {
    'video': clip.name,
    'model': trained.folder.name,
    'block': _name_block(number, count, through),
    'query': query,
    'at': None if at is None else list(at),
  }


def _name_block(block: int, count: int, through: bool) -> str:
  if through:
    return f'rollout over {count} blocks'
  if block == count - 1:
    return f'block {block}, the last of {count}'
  return f'block {block} of 0 to {count - 1}'


def _write_title(facts: Mapping[str, Any], maps: Sequence[AttentionMap]) -> str:
  """Says whose maps these are, of what, and how fine they are."""
  sides = {one.weights.shape[-2:] for one in maps}
  sizes = ' and '.join(f'{w} x {h}' for h, w in sorted(sides, reverse=True))
  parts = (
    f'model: {facts["model"]}',
    facts['block'],
    f'query: {facts["query"]}',
    f'maps of {sizes} patches, interpolated',
  )
  return '   '.join(parts)
