"""`i2v bench --stream`: what a new frame of a live video costs.

Weights are random and frames black, so no files are needed.
"""

import dataclasses
import functools
import gc
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from i2v_jax.bench import costs, measure, timing
from i2v_jax.models import streaming
from i2v_jax.runtime import process
from i2v_jax.runtime.console import console
from i2v_jax.training import counts, experiment

SHARES = (50, 90, 99)  # percent of the frames that are as fast
WARM_UP = 20  # frames after which the process has the memory of a step


@dataclasses.dataclass(frozen=True)
class Options:
  """What is measured, and how often.

  Attributes:
    num_classes: number of classes; 0 takes that of the data.
    batch_size: number of streams that share a batch.
    rounds: number of measurements, of which medians are taken.
    frames: number of frames in a row, for percentiles and memory.
  """

  num_classes: int = 0
  batch_size: int = 1
  rounds: int = 10
  frames: int = 500

  def __post_init__(self):
    costs.check_counts(self, ('batch_size', 'rounds', 'frames'))


def measure_stream(
  config: Mapping[str, Any], options: Options
) -> dict[str, Any]:
  """Measures the frames of live streams, on one device; JSON values.

  Args:
    config: of an experiment whose model streams.
    options: what to measure.

  Returns:
    `conditions`, and `models`, by the names of `counts.build_models`. Each has
    `frame_seconds`, a new frame of one stream, a share of its batch; and
    `of_image`, its ratio to the image model on a single frame. Models that
    stream have further `window_seconds`, a clip for each new frame;
    `window_of_frame`, its ratio to a step; `state_bytes` of a stream by part,
    and `batch_state_bytes`; and `programs`, how many were compiled for steps.
    The last one, as it is deployed, has also `latency_seconds`, of steps, by
    percentile and `max`, and `resident_bytes` of the process `before` and
    `after` `frames` steps, or None where unknown.
    Times are medians, and ratios medians of those of each round.

  Raises:
    UserError: the model cannot be streamed, or the config has an invalid value.
  """
  config = experiment.check_config(config)
  num_classes = costs.count_classes(config, options.num_classes)
  models = counts.build_models(config, num_classes)
  image, *streamed = models
  streaming.check(models[streamed[0]])
  conditions = costs.collect_conditions(config, models[streamed[0]], options)
  models[image] = models[image].clone(num_frames=1, temporal_embedding=False)
  arrays, size = {}, options.batch_size
  params = {
    name: measure.draw_params(model, arrays) for name, model in models.items()
  }
  steps = {
    name: start_streams(models[name], params[name], size) for name in streamed
  }
  calls = {name: read_frame for name, (read_frame, _) in steps.items()}
  found = _time_in_turn(models, params, calls, options)
  found[streamed[-1]] |= _read_many(calls[streamed[-1]], options.frames)
  for name, (_, program) in steps.items():
    found[name] |= _count_bytes(models[name], size)
    found[name]['programs'] = program._cache_size()
  return {'conditions': conditions, 'models': found}


def start_streams(model, params, batch: int = 1) -> tuple[Callable, Callable]:
  """Starts streams of black frames.

  Returns:
    A call that reads the next frame of each and returns state and logits; and
    the jitted step.
  """
  step = functools.partial(streaming.step, model)
  program = jax.jit(step, donate_argnums=1)
  state = streaming.init(model, batch)
  cfg = model.image_model
  frame_BxHxWx3 = jnp.zeros((batch, *cfg.image_shape), cfg.dtype)

  def read_frame():
    nonlocal state
    state, logits = program(params, state, frame_BxHxWx3)
    return state, logits

  return read_frame, program


def _time_in_turn(
  models: Mapping, params: Mapping, calls: Mapping, options: Options
) -> dict[str, dict]:
  """Times steps next to the image model, and windows next to steps."""
  size, rounds = options.batch_size, options.rounds
  (image, *_), found = models, {}

  def forward(name):
    return timing.compile_forward(models[name], params[name], size)[0]

  times = timing.alternate({image: forward(image), **calls}, rounds)
  for name, seconds in times.items():
    found[name] = {
      'frame_seconds': float(np.median(seconds)) / size,
      'of_image': float(np.median(seconds / times[image])),
    }
  # Apart: after a clip the caches are cold, which would be the image model's.
  for name, read_frame in calls.items():
    runs = {'window': forward(name), 'frame': read_frame}
    times = timing.alternate(runs, rounds)
    window, frame = times['window'], times['frame']
    found[name]['window_seconds'] = float(np.median(window)) / size
    found[name]['window_of_frame'] = float(np.median(window / frame))
  return found


def _read_many(read_frame: Callable, frames: int) -> dict[str, Any]:
  """Latency of every frame of a stream, and memory before and after them."""
  (warm,) = timing.alternate({'': read_frame}, WARM_UP).values()
  expected = frames * np.median(warm)
  console.print(f'reading {frames:,} frames takes about {expected:.0f} s ...')
  gc.collect()
  before = process.read_resident_bytes()
  (seconds,) = timing.alternate({'': read_frame}, frames).values()
  after = process.read_resident_bytes()
  shares = np.percentile(seconds, SHARES).tolist()
  latency = {str(share): x for share, x in zip(SHARES, shares, strict=True)}
  return {
    'latency_seconds': latency | {'max': float(seconds.max())},
    'resident_bytes': {'before': before, 'after': after},
  }


def _count_bytes(model, batch: int) -> dict[str, Any]:
  return {
    'state_bytes': streaming.count_bytes(model),
    'batch_state_bytes': sum(streaming.count_bytes(model, batch).values()),
  }
