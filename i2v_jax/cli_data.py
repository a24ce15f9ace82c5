"""`i2v data`: look at videos, check them, prepare them, measure reading."""


def bench(args) -> None:
  from i2v_jax import data_bench

  given = (args.frames, args.stride, args.clips, args.rounds, args.seed)
  data_bench.bench(args.path, *given)
  if args.against:
    data_bench.against(args.path, *given)


def add(command) -> None:
  """Adds `data` and what is below it; `command` makes a subcommand."""
  top = command('data', None, 'look at videos, check, prepare, measure them')
  below = top.add_subparsers(required=True, metavar='COMMAND')

  def sub(name, function, summary):
    found = below.add_parser(name, help=summary, description=summary)
    found.set_defaults(function=function)
    return found

  _bench(sub('bench', bench, 'measure how fast videos are read, and by whom'))


def _bench(sub) -> None:
  sub.add_argument('path', metavar='PATH', help='video, folder, or text list')
  sub.add_argument(
    '--against',
    action='store_true',
    help='read the same frames with decord, OpenCV and torchcodec',
  )
  sub.add_argument('--frames', type=int, default=8, help='of a clip')
  sub.add_argument('--stride', type=int, default=16, help='of its frames')
  sub.add_argument('--clips', type=int, default=24, help='of a round')
  sub.add_argument('--rounds', type=int, default=5, help='of measurements')
  sub.add_argument('--seed', type=int, default=0, help='of where clips start')
