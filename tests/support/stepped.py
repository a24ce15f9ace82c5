"""Streams of small models, read frame by frame, against clips of the same."""

import functools
import pathlib
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
import small
from flax import linen as nn

from i2v_jax import streaming
from i2v_jax.backbones.vit import Block

T, N, RESET = 3, 7, 2  # frames of a clip and of the stream; one starts over


def listen(layers):
  """An interceptor that notes what leaves every block."""

  def note(method, args, kwargs, context):
    y = method(*args, **kwargs)
    if isinstance(context.module, Block) and context.method_name == '__call__':
      layers.append(y)
    return y

  return nn.intercept_methods(note)


def watch_clip(model, params, video):
  """All layers, and logits as they are after each frame, by the clip model."""
  layers = []
  adapter = dict(model.adapter or {}) or None
  if adapter and adapter['name'] == 'aim':
    adapter['context'] = adapter.get('context') or T  # what a clip of T sees
  whole = model.clone(num_frames=0, mean_first=False, adapter=adapter)
  apply = functools.partial(whole.apply, {'params': params})
  with listen(layers):
    tokens = apply(video, method='encode')
  logits = [
    read_out(model, params, tokens[:, : last + 1])
    for last in range(video.shape[1])
  ]
  return layers, jnp.stack(logits, axis=1)


def read_out(model, params, tokens_BxTxLxD):
  """Logits of a clip of any length, whose last T frames count."""
  ages = jnp.arange(tokens_BxTxLxD.shape[1])[::-1]
  weights = jnp.where(ages < T, 1.0, 0.0)
  if model.time_constant:
    weights = jnp.exp(-ages / model.time_constant)
  mean = lambda x: jnp.tensordot(weights / weights.sum(), x, axes=(0, 1))

  def pool(x):
    return model.apply(
      {'params': params}, x, method=lambda model, x: model.backbone.pool(x)
    )

  x = tokens_BxTxLxD.astype(jnp.float32)
  y = pool(mean(x)) if model.mean_first else mean(pool(x).astype(jnp.float32))
  return y @ params['head']['kernel'] + params['head']['bias'][None]


def watch_stream(model, params, state, frames, reset):
  layers = []
  with listen(layers):
    state, logits = streaming.steps(model, params, state, frames, reset)
  return state, layers, logits


def store(state):
  """The state after a file."""
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / 'state.safetensors'
    streaming.save(state, path)
    return streaming.load(path)


def make_video(streams, frames=N):
  rng = np.random.default_rng(0)
  return rng.standard_normal((streams, frames, 16, 16, 3), 'f4')


def check_stream(model, params, cuts, reset=None, atol=1e-5):
  """Streams against the clips that begin where they start over.

  Args:
    model: a classifier that reads frames in its blocks.
    params: its parameters.
    cuts: frames of each call.
    reset: bool [streams, frames], where each starts over; by default the second
      of two does.
    atol: of layers and logits.
  """
  if reset is None:
    reset = np.arange(N) == np.array([[-1], [RESET]])
  streams, total = reset.shape
  video = make_video(streams, total)
  spans = [
    (stream, start, stop)
    for stream in range(streams)
    for start, stop in find_spans(reset[stream])
  ]
  # Later frames change nothing of a clip, so all clips have one length.
  clips = [np.roll(video[stream], -start, axis=0) for stream, start, _ in spans]
  wanted = jax.jit(functools.partial(watch_clip, model))(
    params, np.stack(clips).astype(model.image_model.dtype)
  )
  read = jax.jit(functools.partial(watch_stream, model), donate_argnums=1)
  state, found, start = streaming.init(model, streams), [], 0
  shapes = jax.tree.map(lambda x: (x.shape, x.dtype), state)
  for cut in cuts:
    now = slice(start, start := start + cut)
    frames = video[:, now].astype(model.image_model.dtype)
    state, *seen = read(params, store(state), frames, reset[:, now])
    found.append(seen)
  assert start == total
  assert jax.tree.map(lambda x: (x.shape, x.dtype), state) == shapes
  assert all(x.ndim <= 4 for x in state.values())
  last = [find_spans(row)[-1] for row in reset]
  assert state['age'].tolist() == [stop - start for start, stop in last]

  found = jax.tree.map(lambda *x: np.concatenate(x, axis=1), *found)
  for ours, theirs in zip(
    jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True
  ):
    ours, theirs = np.asarray(ours, 'f4'), np.asarray(theirs, 'f4')
    for clip, (stream, start, stop) in zip(theirs, spans, strict=True):
      span = ours[stream, start:stop]
      np.testing.assert_allclose(span, clip[: stop - start], rtol=0, atol=atol)
  if not reset[0, 1:T].any():
    clip = video[:1, :T].astype(model.image_model.dtype)
    logits = small.apply(model, params, clip)
    np.testing.assert_allclose(found[1][0, T - 1], logits[0], rtol=0, atol=atol)
  return found


def find_spans(reset):
  """First frame, and the one after the last, between two resets."""
  starts = [0, *(n for n in np.flatnonzero(reset).tolist() if n)]
  return list(zip(starts, [*starts[1:], len(reset)], strict=True))
