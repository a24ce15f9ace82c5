"""Streams that run without this library: a step as a program, its state."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax.traverse_util import unflatten_dict
from jax import export

from i2v_jax.deploy import stablehlo
from i2v_jax.deploy.trained import Trained
from i2v_jax.models import streaming
from i2v_jax.models.inputs import normalize_clips


def export_stream_program(trained: Trained, out) -> None:
  """Writes the step of a stream as a program that JAX alone can run.

  Args:
    trained: model from `trained.load`.
    out: new folder, with the files of `stablehlo.export_program`; `config.json`
      has the arrays of the state too, which are zeros at the start, and
      `training_fps`, or null.

  Raises:
    UserError: the model cannot read a stream, or as in `export_merged`; nothing
      is written.
  """
  streaming.check(trained.model)
  describe = functools.partial(describe_step, fps=trained.training_fps)
  stablehlo.write_program(
    trained, out, 'stablehlo-stream', make_step_program, describe
  )


def make_step_program(
  model, params: Mapping, normalization: str
) -> export.Exported:
  """Exports `(weights, state, frame, reset) -> (state, logits)`.

  For any platform and number of streams `b`. `weights` are float32 arrays by
  path; `state` arrays by name; `frame` uint8 `b x H x W x 3`; `reset` bool `b`,
  True for streams that start over with this frame; logits float32 `b x
  classes`. Everything in between is float32.
  """
  model = stablehlo.compute_in_float32(model)

  def step(weights, state, frame_BxHxWx3, reset_B):
    clips = {'video': frame_BxHxWx3[:, None]}
    (pixels_Bx1xHxWx3,) = normalize_clips(clips, normalization)
    tree = unflatten_dict(weights, sep='/')
    return streaming.step(model, tree, state, pixels_Bx1xHxWx3[:, 0], reset_B)

  (batch,) = export.symbolic_shape('b')
  of_batch = lambda shape, dtype: jax.ShapeDtypeStruct((batch, *shape), dtype)
  state = {
    name: of_batch(x.shape[1:], x.dtype)
    for name, x in streaming.state_shapes(model).items()
  }
  frame = of_batch(model.image_model.image_shape, jnp.uint8)
  reset = of_batch((), jnp.bool_)
  return stablehlo.export_exactly(step, params, state, frame, reset)


def describe_step(model, fps: float | None) -> dict:
  """Describes what `make_step_program` takes, as JSON."""
  describe = lambda name, dtype, shape: {
    'name': name,
    'dtype': str(dtype),
    'shape': ['b', *shape],
  }
  shapes = streaming.state_shapes(stablehlo.compute_in_float32(model))
  return {
    'inputs': [
      describe('frame', 'uint8', model.image_model.image_shape),
      describe('reset', 'bool', ()),
    ],
    'state': [
      describe(name, x.dtype, x.shape[1:]) for name, x in shapes.items()
    ],
    'training_fps': fps,
  }
