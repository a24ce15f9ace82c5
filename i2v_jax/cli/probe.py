"""`i2v probe`: a grid of learning rates and decays on kept features."""

import argparse
import shlex
from collections.abc import Callable

from i2v_jax.cli.arguments import add_config, add_set
from i2v_jax.cli.numbers import not_negative, positive

DISK = 20.0  # GB, where the config keeps no features


def probe(args) -> int:
  from i2v_jax.runtime.console import console
  from i2v_jax.training import config_files, probe_grid

  config = config_files.load_config(args.config, args.set)
  kept = {
    'cache_gb': args.cache_gb or config['cache_gb'] or DISK,
    'clips_per_video': config['clips_per_video'] or 1,
  }
  rates = args.lr or [config['optimizer']['lr']]
  decays = args.decay or [config['optimizer']['weight_decay']]
  rows = probe_grid.train_grid(config | kept, rates, decays, args.workdir)
  best = probe_grid.find_best(rows)
  if best is None:
    console.print('every cell diverged; choose smaller learning rates')
    return 1
  console.print('the best cell as a run, on the same features:')
  console.print(_make_command(args, best, kept))
  return 0


def _make_command(args, best: dict, kept: dict) -> str:
  """Makes the command that trains a cell in the same workdir."""
  chosen = {
    'optimizer.lr': best['lr'],
    'optimizer.weight_decay': best['weight_decay'],
  }
  given = [f'--config.{setting}' for setting in args.set]
  given += [f'--config.{key}={value}' for key, value in (chosen | kept).items()]
  words = ['--config', args.config, *given, '--workdir', args.workdir]
  return f'python -m i2v_jax.main {shlex.join(words)}'


def numbers(parse: Callable[[str], float]) -> Callable[[str], list[float]]:
  """Makes a type of numbers with commas between them, none of them twice."""

  def parse_all(text: str) -> list[float]:
    values = [parse(word) for word in text.split(',')]
    if len(set(values)) < len(values):
      raise argparse.ArgumentTypeError(f'{text!r} names a number twice')
    return values

  return parse_all


def add(command) -> None:
  """Adds the command; `command` adds a subcommand."""
  sub = command(
    'probe',
    probe,
    'Train a probe of a frozen model with every pair of learning rate and '
    'decay, at once.',
  )
  add_config(
    sub,
    'Config of attentive_probe, step_probe, linear_probe or evl',
    required=True,
  )
  sub.add_argument(
    '--lr',
    type=numbers(positive),
    metavar='A,B,…',
    help="Peak learning rates (default: the config's).",
  )
  sub.add_argument(
    '--decay',
    type=numbers(not_negative),
    metavar='A,B,…',
    help="Weight decays (default: the config's).",
  )
  sub.add_argument(
    '--workdir',
    required=True,
    metavar='DIR',
    help='Folder for features and results.json.',
  )
  sub.add_argument(
    '--cache-gb',
    type=positive,
    metavar='GB',
    help=f'Disk that features may take (default: the config, or {DISK:g}).',
  )
  add_set(sub, 'Change a key of the config, such as data.root=CLIPS.')
