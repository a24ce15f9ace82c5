r"""Bytes that a TPU would move for a merged model, with relocated heads or not.

  python benchmarks/tpu_bytes.py --topology v5e:2x2 \
    --config configs/zeroi2v_ssv2.py:variant=Swin-B,bias=shared

The forward pass of one clip is compiled from shapes, for one chip that need not
be there: no TPU, no weights, no data. The compiler is `pip install libtpu`.
"""

import argparse
import sys

import jax
import jax.numpy as jnp
from jax.sharding import SingleDeviceSharding

from i2v_jax import adapters
from i2v_jax.bench.costs import count_classes
from i2v_jax.bench.topology import find_devices
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.runtime import errors
from i2v_jax.runtime.console import console, make_table
from i2v_jax.training import config_files, counts, experiment

COLUMNS = ('forward pass of one clip', 'GB accessed', 'temporary MiB')


def measure(model, device) -> tuple[float, float]:
  """Bytes accessed and bytes of temporaries, as the compiler counts them."""
  place = SingleDeviceSharding(device)
  dtype = model.image_model.dtype
  at = lambda x: jax.ShapeDtypeStruct(x.shape, dtype, sharding=place)
  apply = jax.jit(lambda params, *clip: model.apply({'params': params}, *clip))
  inputs = jax.tree.map(at, (param_shapes(model), *clip_shapes(model)))
  compiled = apply.lower(*inputs).compile()
  memory = compiled.memory_analysis()
  return (
    compiled.cost_analysis()['bytes accessed'],
    memory.temp_size_in_bytes,
  )


def run(argv) -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--config', required=True)
  parser.add_argument('--topology', required=True)
  args = parser.parse_args(argv[1:])
  config = experiment.to_plain(config_files.load_config(args.config))
  device, *_ = find_devices(args.topology)
  config['dtype'] = 'bfloat16'
  model = experiment.build_model(config, count_classes(config, 174))
  merged = counts.build_deployed(model)
  still = merged.clone(adapter=None, temporal_operator=None)
  rows = []
  for name, each in (('merged', merged), ('without relocation', still)):
    accessed, temporary = measure(each, device)
    rows.append((name, f'{accessed / 1e9:.3f}', f'{temporary / 2**20:.1f}'))
  title = f'{args.config}, {args.topology}, {jnp.dtype("bfloat16")}'
  console.print(make_table(title, COLUMNS, rows))
  console.print(adapters.relocated(merged))


if __name__ == '__main__':
  sys.exit(errors.run_guarded(run, sys.argv))
