"""`i2v bench`: what a config costs, and what papers say it should."""

import pathlib

from i2v_jax.cli.arguments import add_set
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
  """Adds `bench` and what is below it; `command` makes a subcommand."""
  found = command('bench', bench, 'count and measure what a config costs')
  _for_bench(found)
  below = found.add_subparsers(metavar='published')
  summary = 'compare costs with those that papers report'
  table = below.add_parser('published', help=summary, description=summary)
  table.set_defaults(function=published, config=PUBLISHED)
  table.add_argument('--config', default=PUBLISHED, metavar='FILE')
  table.add_argument('--only', action='append', default=[], metavar='NAME')
  table.add_argument('--out', metavar='FILE.json')


def _for_bench(found) -> None:
  add = found.add_argument
  add('--config', default=CONFIG, metavar='FILE[:ARG]', help='%(default)s')
  add_set(found, 'change the config, such as remat=block; repeatable')
  add('--out', metavar='FILE.json', help='everything, and more than is shown')
  add('--classes', type=from_0, default=0, help='where no data tells how many')
  add('--batch-size', type=count, help='of throughput and training')
  add('--rounds', type=count, default=10, help='of measurements (10)')
  add('--clips', type=count, default=64, help='that the loader makes (64)')
  switch = dict(action='store_false', default=True)
  add('--no-training', dest='training', help='no training step', **switch)
  add('--no-loader', dest='loader', help='no loader', **switch)
  add(
    '--measure-peak',
    action='store_true',
    help='compare with a matrix product that is measured, not with the '
    'published peak of the device',
  )
  add('--count-only', action='store_true', help='compile and run nothing')
