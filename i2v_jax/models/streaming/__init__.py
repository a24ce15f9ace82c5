"""Streaming: a new frame costs one pass of the image model, and is exact.

For the frames of a live video the clip model's own modules run on the new
frames alone; what they look at in earlier ones comes from a state of fixed
size. Where they ask for it is `before` (`i2v_jax.adapters.past`), and the mean
over frames, which for each frame is that of the last T here.

A state is a flat dict of arrays of at most 4 axes, the first of which are the
streams: `age`, frames since the start or the last reset, and earlier frames by
the place that looks at them, the oldest first. C is the frames of a call.

obstacles: why a model cannot be streamed.
past_frames: gives modules the frames before, and keeps those of the next call.
steps: the state, a step, several steps; bytes of a state.
state_file: a state on disk.
aged: training clips with frames before them, as those of a stream have.
"""

from i2v_jax.models.streaming.obstacles import check, find_obstacle
from i2v_jax.models.streaming.state_file import load, save
from i2v_jax.models.streaming.steps import (
  count_bytes,
  init,
  state_shapes,
  step,
  steps,
)

__all__ = [
  'check',
  'count_bytes',
  'find_obstacle',
  'init',
  'load',
  'save',
  'state_shapes',
  'step',
  'steps',
]
