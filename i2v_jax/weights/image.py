"""Pretrained image models: any format in, the backbone's tree out, strictly."""

import dataclasses
import difflib
import pathlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.backbones.vit import ViT
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.params import check_same_tree
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights import download, files, prefixes, refused, wrapping
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import FORMATS, huggingface, native
from i2v_jax.weights.report import NotStatedError, Report, num_heads

ASSETS = pathlib.Path(__file__).parent / 'builtin'
BUILTIN = {'digits': ASSETS / 'digits_vit.safetensors'}

TEXT = ('text_model.', 'token_embedding.', 'embeddings.token_embedding.')

# What users choose, whatever the file says.
CHOSEN = ('image_size', 'pool', 'norm_eps')
STATED = ('activation', 'num_heads', 'norm_eps')  # what files may leave open
EPS_ALIKE = 1e-6  # Hugging Face writes 1e-12 where Google trained with this


class Loaded(NamedTuple):
  """A model, its parameters (float32, numpy), and what became of each key."""

  model: nn.Module
  params: dict
  report: Report


def open_source(source, which: str = '') -> Weights:
  """Opens a path, a mapping, `hf:ORG/NAME[@REVISION]`, or `builtin:digits`.

  `which` is `ema` or `raw`, where a checkpoint has both; averaged ones if ''.
  """
  wrapping.check(which)
  kind, _, name = (source if isinstance(source, str) else '').partition(':')
  if kind == 'builtin':
    if name not in BUILTIN:
      raise UserError(f'No weights {source!r}; there is {sorted(BUILTIN)}.')
    source = BUILTIN[name]
  source = download.download(name) if kind == 'hf' else source
  return files.open_weights(source, which)


def open_model(source, which: str = '') -> Weights:
  """What `open_source` opens, without the prefixes that trainers put there.

  Raises:
    UserError: a model that is known and not read, or not the weights `which`.
  """
  weights = prefixes.unwrapped(open_source(source, which), FORMATS, which)
  refused.check(weights)
  return weights


def load_image_model(source, *, which: str = '', **choices) -> Loaded:
  """An image transformer as it was published.

  `model.apply({'params': params}, image)` maps normalised pixels
  `B x H x W x 3` to tokens `B x L x D` behind the final norm, class token
  first where there is one; with `pooled=True` to `B x D`.

  Args:
    source: a file or folder, `hf:ORG/NAME[@REVISION]`, or a mapping of key to
      array. docs/weights.md lists the formats; the keys decide which it is.
    which: `ema` or `raw`, where a checkpoint has both; averaged ones if ''.
    **choices: fields of `ViTConfig` that no file decides, such as
      `image_size` (positions are resampled), `pool`, `dtype`, or that this
      one does not tell: `activation`, `num_heads`.

  Raises:
    FileNotFoundError: there is nothing there.
    UserError: no known format; a key too many, too few or of another shape;
      or something that the file does not tell and `choices` lack.
  """
  weights = open_model(source, which)
  cfg, assumed = config(weights, **choices)
  params, report = read(weights, cfg)
  report = dataclasses.replace(report, assumed=assumed)
  return Loaded(ViT(cfg), params, report)


def config(weights: Weights, **choices) -> tuple[ViTConfig, tuple[str, ...]]:
  """What a file tells of its model, and the choices of `load_image_model`.

  Returns:
    The config, and what of it was neither told nor chosen but assumed.
  """
  form = recognise(weights)
  told = {k: v for k, v in form.fields(weights).items() if v is not None}
  _check_choices(weights, told, choices)
  found = told | choices
  likely = form.assumed(weights) if hasattr(form, 'assumed') else {}
  if 'activation' not in likely | found:
    raise NotStatedError(
      'activation',
      f'{weights.what} does not tell the activation of its MLPs; give '
      "activation='quick_gelu' for OpenAI's weights, 'gelu' for LAION's and "
      "OpenCLIP's (unless they are named -quickgelu); in a config that is "
      'model.backbone.activation.',
    )
  if 'num_heads' not in found:
    likely['num_heads'] = num_heads(found['width'], weights.what)
  assumed = {k: v for k, v in likely.items() if k not in found}
  lines = tuple(f'{name} {value}' for name, value in sorted(assumed.items()))
  return ViTConfig(**found | assumed), lines


