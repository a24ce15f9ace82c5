r"""ZeroI2V on one GPU, against the same work in PyTorch, eager and compiled.

  python benchmarks/on_gpu.py --out on_gpu
  python benchmarks/on_gpu.py --out on_gpu --seconds 540

Forward pass (merged) and training step of ViT-B/16 and L/14, 8 frames, batches
of 8 and 64, in bfloat16; and the attention alone, XLA's and cuDNN's. Every
part has a process of its own, one after the other, so that it has the card
and its memory to itself. It first checks that its logits are those of PyTorch,
and at the end measures the matrix product that its MFU refers to. Training does
the same products on both sides; only ours draws dropout.

The folder keeps the parts and the compiled programs. The same command resumes
with what is missing or failed, and prints one table; all numbers are in
`on_gpu.json` there.
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import time

import gpu_table
import jax
from against_torch import check

from i2v_jax.bench import costs
from i2v_jax.cli.arguments import add_repeated, add_rounds, add_set
from i2v_jax.cli.numbers import count, positive
from i2v_jax.runtime import compilation, errors, files, sharding
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_files, counts, experiment, memory
from i2v_jax.training.sweeps.folders import name_folder

HERE = pathlib.Path(__file__).resolve().parent
VARIANTS = 'configs/zeroi2v_k400.py:variant='
CONFIGS = (f'{VARIANTS}B/16', f'{VARIANTS}L/14')
WORKS = ('forward, merged', 'training')
SIDES = ('torch', 'i2v')  # ours is compared with the first


def list_parts(settings, batches, compiled: bool) -> list[dict]:
  """Lists the parts of a run; those that compile longest are last."""
  shared = {key: settings[key] for key in ('set', 'rounds', 'matmul')}
  first = [(work, side) for work in WORKS for side in SIDES]
  first.append(('attention', SIDES[1]))
  last = [(work, 'compiled') for work in WORKS if compiled]
  return [
    {'model': name_model(config), 'work': work, 'batch': batch, 'side': side}
    | {'config': config}
    | shared
    for works in (first, last)
    for config in settings['flops']
    for batch in batches
    for work, side in works
  ]


def name_model(config: str) -> str:
  """`FILE:variant=B/16` -> `B/16`."""
  return config.rpartition(':')[2].removeprefix('variant=')


def settle(folder: pathlib.Path, args) -> dict:
  """Reads the settings of a folder, or counts the FLOPs and writes them.

  Raises:
    UserError: it has others, or a config has no peer in PyTorch.
  """
  path = folder / 'settings.json'
  given = {'set': args.set, 'rounds': args.rounds, 'matmul': args.matmul}
  settings = files.read_json(path) if path.exists() else given | {'flops': {}}
  for key, value in given.items():
    if settings[key] != value:
      raise UserError(
        f'{folder} was begun with --{key} {settings[key]}, not {value}; give '
        'the same, or choose another --out.'
      )
  configs = args.config or CONFIGS
  found = {
    config: settings['flops'].get(config) or count_flops(config, args.set)
    for config in configs
  }
  files.write_json(path, settings | {'flops': settings['flops'] | found})
  return settings | {'flops': found}


def count_flops(name: str, changes) -> dict[str, float]:
  """Counts the FLOPs of each work for one clip, on the CPU.

  There attention is no call of a library, into which XLA does not see.
  """
  jax.config.update('jax_platforms', 'cpu')
  config = config_files.load_config(name, changes)
  check(config)
  classes = costs.count_classes(config)
  merged = counts.build_deployed(experiment.build_model(config, classes))
  once = dict(config) | {'remat': 'none', 'accumulate': 1}
  mesh = sharding.make_mesh(devices=jax.devices()[:1])
  lowered, _ = memory.lower_step(once, mesh, classes, 1)
  forward = counts.count_costs(config, merged).view_macs
  training = compilation.count_xla_macs(lowered)
  return dict(zip(WORKS, (2 * forward, 2 * training), strict=True))


def run_parts(parts, folder: pathlib.Path, limit: float, budget: float) -> None:
  """Runs the parts that are missing, then those that failed.

  A part is started if the longest so far, at first `limit`, fits the budget.
  """
  end = time.monotonic() + budget
  todo = [part for part in parts if 'platform' not in read(part, folder)]
  todo.sort(key=lambda part: 'failed' in read(part, folder))
  rows = [read(part, folder) for part in parts]
  for i, part in enumerate(todo):
    left = end - time.monotonic()
    walls = [row['wall'] for row in rows if 'platform' in row]
    if max(walls, default=limit) > left:
      console.print(f'{left:.0f} s are left, too few for the next part')
      return
    run_part(part, folder, min(limit, left))
    rows.append(row := read(part, folder))
    what = gpu_table.describe(part)
    outcome = row.get('failed') or row.get('out_of_memory') or 'measured'
    console.print(
      f'{i + 1}/{len(todo)} {what}: {outcome} ({row["wall"]:.0f} s)'
    )


def find_file(part, folder: pathlib.Path, end: str = '.json') -> pathlib.Path:
  keys = ('config', 'work', 'batch', 'side')
  name = name_folder('-'.join(str(part[key]) for key in keys))
  return folder / 'parts' / f'{name}{end}'


def read(part, folder: pathlib.Path) -> dict:
  """Reads what a part found; empty if it has not run."""
  path = find_file(part, folder)
  return files.read_json(path) if path.exists() else {}


def run_part(part, folder: pathlib.Path, seconds: float) -> None:
  """Runs a part in its process, and writes why if that has not."""
  path, start = find_file(part, folder), time.monotonic()
  reference = find_file(part | {'side': 'torch'}, folder, '.npz')
  path.unlink(missing_ok=True)
  text = json.dumps(part | {'file': str(path), 'logits': str(reference)})
  log = find_file(part, folder, '.log')
  with log.open('w', encoding='utf-8') as file:
    try:
      code = subprocess.run(
        [sys.executable, str(HERE / 'gpu_part.py'), text],
        env=make_environment(part['side'], folder),
        stdout=file,
        stderr=subprocess.STDOUT,
        timeout=seconds,
      ).returncode
      reason = f'Its process ended with code {code}; {log} may say why.'
    except subprocess.TimeoutExpired:
      reason = (
        f'It was stopped after {seconds:.0f} s; {log} says how far it got.'
      )
  found = files.read_json(path) if path.exists() else {'failed': reason}
  files.write_json(path, found | {'wall': time.monotonic() - start})


def make_environment(side: str, folder: pathlib.Path) -> dict[str, str]:
  """Makes the environment of a part: caches, and memory of the card."""
  kept = (folder / 'compiled').absolute()
  paths = [str(HERE.parent), os.environ.get('PYTHONPATH', '')]
  defaults = {
    'JAX_COMPILATION_CACHE_DIR': str(kept / 'xla'),
    'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
    'TORCHINDUCTOR_CACHE_DIR': str(kept / 'inductor'),
  }
  if 'XLA_PYTHON_CLIENT_MEM_FRACTION' not in os.environ:  # its older name
    defaults['XLA_CLIENT_MEM_FRACTION'] = '0.92'  # not three quarters
  env = defaults | os.environ
  env['PYTHONPATH'] = os.pathsep.join(filter(None, paths))
  if side != 'i2v':
    env['JAX_PLATFORMS'] = 'cpu'  # the card is PyTorch's
  return env


def run(args) -> None:
  folder = pathlib.Path(args.out)
  (folder / 'parts').mkdir(parents=True, exist_ok=True)
  settings = settle(folder, args)
  parts = list_parts(settings, args.batch or [8, 64], args.compile)
  run_parts(parts, folder, args.limit, args.seconds)
  rows = [
    gpu_table.add_mfu(part | read(part, folder), settings['flops'])
    for part in parts
  ]
  gpu_table.show(rows)
  files.write_json(folder / 'on_gpu.json', settings | {'parts': rows})
  if missing := sum('platform' not in row for row in rows):
    raise UserError(
      f'{missing} of {len(rows)} parts have not been measured; the same '
      'command measures them.'
    )


def main(argv=None) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  add('--out', required=True, help='Folder of the run; it is resumed there.')
  help = f'Config file (default: {CONFIGS[0]} and {CONFIGS[1]}).'
  add_repeated(parser, '--config', 'FILE[:ARG]', help)
  add_set(parser, 'Change the configs.')
  add_numbers(parser)
  add(
    '--no-compile',
    dest='compile',
    action='store_false',
    help='Leave out torch.compile.',
  )
  sys.exit(errors.run_guarded(run, parser.parse_args(argv)))


def add_numbers(parser) -> None:
  add = parser.add_argument
  add(
    '--batch',
    type=count,
    action='append',
    metavar='N',
    help='Batch size (default: 8 and 64). Can be repeated.',
  )
  add_rounds(parser, 20)
  add(
    '--matmul',
    type=count,
    default=8192,
    metavar='N',
    help='Side of the matrices of the product (default: 8192).',
  )
  add(
    '--limit',
    type=positive,
    default=240,
    metavar='SECONDS',
    help='Time after which a part is stopped (default: 240).',
  )
  add(
    '--seconds',
    type=positive,
    default=math.inf,
    help='Time for all parts; none is started that may not fit.',
  )


if __name__ == '__main__':
  main()
