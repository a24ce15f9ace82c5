"""Loads pretrained image models of any format, strictly."""

import dataclasses
import functools
import pathlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.backbones.declared import init_shapes
from i2v_jax.backbones.image_model import (
  FAMILIES,
  MODULES,
  ImageModel,
  make_module,
)
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.params import check_same_tree
from i2v_jax.runtime.errors import UserError, suggest
from i2v_jax.weights import files, prefixes, refused, wrapping
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import FORMATS, huggingface, native
from i2v_jax.weights.report import MissingArgumentError, Report, infer_num_heads

ASSETS = pathlib.Path(__file__).parent / 'builtin'
BUILTIN = {
  'digits': ASSETS / 'digits_vit.safetensors',
  'digits_swin': ASSETS / 'digits_swin.safetensors',
}

TEXT = ('text_model.', 'token_embedding.', 'embeddings.token_embedding.')

# Fields that users choose, whatever the file states; arrays are fitted to most.
FITTED = ('image_size', 'pool', 'window', 'tubelet', 'bias', 'steps')
CHOSEN = (*FITTED, 'norm_eps')
OPEN_FIELDS = (
  'activation',
  'num_heads',
  'norm_eps',
)  # may be missing in files
EPS_ALIKE = 1e-6  # Hugging Face writes 1e-12 where Google trained with this


class Loaded(NamedTuple):
  """A model, its parameters (float32, numpy), and a report on every key."""

  model: nn.Module
  params: dict
  report: Report


def open_source(source, which: str = '') -> Weights:
  """Opens a path, a mapping, `hf:ORG/NAME[@REVISION]`, or `builtin:NAME`.

  `which` is `ema` or `raw`, where a checkpoint has both; '' takes `ema`.
  """
  wrapping.check_which(which)
  kind, _, name = (source if isinstance(source, str) else '').partition(':')
  if kind == 'builtin':
    if name not in BUILTIN:
      known = ', '.join(f'builtin:{name}' for name in sorted(BUILTIN))
      raise UserError(f'No weights {source!r}; known: {known}.')
    source = BUILTIN[name]
  if kind == 'hf':
    from i2v_jax.weights import download  # the hub's library imports slowly

    source = download.download(name)
  return files.open_weights(source, which)


def open_model(source, which: str = '') -> Weights:
  """Opens a source and removes the prefixes that trainers add to keys.

  Raises:
    UserError: the model is not supported, or `which` weights are missing.
  """
  weights = prefixes.unwrap(open_source(source, which), FORMATS, which)
  refused.check_supported(weights)
  return weights


def load_image_model(source, *, which: str = '', **choices) -> Loaded:
  """Loads an image transformer as it was published.

  `model.apply({'params': params}, image)` maps normalised pixels
  `B x H x W x 3` to tokens `B x L x D` after the final norm, class token
  first where there is one; with `pooled=True` to `B x D`. Patches of several
  frames take clips, `B x T x H x W x 3`.

  Args:
    source: a file or folder, `hf:ORG/NAME[@REVISION]`, or a mapping of key to
      array. docs/weights.md lists the formats; the keys decide which it is.
    which: `ema` or `raw`, where a checkpoint has both; '' takes `ema`.
    **choices: fields of `ViTConfig` or `SwinConfig` that no file decides, such
      as `image_size` and `window` (positions are resampled), `pool`, `tubelet`,
      `dtype`, or that this file does not state: `activation`, `num_heads`.

  Raises:
    FileNotFoundError: `source` does not exist.
    UserError: the format is unknown; a key is missing, unexpected or of
      another shape; or neither file nor `choices` give a needed value.
  """
  weights = open_model(source, which)
  cfg, assumed = read_config(weights, **choices)
  params, report = read_params(weights, cfg)
  report = dataclasses.replace(report, assumed=assumed)
  return Loaded(make_module(cfg), params, report)


def read_config(
  weights: Weights, **choices
) -> tuple[ImageModel, tuple[str, ...]]:
  """Combines what a file states of its model with the choices of the caller.

  Returns:
    The config, and a line for every value that was assumed.
  """
  form, kind = find_format(weights), find_class(weights)
  known = {k: v for k, v in form.read_fields(weights).items() if v is not None}
  _check_choices(weights, kind, known, choices)
  found = known | choices
  likely = form.assume_fields(weights) if hasattr(form, 'assume_fields') else {}
  lacks = lambda field: (
    field in kind.__dataclass_fields__ and field not in likely | found
  )
  if lacks('activation'):
    raise MissingArgumentError(
      'activation',
      f'{weights.what} does not state the activation of its MLPs; give '
      "activation='quick_gelu' for OpenAI's weights, 'gelu' for LAION's and "
      "OpenCLIP's (unless they are named -quickgelu); in a config that is "
      'model.backbone.activation.',
    )
  if lacks('num_heads'):
    likely['num_heads'] = infer_num_heads(found['width'], weights.what)
  assumed = {k: v for k, v in likely.items() if k not in found}
  lines = tuple(f'{name} {value}' for name, value in sorted(assumed.items()))
  return kind(**found | assumed), lines