def _check_choices(weights: Weights, told: dict, choices: dict) -> None:
  """Raises UserError for what is no choice, or contradicts the file."""
  fields = [field.name for field in dataclasses.fields(ViTConfig)]
  for name, value in choices.items():
    if name not in fields:
      near = difflib.get_close_matches(name, fields, 1, 0.0)[0]
      raise UserError(
        f'An image model has no {name!r} to choose; did you mean {near!r}?'
      )
    if name not in CHOSEN and told.get(name, value) != value:
      raise UserError(
        f'{weights.what} has {name} {told[name]!r}, not {value!r}.'
      )


def recognise(weights: Weights):
  """The module of the format; raises UserError if there is none."""
  keys = weights.arrays
  for form in FORMATS:
    if form.recognises(keys):
      return form
  if any(key.startswith(TEXT) for key in keys):
    raise UserError(
      f"{weights.what} holds CLIP's text tower only; take the file of the "
      'whole model or of its vision tower.'
    )
  if any(key.startswith('backbone/') for key in keys):
    raise UserError(
      f'{weights.what} is an export of i2v_jax, not an image model; give it to '
      'i2v predict, eval, export, or a config as start_from.'
    )
  kind = weights.config.get('model_type')
  named = f' (config.json: {kind!r})' if kind else ''
  raise UserError(
    f'{weights.what} is in no format that is known{named}; its keys begin with '
    f'{sorted(keys)[:3]}.'
  )


def read(weights: Weights, cfg: ViTConfig) -> tuple[dict, Report]:
  """The tree of `cfg` and what became of every key."""
  form = recognise(weights)
  params, reader = form.convert(weights, cfg)
  usual = form.normalization(weights)
  report = reader.report(
    form.what(weights), huggingface.normalization(weights) or usual
  )
  check_same_tree(shapes(cfg), params, weights.what)
  report = report.of_file(weights)
  return params, dataclasses.replace(
    report, resampling=form.resampling(weights)
  )


def load_into(
  weights: Weights, cfg: ViTConfig, **stated
) -> tuple[dict, Report]:
  """What `read` returns, for a model that a config describes.

  Args:
    weights: of a file.
    cfg: the model.
    **stated: fields of `STATED` that the config itself gives, not the defaults
      of its family.

  Raises:
    UserError: the weights are for another model; names what differs.
  """
  told = recognise(weights).fields(weights)
  stated = {k: v for k, v in stated.items() if v is not None}
  open_fields = {'num_heads': cfg.num_heads} | stated
  open_fields = {k: v for k, v in open_fields.items() if told.get(k) is None}
  found, assumed = config(weights, **open_fields)
  for field, value in native.describe(found).items():
    if field not in ('image_size', 'pool', *stated.keys() & {'norm_eps'}):
      _check_field(weights.what, field, value, getattr(cfg, field))
  params, report = read(weights, cfg)
  return params, dataclasses.replace(report, assumed=assumed)


def _check_field(what: str, field: str, found, wanted) -> None:
  """Raises UserError where file and config differ, except by a tiny eps."""
  if found == wanted:
    return
  if field == 'norm_eps' and max(found, wanted) <= EPS_ALIKE:
    return
  raise UserError(
    f'{what} has {field} {found!r}, the model config asks for {wanted!r}; take '
    f'other weights, or set model.backbone.{field}={found!r}.'
  )


def shapes(cfg: ViTConfig) -> dict:
  """The tree of `ViT(cfg)` as shapes, without memory.

  All blocks are alike, so one is traced.
  """
  image = jax.ShapeDtypeStruct((1, *cfg.image_shape), 'float32')
  model = ViT(dataclasses.replace(cfg, depth=1))
  tree = jax.eval_shape(model.init, jax.random.key(0), image)['params']
  blocks = {f'blocks_{i}': tree['blocks_0'] for i in range(cfg.depth)}
  return tree | blocks


def random(cfg: ViTConfig, seed: int) -> dict:
  """Freshly initialised parameters."""
  image = jnp.zeros((1, *cfg.image_shape))
  with jax.disable_jit(False):  # or their last bits would differ
    return jax.jit(ViT(cfg).init)(jax.random.key(seed), image)['params']
