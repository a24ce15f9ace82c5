"""`i2v bench`: what a config costs, and what papers report."""

import pathlib

from i2v_jax.cli.arguments import (
  add_config,
  add_json,
  add_repeated,
  add_rounds,
  add_set,
  add_subcommands,
)
from i2v_jax.cli.numbers import count, from_0
from i2v_jax.training import shipped_configs

CONFIG = 'configs/zeroi2v_k400.py'
PUBLISHED = 'configs/published.py'


def bench(args) -> None:
  from i2v_jax.bench import table
  from i2v_jax.bench.costs import Options, measure_costs
  from i2v_jax.training import config_files

  options = Options(
    num_classes=args.classes,
    batch_size=args.batch_size,
    rounds=args.rounds,
    clips=args.clips,
    training=args.training,
    loader=args.loader,
    measure_peak=args.measure_peak,
    count_only=args.count_only,
  )
  config = config_files.load_config(args.config, args.set)
  found = {'config': args.config, 'set': args.set}
  found |= measure_costs(config, options)
  path, arg = shipped_configs.split_argument(args.config)
  table.show(found, f'{pathlib.Path(path).stem} {arg}'.rstrip())
  if args.out:
    table.write(found, args.out)


def published(args) -> None:
  from i2v_jax.bench import table
  from i2v_jax.bench.published import show

  rows = show(args.config, args.only)
  if args.out:
    table.write({'rows': rows}, args.out)


def add(command) -> None:
  """Adds `bench` and `bench published`; `command` adds a subcommand."""
  costs = command('bench', bench, 'Count and measure what a config costs.')
  _add_bench_options(costs)
  below = add_subcommands(costs, required=False)
  summary = 'Compare costs with those that papers report.'
  _add_published_options(below('published', published, summary))


def _add_bench_options(parser) -> None:
  add_config(parser, 'Config file', CONFIG)
  add_set(parser, 'Change the config, such as remat=block.')
  add_json(parser, 'File for all results, including those not in the table.')
  _add_numbers(parser)
  add = parser.add_argument
  switch = dict(action='store_false', default=True)
  skip = 'Do not measure the {}.'.format
  add('--no-training', dest='training', help=skip('training step'), **switch)
  add('--no-loader', dest='loader', help=skip('loader'), **switch)
  add(
    '--measure-peak',
    action='store_true',
    help='Measure the peak of the device with a matrix product, even if a '
    'peak is published.',
  )
  add(
    '--count-only',
    action='store_true',
    help='Count parameters and FLOPs; compile and run nothing.',
  )


def _add_numbers(parser) -> None:
  add = parser.add_argument
  add(
    '--classes',
    type=from_0,
    default=0,
    metavar='N',
    help='Number of classes, if the data does not state it.',
  )
  add(
    '--batch-size',
    type=count,
    metavar='N',
    help='Batch for throughput and training (default: the smallest that fits).',
  )
  add_rounds(parser, 10)
  add(
    '--clips',
    type=count,
    default=64,
    metavar='N',
    help='Number of clips that the loader makes (default: 64).',
  )


def _add_published_options(parser) -> None:
  add_config(parser, 'Config file of a sweep', PUBLISHED)
  add_repeated(parser, '--only', 'NAME', 'Take only the model of this name.')
  add_json(parser, 'File for the rows, as JSON.')
