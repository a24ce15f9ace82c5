"""`i2v weights`: published weights."""

from i2v_jax.cli.arguments import (
  add_config,
  add_new_folder,
  add_rounds,
  add_set,
  add_subcommands,
)
from i2v_jax.cli.numbers import count
from i2v_jax.runtime.errors import UserError


def inspect_weights(args) -> None:
  from i2v_jax.deploy import inspection
  from i2v_jax.runtime.console import console, make_facts

  rows = inspection.inspect(args.source, **_parse_arguments(args))
  console.print(make_facts(rows))


def bench_weights(args) -> None:
  from i2v_jax.runtime.console import console, make_facts
  from i2v_jax.weights import cost

  rows = cost.measure(args.source, args.rounds, **_parse_arguments(args))
  console.print(make_facts(rows))


def convert_weights(args) -> None:
  from i2v_jax.data.sets import sources
  from i2v_jax.deploy import convert
  from i2v_jax.training import config_files

  if not args.config:
    given = _parse_arguments(args) | dict(blocks=args.blocks)
    convert.convert_image_model(args.source, args.out, **given)
    return
  if args.blocks:
    raise UserError(
      '--blocks is of image models; it does not go with --config.'
    )
  if not args.classes:
    raise UserError('A video model needs its class names: give --classes.')
  config = config_files.load_config(args.config, args.set)
  names = sources.read_class_names(args.classes)
  convert.convert_release(args.source, config, names, args.out, args.which)


def _parse_arguments(args) -> dict:
  """`--which` and `--set KEY=VALUE` as keyword arguments."""
  from i2v_jax.training import config_files

  given = dict(config_files.parse_setting(text) for text in args.set)
  if taken := sorted(given.keys() & vars(args).keys() - {'which'}):
    raise UserError(
      f'--set {taken[0]} is an argument of the command; give it without --set.'
    )
  return given | (dict(which=args.which) if args.which else {})


def add(command) -> None:
  """Adds the commands; `command` makes a subcommand."""
  top = command(
    'weights', None, 'Inspect, measure or convert published weights.'
  )
  sub = add_subcommands(top)
  look = sub(
    'inspect', inspect_weights, 'Describe a file of weights and its keys.'
  )
  cost = sub('bench', bench_weights, 'Measure the time and memory of loading.')
  add_rounds(cost, 5)
  out = sub(
    'convert', convert_weights, 'Write published weights in our own format.'
  )
  for found in (look, cost, out):
    found.add_argument(
      'source',
      metavar='SOURCE',
      help='A file, a folder, or hf:ORG/NAME[@REVISION].',
    )
    changes = ' With --config, a change to the config.' if found is out else ''
    add_set(found, f'A value that the file does not state.{changes}')
    found.add_argument(
      '--which',
      choices=('ema', 'raw'),
      default='',
      help='Weights to take from a checkpoint that has both (default: ema).',
    )
  add_new_folder(out)
  out.add_argument(
    '--blocks',
    type=count,
    default=0,
    metavar='N',
    help='Keep the first N blocks of a ViT (default: all).',
  )
  add_config(out, 'Config of the experiment of a published video model')
  out.add_argument(
    '--classes', help='JSON file with the class names in label order.'
  )
