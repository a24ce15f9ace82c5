"""Exports that run without this library: a program and its weights."""

import dataclasses
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import export

from i2v_jax.deploy.export import (
  choose_folder,
  describe_export,
  describe_merge,
  merge_checked,
)
from i2v_jax.deploy.trained import Trained
from i2v_jax.models.inputs import normalize_clips
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console
from i2v_jax.training import facts
from i2v_jax.weights.formats import native

PLATFORMS = ('cpu', 'cuda', 'tpu')


def export_program(trained: Trained, out) -> None:
  """Writes a merged classifier as a program that JAX alone can run.

  Args:
    trained: model from `trained.load`.
    out: new folder: `model.stablehlo`, serialised by `jax.export`;
      `model.safetensors`, its weights by path, float32; `config.json` with
      inputs, class names and preprocessing; `facts.json`.

  Raises:
    UserError: as in `export_merged`; nothing is written.
  """
  write_program(trained, out, 'stablehlo', make_program, describe_inputs)


def write_program(
  trained: Trained, out, format: str, make: Callable, describe: Callable
) -> None:
  """Writes the folder of `export_program`, of any program.

  Args:
    trained: model from `trained.load`.
    out: new folder.
    format: its name in the facts.
    make: model, parameters, name of a normalisation -> `jax.export.Exported`.
    describe: model -> what `config.json` says of the program's arguments.
  """
  out = choose_folder(out, format)
  model, params, difference = merge_checked(trained)
  found = make(model, params, trained.config['data']['normalization'])
  known = describe_export(trained, format, params, difference)
  config = describe(model) | _describe_outputs(trained)
  with files.replacing_folder(out) as new:
    (new / 'model.stablehlo').write_bytes(found.serialize())
    native.write(new / 'model.safetensors', jax.device_get(params))
    files.write_json(new / 'config.json', config)
    facts.write_facts(new, known)
  file = out / 'model.stablehlo'
  outcome = describe_merge(trained.model, difference)
  console.print(
    f'{out}: program of {file.stat().st_size / 1e3:.0f} kB, {outcome}'
  )


def make_program(model, params: Mapping, normalization: str) -> export.Exported:
  """Exports `(weights, *clips) -> logits` for any platform and batch size.

  `weights` are float32 arrays by path; `clips` uint8, `b` times each of the
  model's input shapes; logits float32 `b x classes`. A detector also takes
  `boxes` float32 `b x n x 4`, any number of them, and gives logits for each.
  Everything in between is float32, even where a platform rounds matrix products
  by default.
  """
  model = compute_in_float32(model)

  def classify(weights, *clips):
    batch = dict(zip(model.inputs, clips, strict=True))
    inputs = normalize_clips(batch, normalization)
    return model.apply({'params': unflatten_dict(weights, sep='/')}, *inputs)

  batch, boxes = export.symbolic_shape('b, n')
  shapes = dict(zip(model.inputs, model.input_shapes, strict=True))
  clips = [
    jax.ShapeDtypeStruct((batch, boxes, 4), jnp.float32)
    if name == 'boxes'
    else jax.ShapeDtypeStruct((batch, *shape), jnp.uint8)
    for name, shape in shapes.items()
  ]
  return export_exactly(classify, params, *clips)


def compute_in_float32(model):
  """The same model, of which every value is float32."""
  cfg = dataclasses.replace(model.image_model, dtype=jnp.float32, remat='none')
  return model.clone(image_model=cfg)


def export_exactly(function: Callable, params, *inputs) -> export.Exported:
  """Exports a function of weights by path and of inputs, for any platform."""
  weights = {
    path: jax.ShapeDtypeStruct(x.shape, jnp.float32)
    for path, x in flatten_dict(params, sep='/').items()
  }
  with jax.default_matmul_precision('highest'):
    exported = export.export(jax.jit(function), platforms=PLATFORMS)
    return exported(weights, *inputs)


def describe_inputs(model) -> dict:
  """Describes the clips that `make_program` takes, as JSON."""
  shapes = dict(zip(model.inputs, model.input_shapes, strict=True))
  return {
    'inputs': [
      {'name': 'boxes', 'dtype': 'float32', 'shape': ['b', 'n', 4]}
      if name == 'boxes'
      else {'name': name, 'dtype': 'uint8', 'shape': ['b', *shape]}
      for name, shape in shapes.items()
    ],
  }


def _describe_outputs(trained: Trained) -> dict:
  """Describes what is the same of every program of a model."""
  return {
    'class_names': list(trained.class_names),
    'task': trained.config['task'],  # what makes logits probabilities
    'platforms': list(PLATFORMS),
    'preprocessing': facts.describe_preprocessing(
      trained.config, trained.class_names
    ),
  }
