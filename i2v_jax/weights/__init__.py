"""Pretrained image weights -> the backbone's tree, strictly."""

import json
import pathlib

import jax
import jax.numpy as jnp
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from i2v_jax import params as params_lib
from i2v_jax.vit import ViT, ViTConfig
from i2v_jax.weights import clip_hf, native, vit_hf

ASSETS = pathlib.Path(__file__).parents[1] / 'assets'
BUILTIN = {'digits': ASSETS / 'digits_vit.safetensors'}


def load_backbone(source: str, cfg: ViTConfig, seed: int = 0) -> dict:
  """Parameters of the image ViT `cfg`, float32.

  Args:
    source: a safetensors file or a directory with `model.safetensors` (Hugging
      Face CLIP or ViT, or ours); `hf:ORG/NAME` or `hf:ORG/NAME@REVISION` on the
      hub; `builtin:digits`; `random` for an initialisation.
    cfg: the model.
    seed: of `random`.

  Raises:
    FileNotFoundError: the weights are not there and cannot be fetched.
    ValueError: they are for another model; names every difference.
  """
  shapes = backbone_shapes(cfg)
  if source == 'random':
    return random_backbone(cfg, seed)
  file = _file(source)
  arrays = native.read_arrays(file)
  for hf in (clip_hf, vit_hf):
    if hf.recognises(arrays):
      if (file.parent / 'config.json').is_file():
        check_config(file.parent, cfg)
      tree = hf.convert(arrays, cfg)
      break
  else:
    tree = native.as_tree(arrays)
  params_lib.check_same_tree(shapes, tree, str(file))
  return tree


def check_config(folder: pathlib.Path, cfg: ViTConfig) -> None:
  """Raises ValueError where `config.json` describes another architecture."""
  config = json.loads((folder / 'config.json').read_text())
  config = config.get('vision_config', config)
  wanted = {
    'hidden_size': cfg.width,
    'num_hidden_layers': cfg.depth,
    'num_attention_heads': cfg.num_heads,
    'intermediate_size': cfg.mlp_dim,
    'patch_size': cfg.patch_size,
    'hidden_act': cfg.activation,
  }
  if cfg.pre_norm:  # the ImageNet ViT's eps differs from library to library
    wanted['layer_norm_eps'] = cfg.norm_eps
  for key, value in wanted.items():
    if key in config and config[key] != value:
      raise ValueError(
        f'{folder / "config.json"} has {key} {config[key]!r}, the model config '
        f'asks for {value!r}.'
      )


def load_projection(source: str, cfg: ViTConfig, width: int) -> dict:
  """CLIP's projection of the class token: `{'kernel': D x E}`, float32.

  Args:
    source: as in `load_backbone`.
    cfg: the model.
    width: E.

  Raises:
    ValueError: the weights have none, or one of another size.
  """
  file = _file(source)
  tree = clip_hf.projection(native.read_arrays(file))
  if tree is None:
    raise ValueError(
      f"{file} has no visual projection, as CLIP's weights do; set "
      'model.projection to 0.'
    )
  kernel = jax.ShapeDtypeStruct((cfg.width, width), 'float32')
  params_lib.check_same_tree({'kernel': kernel}, tree, f'projection of {file}')
  return tree


def backbone_shapes(cfg: ViTConfig) -> dict:
  """The tree of `ViT(cfg)` as shapes, without memory."""
  image = jax.ShapeDtypeStruct(
    (1, cfg.image_size, cfg.image_size, 3), 'float32'
  )
  return jax.eval_shape(ViT(cfg).init, jax.random.key(0), image)['params']


def random_backbone(cfg: ViTConfig, seed: int) -> dict:
  image = jnp.zeros((1, cfg.image_size, cfg.image_size, 3))
  return jax.jit(ViT(cfg).init)(jax.random.key(seed), image)['params']


def _file(source: str) -> pathlib.Path:
  if not source:
    raise ValueError(
      'This config needs pretrained image weights: set weights to a '
      'directory or to hf:ORG/NAME.'
    )
  path = _locate(source)
  return path / 'model.safetensors' if path.is_dir() else path


def _locate(source: str) -> pathlib.Path:
  kind, _, name = source.partition(':')
  if kind == 'builtin':
    if name not in BUILTIN:
      raise ValueError(f'No weights {source!r}; there is {sorted(BUILTIN)}.')
    return BUILTIN[name]
  if kind == 'hf':
    return _download(name)
  path = pathlib.Path(source).expanduser()
  if not path.exists():
    raise FileNotFoundError(
      f'No weights at {path}; weights are a directory, a safetensors file, or '
      'hf:ORG/NAME.'
    )
  return path


def _download(name: str) -> pathlib.Path:
  repo, _, revision = name.partition('@')
  files = ['config.json', 'model.safetensors']
  try:
    return pathlib.Path(
      snapshot_download(repo, revision=revision or None, allow_patterns=files)
    )
  except (HfHubHTTPError, LocalEntryNotFoundError, ConnectionError) as error:
    raise FileNotFoundError(
      f'{repo} is neither in the local cache nor reachable on the Hugging Face '
      f'hub ({type(error).__name__}); download {" and ".join(files)} to a '
      'directory and give that as weights'
    ) from error
