"""`i2v data`: look at videos, check them, prepare them, measure reading."""


def check(args) -> int:
  from i2v_jax import checking

  if sum(map(bool, (args.paths, args.source, args.config))) != 1:
    raise ValueError('Say what to check: PATHs, --source, or --config.')
  if args.paths:
    listed = checking.of_paths(args.paths)
  elif args.config:
    listed = checking.of_config(args.config, args.set, args.split)
  else:
    from i2v_jax import variants

    options = dict(variants.parse(text) for text in args.set)
    listed = checking.of_source(*args.source, options, args.split)
  return not checking.run(listed, args.out, args.seconds, args.workers)


def add(command) -> None:
  """Adds `data` and what is below it; `command` makes a subcommand."""
  top = command('data', None, 'look at videos, check, prepare, measure them')
  below = top.add_subparsers(required=True, metavar='COMMAND')

  def sub(name, function, summary):
    found = below.add_parser(name, help=summary, description=summary)
    found.set_defaults(function=function)
    return found

  _for_checking(sub)


def _for_checking(sub) -> None:
  found = sub('check', check, 'decode every video to its end, tell what is bad')
  found.add_argument(
    'paths', nargs='*', metavar='PATH', help='videos, or folders of them'
  )
  found.add_argument(
    '--source', nargs=2, metavar=('FORMAT', 'ROOT'), help='docs/data.md'
  )
  found.add_argument(
    '--config', metavar='FILE[:ARG]', help='the data of an experiment'
  )
  repeated = dict(action='append', default=[])
  found.add_argument(
    '--set',
    metavar='KEY=VALUE',
    help='option of the source, or change of the config',
    **repeated,
  )
  found.add_argument(
    '--split', metavar='NAME', help='train and val or test', **repeated
  )
  found.add_argument(
    '--out', required=True, help='folder; the same one goes on after a stop'
  )
  found.add_argument('--seconds', type=float, default=120, help='for a file')
  found.add_argument('--workers', type=int, default=0, help='one per core')
