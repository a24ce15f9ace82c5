"""`i2v weights convert`: published weights in our own format."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from i2v_jax import adapters
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.deploy import trained
from i2v_jax.deploy.export import export_unmerged
from i2v_jax.deploy.release import load_release
from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import check_same_tree, sha256
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment, warm_start
from i2v_jax.weights import image, releases
from i2v_jax.weights.formats import native


def convert_image_model(
  source, out, which: str = '', blocks: int = 0, **choices
) -> pathlib.Path:
  """Writes an image model with the metadata needed to use it.

  Args:
    source: as in `weights.load_image_model`.
    out: folder; `model.safetensors` (float32) is written into it.
    which: as in `load_image_model`.
    blocks: number of blocks of a ViT to keep, from the first; 0 for all.
    **choices: further arguments of `load_image_model`.

  Returns:
    The file, which may serve as `source`, or as `weights` of a config.
  """
  weights, out = releases.open_release(source), pathlib.Path(out)
  if any(r.recognises(weights.arrays) for r in releases.RELEASES):
    raise UserError(
      f'{weights.what} is a published video model; give --config and --classes '
      'of the experiment it belongs to.'
    )
  if out.exists() and not out.is_dir():
    raise UserError(f'{out} is not a folder; choose another --out.')
  if out.exists() and any(out.iterdir()):
    raise UserError(f'{out} is not empty; choose a new folder as --out.')
  loaded = image.load_image_model(source, which=which, **choices)
  params, cfg = loaded.params, loaded.model.cfg
  if blocks:
    params, cfg = keep_first_blocks(params, cfg, blocks)
  path = out / 'model.safetensors'
  out.mkdir(parents=True, exist_ok=True)
  native.write(
    path,
    params,
    **native.make_metadata(cfg),
    normalization=loaded.report.normalization,
    resampling=loaded.report.resampling,
    sha256=sha256(params),
  )
  note = f', its first {blocks} blocks' if blocks else ''
  console.print(f'{path}: {loaded.report.format}{note}')
  return path


def keep_first_blocks(
  params: Mapping[str, Any], cfg: ViTConfig, count: int
) -> tuple[dict[str, Any], ViTConfig]:
  """Cuts a ViT off after a block; its final norm then follows that one.

  Raises:
    UserError: it has fewer blocks, or is no ViT.
  """
  if not isinstance(cfg, ViTConfig):
    raise UserError('A Swin has stages; blocks can be left out of a ViT only.')
  if count not in range(1, cfg.depth + 1):
    raise UserError(
      f'blocks is {count}; the model has {cfg.depth}, so it can be 1 to that.'
    )
  gone = {f'blocks_{i}' for i in range(count, cfg.depth)}
  kept = {name: part for name, part in params.items() if name not in gone}
  return kept, dataclasses.replace(cfg, depth=count)


def convert_release(
  source,
  config: Mapping[str, Any],
  class_names: Sequence[str],
  out,
  which: str = '',
) -> None:
  """Writes a published video model as an export of its experiment.

  Args:
    source: as in `load_release`.
    config: config of the experiment; gives values that no file holds (offsets,
      scale, heads, preprocessing, views).
    class_names: in the order of the head's outputs.
    out: new folder, as of `export_full`: `predict`, `eval`, `export` and
      `start_from` take it.
    which: as in `load_release`.

  Raises:
    UserError: the config describes another model than the file holds.
  """
  out, weights = pathlib.Path(out), releases.open_release(source)
  config = experiment.make_paths_absolute(config)
  model = experiment.build_model(config, len(class_names))
  loaded = load_release(source, which=which, **_make_arguments(config, model))
  normalization = config['data']['normalization']
  if loaded.report.normalization != normalization:
    raise UserError(
      f'{weights.what} was trained with normalization '
      f'{loaded.report.normalization!r}, the config has data.normalization '
      f'{normalization!r}; set that.'
    )
  merged = (loaded.model.adapter or {}).get('num_adapters') == 0
  if merged:
    config['model']['adapter'] = experiment.to_plain(loaded.model.adapter)
    model = experiment.build_model(config, len(class_names))
  warm_start.check_same_kind(weights.what, loaded.model, model)
  check_same_tree(param_shapes(model), loaded.params, weights.what)
  identity = {'weights_sha256': sha256(loaded.params)}
  config |= {'weights': '', 'start_from': ''}
  found = trained.place_on_mesh(
    model, loaded.params, config, tuple(class_names), identity, out
  )
  name, kind = pathlib.Path(weights.what).name, 'merged' if merged else 'full'
  made_from = {'file': name, 'format': loaded.report.format}
  export_unmerged(found, out, kind, made_from=made_from)
  console.print(f'{out}: {loaded.report.format}')


def _make_arguments(config: Mapping[str, Any], model) -> dict[str, Any]:
  """Makes the arguments of `load_release` from a config."""
  adapter = model.adapter or {}
  arguments = dict(
    num_heads=model.image_model.num_heads,
    image_size=model.image_model.image_size,
  )
  match adapter.get('name'):
    case 'zeroi2v' | 'gelu_adapters' as name:
      spec = adapters.relocation(adapter) or {}
      arguments |= dict(method=name, offsets=spec.get('offsets', ()))
      arguments['adapter_scale'] = adapters.option(adapter, 'scale', 1.0)
    case 'aim':
      arguments['adapter_scale'] = adapters.option(adapter, 'scale', 1.0)
    case 'evl':
      arguments['backbone'] = config['weights']
    case 'dualpath':
      arguments['num_frames'] = model.num_frames
      for name in ('grid', 'spatial_frames'):
        arguments[name] = adapters.option(adapter, name, None)
    case 'st_adapter':
      arguments['num_frames'] = model.num_frames
  operator = model.temporal_operator
  return arguments | (dict(temporal_operator=operator) if operator else {})
