r"""Memory of a training step on a machine you do not have.

  python -m i2v_jax.bench.topology --config configs/zeroi2v_k400.py --clips 4 \
    --topology v5e:2x4 --config.mesh.frozen=data --config.remat=block

The training step is compiled from shapes: no data, no weights, no TPU. The
compiler of TPUs, which refuses what does not fit, comes with
`pip install libtpu`.
"""

import dataclasses
import json
import sys

from absl import app, flags

from i2v_jax.runtime import errors, files
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_flag

CONFIG = config_flag.define_config()
TOPOLOGY = flags.DEFINE_string(
  'topology',
  '',
  'TPUs to compile for, such as v5e:2x4. Default: the devices here.',
)
DEVICES = flags.DEFINE_integer(
  'devices', 0, 'Number of devices to use. 0: all.'
)
CLIPS = flags.DEFINE_integer('clips', 4, 'Clips of a batch per device.', 1)
CLASSES = flags.DEFINE_integer('classes', 400, 'Number of classes.', 2)
EFFORT = flags.DEFINE_float(
  'effort',
  -1.0,
  'Effort of the compiler, from -1 (quick, plans a bit more memory) to 1.',
)
OUT = flags.DEFINE_string(
  'out', '', 'File to which a line of JSON is appended.'
)


def find_devices(topology: str) -> list:
  """Finds the chips of a TPU topology, or the devices here.

  Raises:
    UserError: there is no such topology, or no libtpu.
  """
  import jax
  from jax.experimental import topologies

  if not topology:
    return jax.devices()
  try:
    found = topologies.get_topology_desc(topology, 'tpu')
  # A name that libtpu does not know, or no libtpu.
  except (RuntimeError, ValueError) as error:
    raise UserError(f'--topology {topology}: {error}') from error
  return found.devices


def measure(config, where, clips: int, num_classes: int, effort: float) -> dict:
  """Measures the memory of a training step on one device, part by part.

  Args:
    config: of an experiment; its batch size is ignored.
    where: devices, from `find_devices`.
    clips: clips of a batch per device.
    num_classes: number of classes.
    effort: of the compiler, from -1 to 1; ignored on a CPU.

  Returns:
    The fields of `memory.Bytes` and their `total`, in bytes; or `refused`, the
    compiler's message for a program that does not fit.
  """
  import jax

  from i2v_jax.runtime import compilation, sharding
  from i2v_jax.training import memory

  mesh = sharding.make_mesh(config['mesh']['model'], where)
  size = clips * mesh.size
  lowered, inputs = memory.lower_step(config, mesh, num_classes, size)
  platform = where[0].platform
  options = dict(compilation.OPTIONS.get(platform, {}))
  if platform != 'cpu':  # which has no such option
    options['exec_time_optimization_effort'] = effort
  try:
    compiled = lowered.compile(compiler_options=options)
  except jax.errors.JaxRuntimeError as error:
    return {'refused': memory.read_refusal(error)}
  found = memory.measure(compiled, inputs)
  return dataclasses.asdict(found) | {'total': found.total}


def run(argv) -> None:
  if len(argv) > 1:
    raise UserError(f'{argv[1]!r} is not a flag; flags begin with --.')
  config, where = CONFIG.value, find_devices(TOPOLOGY.value)
  where = where[: DEVICES.value or None]
  found = measure(config, where, CLIPS.value, CLASSES.value, EFFORT.value)
  said = {
    'topology': TOPOLOGY.value or where[0].platform,
    'devices': len(where),
    'clips': CLIPS.value,
    'variant': config.model.backbone.get('variant'),
    'trainable': list(config.trainable),
    'remat': config.remat,
    'mesh': config.mesh.to_dict(),
  }
  line = json.dumps(said | found)
  if OUT.value:
    with (
      files.explain_errors(OUT.value),
      open(OUT.value, 'a', encoding='utf-8') as file,
    ):
      file.write(f'{line}\n')
  print(line)
  if 'total' in found:
    parts = {k: f'{v / 2**30:.2f}' for k, v in found.items()}
    print('GiB per device:', ', '.join(f'{k} {v}' for k, v in parts.items()))


def main(argv) -> None:
  sys.exit(errors.run_guarded(run, argv))


if __name__ == '__main__':
  flags.mark_flags_as_required(['config'])
  app.run(main)
