"""Exports for users of CLIP in PyTorch: Hugging Face's keys and orientation.

On CLIP a merged classifier is CLIP's visual tower, a vector per frame, heads
that attend to other frames, and a linear classifier on the mean class token.
"""

from collections.abc import Mapping

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from i2v_jax import adapters
from i2v_jax.adapters import frame_shift
from i2v_jax.backbones.image_model import ImageModel
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.deploy.export import (
  choose_folder,
  describe_export,
  describe_merge,
  merge_checked,
)
from i2v_jax.deploy.trained import Trained
from i2v_jax.models import video
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import facts
from i2v_jax.weights.formats import clip_hf, huggingface, native

TOWER = {  # our path -> Hugging Face's key, for what is not in a block
  'cls': 'embeddings.class_embedding',
  'pos': 'embeddings.position_embedding.weight',
  'patch/kernel': 'embeddings.patch_embedding.weight',
  'ln_pre': 'pre_layrnorm',  # spelt so in the files
  'ln_post': 'post_layernorm',
}
LEAF = {'kernel': 'weight', 'scale': 'weight', 'bias': 'bias'}

ACTIVATIONS = ('quick_gelu', 'gelu')  # same names here and in CLIP's config

MERGED = ('zeroi2v', 0)  # method and number of its adapters
RELOCATION = ('head_relocation', 'kv')


def export_clip(trained: Trained, out) -> None:
  """Writes a merged model as Hugging Face writes CLIP's visual tower.

  Args:
    trained: model from `trained.load`.
    out: new folder: `model.safetensors` (float32, torch's orientation) with
      `vision_model.…`, `temporal_embedding` [T, D] if there is one, and
      `classifier.weight`, `classifier.bias`; `config.json`, a CLIPVisionConfig
      with an entry `i2v`; `facts.json`.

  Raises:
    UserError: the format cannot express the model, or as `export_merged`;
      nothing is written.
  """
  out = choose_folder(out, 'clip')
  _check_image_model(trained.model.image_model)
  model, params, difference = merge_checked(trained)
  offsets = find_head_offsets(model)
  known = describe_export(trained, 'clip', params, difference)
  arrays = convert_params(jax.device_get(params))
  config = make_vision_config(model.image_model) | {
    'i2v': _describe_video_model(trained, offsets)
  }
  with files.replacing_folder(out) as new:
    # The transformers library refuses a file without this entry.
    native.save(new / 'model.safetensors', arrays, {'format': 'pt'})
    files.write_json(new / 'config.json', config)
    facts.write_facts(new, known)
  outcome = describe_merge(trained.model, difference)
  console.print(f'{out}: CLIP with a classifier, {outcome}')


def _check_image_model(cfg: ImageModel) -> None:
  """Raises UserError for any other than a tower of CLIP."""
  if not isinstance(cfg, ViTConfig) or cfg != _make_clip_config(cfg):
    raise _make_refusal('an image model that is not built as CLIP')


def find_head_offsets(model) -> tuple[int, ...]:
  """Finds the frame offset of every head of a merged classifier on CLIP.

  Raises:
    UserError: the format cannot express the model; says why.
  """
  if not isinstance(model, video.VideoClassifier):
    raise _make_refusal(model.adapter['name'])
  if model.num_boxes:
    raise _make_refusal('a head for boxes (model.detection)')
  if model.image_model.activation not in ACTIVATIONS:
    raise _make_refusal(model.image_model.activation)
  if model.mean_first:
    raise _make_refusal('a final norm after the mean over frames (mean_first)')
  if model.time_constant:
    raise _make_refusal('a mean that weighs frames (time_constant)')
  adapter, operator = model.adapter or {}, model.temporal_operator or {}
  if adapter and (adapter['name'], adapter.get('num_adapters')) != MERGED:
    raise _make_refusal(f'the adapters of {adapter["name"]}')
  if operator and (operator['name'], operator.get('on', 'kv')) != RELOCATION:
    raise _make_refusal(f'{operator["name"]}, other than complete heads on kv')
  relocated = adapters.relocation(adapter) or operator
  offsets = relocated.get('offsets', ())
  found, width = [], model.image_model.head_width
  for offset, channels in frame_shift.channel_groups(
    offsets, model.image_model
  ):
    if channels % width:
      raise _make_refusal(f'half heads (offsets {tuple(offsets)})')
    found += [offset] * (channels // width)
  return tuple(found)


def convert_params(params: Mapping) -> dict[str, np.ndarray]:
  """Renames a merged classifier's tree, in torch's layout."""
  tower = flatten_dict(params['backbone'], sep='/')
  arrays = {
    f'vision_model.{_translate_path(path)}': x for path, x in tower.items()
  }
  if 'temporal_embedding' in params:
    arrays['temporal_embedding'] = params['temporal_embedding']
  arrays['classifier.weight'] = params['head']['kernel']
  arrays['classifier.bias'] = params['head']['bias']
  return {
    key: np.ascontiguousarray(_transpose(key, np.asarray(x, np.float32)))
    for key, x in arrays.items()
  }


def make_vision_config(cfg: ViTConfig) -> dict:
  """Makes the fields of Hugging Face's CLIPVisionConfig."""
  return {
    'architectures': ['CLIPVisionModel'],
    'model_type': 'clip_vision_model',
    'num_channels': 3,
    'hidden_act': cfg.activation,
  } | {
    name: getattr(cfg, field)
    for name, field in huggingface.FIELDS.items()
    if field != 'registers'
  }


def _describe_video_model(trained: Trained, offsets: tuple[int, ...]) -> dict:
  names = trained.class_names
  return {
    'num_frames': trained.model.num_frames,
    'offsets': list(offsets),
    'id2label': {str(i): name for i, name in enumerate(names)},
    'label2id': {name: i for i, name in enumerate(names)},
    'preprocessing': facts.describe_preprocessing(
      trained.config, trained.class_names
    ),
  }


def _make_clip_config(cfg: ViTConfig) -> ViTConfig:
  """Makes the config of CLIP's visual tower with the sizes of `cfg`."""
  sizes = ('width', 'depth', 'num_heads', 'patch_size', 'image_size', 'mlp_dim')
  same = (*sizes, 'activation', 'norm_eps', 'dtype', 'remat')
  return ViTConfig.named(**{field: getattr(cfg, field) for field in same})


def _make_refusal(what: str) -> UserError:
  return UserError(
    f"CLIP's format has no place for {what}; use --format merged or stablehlo."
  )


def _translate_path(path: str) -> str:
  if path in TOWER:
    return TOWER[path]
  layer, _, leaf = path.rpartition('/')
  first, _, part = layer.partition('/')
  if not first.startswith('blocks_'):
    return f'{TOWER[layer]}.{LEAF[leaf]}'
  index = first.removeprefix('blocks_')
  name = clip_hf.BLOCK[part.rpartition('/')[2]]
  return f'{clip_hf.BLOCKS.format(index)}{name}.{LEAF[leaf]}'


def _transpose(key: str, x: np.ndarray) -> np.ndarray:
  """Turns `in x out`, `H x W x in x out` into `out x in (x H x W)`."""
  if 'patch_embedding' in key:
    return x.transpose(3, 2, 0, 1)
  linear = key.endswith('weight') and 'position_embedding' not in key
  return x.T if linear else x
