"""`i2v weights`: files that others published."""

from i2v_jax.cli.arguments import add_set, subcommands
from i2v_jax.cli.numbers import count
from i2v_jax.runtime.errors import UserError


def inspect_weights(args) -> None:
  from i2v_jax.deploy import inspection
  from i2v_jax.runtime.console import console

  rows = inspection.inspect(args.source, **_told(args))
  console.print(inspection.table(rows))


def bench_weights(args) -> None:
  from i2v_jax.deploy import inspection
  from i2v_jax.runtime.console import console
  from i2v_jax.weights import cost

  rows = cost.measure(args.source, args.rounds, **_told(args))
  console.print(inspection.table(rows))


def convert_weights(args) -> None:
  from i2v_jax.data.sets import sources
  from i2v_jax.deploy import convert
  from i2v_jax.training import config_files

  if not args.config:
    convert.convert_image_model(args.source, args.out, **_told(args))
    return
  if not args.classes:
    raise UserError('A video model needs its class names: give --classes.')
  config = config_files.load_config(args.config, args.set)
  names = sources.read_class_names(args.classes)
  convert.convert_release(args.source, config, names, args.out, args.which)


def _told(args) -> dict:
  """`--which` and `--set KEY=VALUE` as keyword arguments."""
  from i2v_jax.training import config_files

  told = dict(config_files.parse_setting(text) for text in args.set)
  return told | (dict(which=args.which) if args.which else {})


def add(command) -> None:
  """Adds the commands; `command` makes a subcommand."""
  top = command('weights', None, 'look into published weights, convert them')
  sub = subcommands(top)
  look = sub('inspect', inspect_weights, 'print what a file is, and its keys')
  cost = sub('bench', bench_weights, 'measure time and memory of loading')
  cost.add_argument('--rounds', type=count, default=5, help='of measurements')
  out = sub('convert', convert_weights, 'write published weights as our own')
  for found in (look, cost, out):
    found.add_argument(
      'source', metavar='SOURCE', help='file, folder, or hf:ORG/NAME[@REVISION]'
    )
    add_set(found, 'what the file does not say; with --config a change to it')
    found.add_argument(
      '--which',
      choices=('ema', 'raw'),
      default='',
      help='weights of a checkpoint that has both (ema)',
    )
  out.add_argument('--out', required=True, help='new folder')
  out.add_argument(
    '--config', metavar='FILE[:ARG]', help='of the experiment of a video model'
  )
  out.add_argument('--classes', help='JSON list of names, in label order')
