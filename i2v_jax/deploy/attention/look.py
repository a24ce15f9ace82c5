"""Where a trained model looks in one clip of a video."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from i2v_jax.data.videos.decode import FPS
from i2v_jax.deploy.attention.before import load_image_params
from i2v_jax.deploy.attention.clip import Clip, read_clip
from i2v_jax.deploy.trained import Trained
from i2v_jax.models.attention import maps as maps_of
from i2v_jax.models.attention import rollout
from i2v_jax.models.attention.layout import AttentionMap
from i2v_jax.models.inputs import normalize_clips
from i2v_jax.models.video import VideoClassifier
from i2v_jax.runtime.errors import UserError

TITLE = ('model', 'block', 'query')  # facts that a sheet states


@dataclasses.dataclass(frozen=True)
class Looked:
  """Where a model looks in a clip.

  Attributes:
    clip: what was looked at.
    maps: of the trained model.
    image_maps: of the image model as it was before training.
    title: lines that say whose maps these are, and of what.
    notes: sentences on what is missing.
    facts: model, block and query, JSON values.
    at: column, row and step of the patch that asks, or None.
  """

  clip: Clip
  maps: Sequence[AttentionMap]
  image_maps: Sequence[AttentionMap]
  title: Sequence[str]
  notes: Sequence[str]
  facts: Mapping[str, Any]
  at: tuple[int, int, int] | None = None


def look(
  trained: Trained,
  path,
  block: int = -1,
  at: tuple[int, int, int] | None = None,
  weights: str = '',
  through: bool = False,
  fps: float = FPS,
) -> Looked:
  """Finds where a model looks in the first test clip of a video.

  Args:
    trained: a classifier of clips.
    path: video file, or folder of frames.
    block: whose attention; from the last if negative.
    at: column, row and step of the patch that asks; None for the class token,
      or the mean of patches where there is none.
    weights: of the image model, where the model does not name them.
    through: whether attention is multiplied through all blocks (rollout).
    fps: frames per second of a folder of frames.

  Raises:
    UserError: a model of boxes, one without attention, or a block or a patch
      that is not there.
    DecodeError, FileNotFoundError: the video cannot be read.
  """
  if trained.model.num_boxes:
    raise UserError(
      f'{trained.path} classifies boxes of key frames, and attention is shown '
      'of models of complete clips; give a run without model.detection.'
    )
  clip = read_clip(trained, path, fps)
  model, pixels = trained.model, _normalize(trained, clip)
  image_params, notes = load_image_params(trained, weights)
  if through:
    maps = rollout.find_rollout(model, trained.params, pixels, at=at)
  else:
    maps = maps_of.find_maps(model, trained.params, pixels, block, at)
  image_maps = []
  if image_params is not None:
    video = pixels['video'] if isinstance(pixels, Mapping) else pixels
    find = _find_image_rollout if through else maps_of.find_image_maps
    given = () if through else (block,)
    image_maps = find(model.image_model, image_params, video, *given, at)
  facts = _describe(trained, clip, block, at, through)
  facts['grid'] = list(maps[0].weights.shape[-2:])
  title = [clip.name, '   '.join(f'{k}: {facts[k]}' for k in TITLE)]
  return Looked(clip, maps, image_maps, title, notes, facts, at)


def _normalize(trained: Trained, clip: Clip):
  """Normalised pixels as `find_maps` takes them."""
  name = trained.config['data']['normalization']
  dtype = trained.model.image_model.dtype
  pixels = normalize_clips(clip.arrays, name, dtype)
  if len(pixels) == 1:
    return pixels[0]
  return dict(zip(trained.model.inputs, pixels, strict=True))


def _find_image_rollout(image_model, params, video, at) -> list[AttentionMap]:
  """Rollout of the image model alone, frame by frame."""
  model = VideoClassifier(
    image_model, 1, video.shape[1], temporal_embedding=False
  )
  return rollout.find_rollout(model, {'backbone': params}, video, at=at)


def _describe(trained, clip, block, at, through) -> dict[str, Any]:
  """Describes whose maps these are: JSON values."""
  cfg = trained.model.image_model
  count = cfg.num_blocks
  number = block + count if block < 0 else block
  has_token = cfg.block(count - 1).num_prefix > 0
  query = 'class token' if has_token else 'mean of patches'
  if at is not None:
    x, y, step = at
    query = f'patch {x},{y} of frame {clip.numbers[step * cfg.tubelet]}'
  return {
    'video': clip.name,
    'model': trained.folder.name,
    'block': f'rollout over {count}'
    if through
    else f'{number} of 0-{count - 1}',
    'query': query,
    'at': None if at is None else list(at),
    'tubelet': cfg.tubelet,
  }
