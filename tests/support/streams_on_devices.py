"""Reads streams on 4 emulated devices; test_stream_devices.py runs it.

Prints the largest difference of logits and ages from those of one device, for
streams that every device holds and for streams that are cut over the devices.
"""

import functools
import json

import jax
import numpy as np
import small
from jax.sharding import NamedSharding, PartitionSpec
from stepped import make_video

from i2v_jax import streaming
from i2v_jax.runtime import sharding


def read(model, params, video, place):
  """Logits and ages after 2 + 4 frames, of which some start over."""
  step = jax.jit(
    functools.partial(streaming.steps, model),
    donate_argnums=1,
    out_shardings=place,
  )
  state = jax.device_put(streaming.init(model, len(video)), place)
  reset = np.random.default_rng(1).random(video.shape[:2]) < 0.3
  found = []
  for now in (slice(0, 2), slice(2, 6)):
    frames = jax.device_put((video[:, now], reset[:, now]), place)
    state, logits = step(params, state, *frames)
    found.append(jax.device_get(logits))
    assert all(
      x.sharding.is_equivalent_to(place, x.ndim) for x in state.values()
    )
  return np.concatenate(found, axis=1), jax.device_get(state['age'])


if __name__ == '__main__':
  heads = dict(name='zeroi2v', offsets=(-1, -2), rank=4)
  model = small.build(heads, 3, temporal_embedding=False)
  params, video = small.random(model), make_video(4, 6)
  one = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  wanted, ages = read(model, params, video, one)
  mesh = sharding.make_mesh()
  assert mesh.size == 4
  whole = sharding.replicated(mesh)
  params = jax.device_put(params, whole)
  places = {
    'whole': whole,
    'cut': NamedSharding(mesh, PartitionSpec(mesh.axis_names[0])),
  }
  found = {name: read(model, params, video, x) for name, x in places.items()}
  differences = {
    name: [float(np.abs(y - wanted).max()), int(np.abs(a - ages).max())]
    for name, (y, a) in found.items()
  }
  print(json.dumps(differences))
