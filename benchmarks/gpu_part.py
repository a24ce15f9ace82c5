"""One part of `on_gpu.py`, in a process that has the card to itself.

Its argument is the part as JSON; what it finds goes to the part's file. A part
is one work of one model, batch and side.
"""

import json
import math
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
from against_torch import check_same
from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax.bench import costs, timing
from i2v_jax.bench.measure import draw_params, make_step
from i2v_jax.models.inputs import clip_shapes, full_precision_of
from i2v_jax.runtime import compilation, device_memory, errors, files, sharding
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_files, counts, experiment, memory

TOLERANCE = {'float32': 1e-3, 'bfloat16': 0.03}  # of the largest logit
CHECKED = 8  # clips whose logits are compared


def measure(part) -> dict:
  """Measures a part; running out of memory is a result."""
  config = config_files.load_config(part['config'], part['set'])
  if part['side'] == 'i2v':
    return measure_ours(part, config)
  import gpu_peer

  model = build(part, config, gpu_peer.find_platform())
  return gpu_peer.measure(part, model, draw_clips(model, part['batch']))


def build(part, config, platform: str = ''):
  """Builds the model of a part, merged for its forward pass."""
  classes = costs.count_classes(config)
  model = experiment.build_model(config, classes, platform)
  merged = part['work'] == 'forward, merged'
  return counts.build_deployed(model) if merged else model


def draw_weights(model) -> dict:
  """Draws weights under which the logits tell every part of the model.

  Norms keep the size of what they are given, and attention is selective: in
  bfloat16 both sides agree to 0.6 % of the largest logit with B/16 (L/14: 0.7),
  and differ by 9 % if heads are not relocated.
  """
  flat = flatten_dict(draw_params(model, {}), sep='/')
  for path, x in flat.items():
    if path.endswith('/scale'):
      flat[path] = x + 1
    elif '/attn/' in path and path.endswith('/kernel'):
      flat[path] = x * (50 / math.sqrt(len(x)))  # drawn with 0.02
  return unflatten_dict(flat, sep='/')


def draw_clips(model, batch: int) -> np.ndarray:
  """Draws clips `B x T x H x W x 3`, the same for every side."""
  shape = clip_shapes(model, batch)[0].shape
  return np.random.default_rng(1).standard_normal(shape, 'f4')


def measure_ours(part, config) -> dict:
  """Measures a work, or attention alone, in JAX."""
  model = build(part, config)
  found = {'platform': jax.default_backend(), 'version': jax.__version__}
  found['device'] = jax.devices()[0].device_kind
  try:
    if part['work'] == 'attention':
      import gpu_attention

      return found | gpu_attention.measure(part, model)
    return found | measure_work(part, config, model)
  except jax.errors.JaxRuntimeError as error:
    return found | {'out_of_memory': memory.read_refusal(error)}


def measure_work(part, config, model) -> dict:
  """Measures our forward pass or training step; first compares logits."""
  dtype, training = model.image_model.dtype, part['work'] == 'training'
  clips = draw_clips(model, part['batch'])
  call, program = make_forward(model, clips[:CHECKED] if training else clips)
  check_logits(part, call(), np.dtype(dtype).name)
  if training:
    call, program = make_training(config, part['batch'])
  times = timing.alternate({'': call}, part['rounds'])['']
  return {
    'seconds': float(np.median(times)),
    # As allocated since the process began, which includes what the compiler
    # tried; and as planned for the program alone.
    'peak_bytes': device_memory.read_device_peak_bytes(),
    'planned_bytes': compilation.read_peak_bytes(program),
    'matmul_flops': measure_matmul(dtype, part['matmul'], part['rounds']),
  }


def make_forward(model, clips: np.ndarray):
  """Makes a call of the forward pass; returns it and its program."""
  params = draw_weights(model)
  program = timing.compile_forward(model, params, len(clips))[1]
  placed = (jnp.asarray(clips, model.image_model.dtype),)
  return lambda: program(params, placed), program


def make_training(config, batch: int):
  """Makes a call of the training step on one device, with its program."""
  mesh = sharding.make_mesh(devices=jax.devices()[:1])
  classes = costs.count_classes(config)
  lowered, inputs = memory.lower_step(config, mesh, classes, batch)
  program = compilation.compile_lowered(lowered, mesh, 'the training step')
  return make_step(program, inputs), program


def check_logits(part, ours, dtype: str) -> None:
  """Compares our logits with those that the part of PyTorch has written.

  Raises:
    UserError: there are none, they are of another kind of device, or differ.
  """
  path = pathlib.Path(part['logits'])
  if not path.exists():
    raise UserError(
      'There are no logits of PyTorch to compare with; its part of this work '
      'and batch comes first, see why that failed.'
    )
  with np.load(path) as stored:
    logits, platform = stored['logits'], str(stored['platform'])
  if platform != jax.default_backend():
    raise UserError(
      f'JAX computes on a {jax.default_backend()} and PyTorch on a {platform}; '
      'install both for the same device.'
    )
  check_same(np.asarray(ours)[:CHECKED], logits, TOLERANCE[dtype])


def measure_matmul(dtype, side: int, rounds: int) -> float:
  """Measures the FLOP/s of a product of square matrices of random values."""
  x = jax.random.normal(jax.random.key(0), (side, side)).astype(dtype)
  with full_precision_of(dtype):
    product = jax.jit(jnp.matmul).lower(x, x).compile()
  times = timing.alternate({'': lambda: product(x, x)}, rounds)['']
  return 2 * side**3 / float(np.median(times))


def main(text: str) -> int:
  """Measures a part and writes what it found, or the sentence of its error."""
  part = json.loads(text)
  try:
    found = measure(part)
  except Exception as error:  # the table names it, the log has the traceback
    found = {'failed': errors.report_failure(error)}
  files.write_json(part['file'], found)
  return int('failed' in found)


if __name__ == '__main__':
  sys.exit(main(sys.argv[1]))
