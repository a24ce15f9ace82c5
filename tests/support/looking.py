"""Models whose heads look at what is lit, and what maps sum to."""

import jax
import numpy as np
import small

from i2v_jax.models.inputs import param_shapes


def plant(model, head=0):
  """Parameters with which one head looks at lit patches, and others at all.

  Of the `imagenet` family: a lit patch is all that channel 0 of a token says,
  keys of the head tell it, and the query is the same everywhere.
  """
  params = jax.tree.map(lambda x: np.zeros(x.shape, 'f4'), param_shapes(model))
  backbone = params['backbone']
  backbone['patch']['kernel'][..., 0] = 1
  channel = head * 8
  for block in (x for name, x in backbone.items() if name[:6] == 'blocks'):
    block['ln1']['scale'] += 1
    block['attn']['k']['kernel'][0, channel] = 1
    block['attn']['q']['bias'][channel] = 40
  return params


def light(frames, places, side=16):
  """A dark clip with one lit patch in each frame, at `(row, column)`."""
  video = np.zeros((1, frames, side, side, 3), 'f4')
  for t, (y, x) in places.items():
    video[0, t, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4] = 100
  return video


def pixels(model, batch=1):
  """Noise for each of a model's inputs, by name."""
  made = small.clips(model, batch)
  return dict(zip(model.inputs, made, strict=False))


def check_sums(found):
  """Whether weights and rest sum to one as a map says, and none is below 0."""
  axes = {'places': (3, 4), 'frames': (1,), 'both': (1, 3, 4)}[found.sums_over]
  total = found.weights.sum(axes)
  if found.sums_over == 'places':
    total = total + found.rest
  if found.sums_over == 'both':
    total = total + found.rest.sum(axis=1)
  np.testing.assert_allclose(total, 1, rtol=0, atol=1e-5)
  assert found.weights.min() >= 0 and found.rest.min() >= 0
  assert found.weights.dtype == found.rest.dtype == np.float32
  assert found.frames.shape == found.weights.shape[1:2]
  assert found.rest.shape == found.weights.shape[:3]
