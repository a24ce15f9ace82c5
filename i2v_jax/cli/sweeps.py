"""`i2v sweep`, `i2v compare`: the variants of a config file, in one table."""

import pathlib

from i2v_jax.cli.arguments import add_config, add_repeated, add_rounds, add_set
from i2v_jax.cli.numbers import count
from i2v_jax.training import shipped_configs


def sweep(args) -> int:
  from i2v_jax.training import after_training, config_files
  from i2v_jax.training.sweeps.sweep import train_and_show

  found = config_files.load_variants(args.config, args.set, args.only)
  workdir = args.workdir or _name_workdir('sweep', args.config)
  rows = train_and_show(found, workdir, args.seeds, args.baseline)
  after_training.write_page(workdir)
  return int(any(row.get('error') for row in rows))


def compare(args) -> int:
  from i2v_jax.bench.compare import compare_methods, compare_steps
  from i2v_jax.training import after_training, config_files

  found = config_files.load_variants(args.config, args.set, args.only)
  workdir = args.workdir or _name_workdir('compare', args.config)
  if args.steps_only:
    compare_steps(found, workdir, args.rounds)
    return 0
  rows = compare_methods(found, workdir, args.rounds)
  after_training.write_page(workdir)
  return int(any(row.get('error') for row in rows))


def _name_workdir(command: str, config: str) -> str:
  """`runs/compare-quickstart` for `configs/quickstart.py`."""
  file, _ = shipped_configs.split_argument(config)
  return f'runs/{command}-{pathlib.Path(file).stem}'


def add(command) -> None:
  """Adds the commands; `command` adds a subcommand."""
  train = command(
    'sweep', sweep, 'Train the variants of a config and print one table.'
  )
  measure = command(
    'compare',
    compare,
    'Sweep, and measure time and memory of every variant.',
  )
  train.add_argument(
    '--seeds',
    type=count,
    default=1,
    metavar='N',
    help='Train each variant with N seeds; report mean and deviation.',
  )
  train.add_argument(
    '--baseline',
    default='',
    metavar='NAME',
    help='Compare every variant with this one, seed by seed and example by '
    'example.',
  )
  add_rounds(measure, 10)
  measure.add_argument(
    '--steps-only',
    action='store_true',
    help='Measure training steps, and train nothing.',
  )
  for sub in (train, measure):
    add_config(sub, 'Config file with a sweep(arg)', required=True)
    sub.add_argument(
      '--workdir',
      metavar='DIR',
      help='Parent of a folder per variant (default: runs/COMMAND-FILE).',
    )
    add_set(sub, 'Change every variant, such as optimizer.lr=1e-3.')
    add_repeated(sub, '--only', 'NAME', 'Take only the variant of this name.')
