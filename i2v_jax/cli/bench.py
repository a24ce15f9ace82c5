"""`i2v bench`: what a config or a live stream costs, and what papers report."""

import functools
import pathlib

from i2v_jax.cli.arguments import (
  add_config,
  add_json,
  add_repeated,
  add_rounds,
  add_set,
  add_subcommands,
  refuse_given,
)
from i2v_jax.cli.numbers import count, from_0
from i2v_jax.training import shipped_configs

CONFIG = 'configs/zeroi2v_k400.py'
STREAM = 'configs/stream_folder.py'
CLASSES = 400  # of STREAM where nothing says them, as Kinetics-400 has
PUBLISHED = 'configs/published.py'
# Options of a config's costs, and of a stream's, that the other has no use for.
OF_CONFIG = ('clips', 'no_training', 'no_loader', 'measure_peak', 'count_only')
OF_STREAM = ('stream', 'frames')


def bench(args) -> None:
  if args.stream:
    bench_stream(args)
    return
  refuse_given(args, OF_STREAM, 'is an option of --stream')
  from i2v_jax.bench import table
  from i2v_jax.bench.costs import Options, measure_costs

  options = Options(
    num_classes=args.classes,
    batch_size=args.batch_size,
    rounds=args.rounds,
    clips=args.clips or Options.clips,
    training=not args.no_training,
    loader=not args.no_loader,
    measure_peak=bool(args.measure_peak),
    count_only=bool(args.count_only),
  )
  _measure(args, args.config or CONFIG, measure_costs, options, table.show)


def bench_stream(args) -> None:
  refuse_given(args, OF_CONFIG, 'does not go with --stream')
  from i2v_jax.bench import stream, stream_table

  options = stream.Options(
    num_classes=args.classes or (0 if args.config else CLASSES),
    batch_size=args.batch_size or stream.Options.batch_size,
    rounds=args.rounds,
    frames=args.frames or stream.Options.frames,
  )
  config = args.config or STREAM
  _measure(args, config, stream.measure_stream, options, stream_table.show)


def _measure(args, config: str, measure, options, show) -> None:
  """Measures a config, prints the table, and writes the file."""
  from i2v_jax.bench import table
  from i2v_jax.training import config_files

  found = {'config': config, 'set': args.set}
  found |= measure(config_files.load_config(config, args.set), options)
  path, arg = shipped_configs.split_argument(config)
  show(found, f'{pathlib.Path(path).stem} {arg}'.rstrip())
  if args.out:
    table.write(found, args.out)


def published(args) -> None:
  reason = 'does not go with published'
  refuse_given(args, (*OF_STREAM, *OF_CONFIG), reason)
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
  add_config(
    parser,
    f'Config file (default: {CONFIG}; with --stream {STREAM}, of {CLASSES} '
    'classes)',
  )
  add_set(parser, 'Change the config, such as remat=block.')
  add_json(parser, 'File for all results, including those not in the table.')
  _add_numbers(parser)
  # None is not given, so that what does not go together can be refused.
  add = functools.partial(
    parser.add_argument, action='store_true', default=None
  )
  add('--no-training', help='Do not measure the training step.')
  add('--no-loader', help='Do not measure the loader.')
  add(
    '--measure-peak',
    help='Measure the peak of the device with a matrix product, even if a '
    'peak is published.',
  )
  add(
    '--count-only',
    help='Count parameters and FLOPs; compile and run nothing.',
  )
  add(
    '--stream',
    help='Measure a new frame of a live stream next to one pass of the image '
    'model and to a clip of the last frames; its latency, state and memory.',
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
    help='Batch for throughput and training (default: the smallest that fits); '
    'with --stream, streams that share a batch (default: 1).',
  )
  add_rounds(parser, 10)
  add(
    '--clips',
    type=count,
    metavar='N',
    help='Number of clips that the loader makes (default: 64).',
  )
  add(
    '--frames',
    type=count,
    metavar='N',
    help='With --stream, frames in a row for latency and memory (default: '
    '500).',
  )


def _add_published_options(parser) -> None:
  add_config(parser, 'Config file of a sweep', PUBLISHED)
  add_repeated(parser, '--only', 'NAME', 'Take only the model of this name.')
  add_json(parser, 'File for the rows, as JSON.')