def _check_choices(
  weights: Weights, kind: type, known: dict, choices: dict
) -> None:
  """Raises UserError for unknown choices and those the file contradicts."""
  fields = [field.name for field in dataclasses.fields(kind)]
  for name, value in choices.items():
    if name not in fields:
      near = suggest(name, fields, 0.0)
      what = MODULES[kind].__name__
      raise UserError(f'A {what} has no {name!r} to choose{near}')
    stated, value = (
      tuple(x) if isinstance(x, list) else x for x in (known.get(name), value)
    )
    if name not in CHOSEN and stated not in (None, value):
      raise UserError(
        f'{weights.what} has {name} {known[name]!r}, not {value!r}.'
      )


def find_class(weights: Weights) -> type:
  """The class of config that a file's format reads it as."""
  form = find_format(weights)
  return form.find_class(weights) if hasattr(form, 'find_class') else ViTConfig


def find_format(weights: Weights):
  """Finds the module of a format; raises UserError for an unknown one."""
  keys = weights.arrays
  for form in FORMATS:
    if form.recognises(keys):
      return form
  if any(key.startswith(TEXT) for key in keys):
    raise UserError(
      f"{weights.what} holds CLIP's text tower only; take the file of the "
      'complete model or of its vision tower.'
    )
  if any(key.startswith('backbone/') for key in keys):
    raise UserError(
      f'{weights.what} is an export of i2v_jax, not an image model; give it to '
      'i2v predict, eval, export, or a config as start_from.'
    )
  kind = weights.config.get('model_type')
  named = f' (config.json: {kind!r})' if kind else ''
  raise UserError(
    f'{weights.what} is in no known format{named}; its keys begin with '
    f'{sorted(keys)[:3]}.'
  )


def read_params(weights: Weights, cfg: ImageModel) -> tuple[dict, Report]:
  """Reads the tree of `cfg`; returns it with a report on every key."""
  _check_class(weights, cfg)
  form = find_format(weights)
  usual, named = form.find_normalization(weights), form.name_format(weights)
  params, reader = form.convert(weights, cfg)  # the arrays are read no more
  report = reader.report(
    named, huggingface.find_normalization(weights) or usual
  )
  check_same_tree(compute_shapes(cfg), params, weights.what)
  report = report.of_file(weights)
  return params, dataclasses.replace(
    report, resampling=form.find_resampling(weights)
  )


def load_into(
  weights: Weights, cfg: ImageModel, **given
) -> tuple[dict, Report]:
  """Reads the weights of a model that a config describes.

  Args:
    weights: an opened file.
    cfg: the model.
    **given: those of `OPEN_FIELDS` that the config states, not the defaults
      of its family.

  Raises:
    UserError: the weights are for another model; names the difference.
  """
  _check_class(weights, cfg)
  known = find_format(weights).read_fields(weights)
  given = {k: v for k, v in given.items() if v is not None}
  open_fields = {'num_heads': cfg.num_heads} | given
  open_fields = {k: v for k, v in open_fields.items() if known.get(k) is None}
  found, assumed = read_config(weights, **open_fields)
  for field, value in native.describe_config(found).items():
    if field not in (*FITTED, *given.keys() & {'norm_eps'}):
      _check_field(weights.what, field, value, getattr(cfg, field))
  params, report = read_params(weights, cfg)
  return params, dataclasses.replace(report, assumed=assumed)


def _check_class(weights: Weights, cfg: ImageModel) -> None:
  """Raises UserError if a file is of another class than the config."""
  if (kind := find_class(weights)) is type(cfg):
    return
  families = [name for name, found in FAMILIES.items() if found is kind]
  raise UserError(
    f'{weights.what} is a {MODULES[kind].__name__}, the model config asks for '
    f'a {MODULES[type(cfg)].__name__}; take other weights, or set '
    f'model.backbone.family to {" or ".join(map(repr, families))}.'
  )


def _check_field(what: str, field: str, found, wanted) -> None:
  """Raises UserError where file and config differ by more than a tiny eps."""
  if found == wanted:
    return
  if field == 'norm_eps' and max(found, wanted) <= EPS_ALIKE:
    return
  raise UserError(
    f'{what} has {field} {found!r}, the model config asks for {wanted!r}; take '
    f'other weights, or set model.backbone.{field}={found!r}.'
  )


def compute_shapes(cfg: ImageModel) -> dict:
  """Computes the tree of an image model as shapes, without memory.

  Blocks of a stage are alike, so only one is traced.
  """
  model = make_module(cfg.with_one_block_a_stage())
  image = jax.ShapeDtypeStruct((1, *cfg.input_shape), 'float32')
  tree = init_shapes(model, image)
  stages = [cfg.block(i).stage for i in range(cfg.num_blocks)]
  return tree | {
    f'blocks_{i}': tree[f'blocks_{stage}'] for i, stage in enumerate(stages)
  }


def make_random_params(cfg: ImageModel, seed: int) -> dict:
  """Returns freshly initialised parameters."""
  with jax.disable_jit(False):  # or their last bits would differ
    return _draw(cfg, jax.random.key(seed))


@functools.partial(jax.jit, static_argnums=0)
def _draw(cfg: ImageModel, key) -> dict:
  image = jnp.zeros((1, *cfg.input_shape))
  return make_module(cfg).init(key, image)['params']
