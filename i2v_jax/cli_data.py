"""`i2v data`: look at videos, check them, prepare them, measure reading."""

# As in `sources`, which takes a while to import; 'ssv2' is another spelling.
SOURCES = ('list', 'folder', 'kinetics', 'something_v2', 'ssv2')
SOURCES += ('ucf101', 'hmdb51', 'diving48')


def prepare(args) -> None:
  from i2v_jax import preparing, variants
  from i2v_jax.data import prepare as lib

  job = lib.Job(
    args.out,
    args.source.replace('ssv2', 'something_v2'),
    args.root,
    args.split,
    name=args.name,
    options=dict(variants.parse(text) for text in args.set),
    on_missing=args.on_missing,
    on_bad_video=args.on_bad_video,
    recipe=preparing.recipe(vars(args)),
    shard_mb=args.shard_mb,
  )
  beam = args.beam_options if args.beam or args.beam_options else None
  preparing.run(job, args.workers, args.seconds, beam)


def add(command) -> None:
  """Adds `data` and what is below it; `command` makes a subcommand."""
  top = command('data', None, 'look at videos, check, prepare, measure them')
  below = top.add_subparsers(required=True, metavar='COMMAND')

  def sub(name, function, summary):
    found = below.add_parser(name, help=summary, description=summary)
    found.set_defaults(function=function)
    return found

  _prepare(
    sub('prepare', prepare, 'verify videos and write them as TFDS shards')
  )


def _prepare(sub) -> None:
  add, policies = sub.add_argument, ('error', 'skip')
  add('root', metavar='ROOT', help='folder of the source')
  add('--source', required=True, choices=SOURCES, help='docs/data.md')
  add('--split', action='append', default=[], help='train and val or test')
  add('--set', action='append', default=[], metavar='OPTION=VALUE')
  add('--on-missing', choices=policies, default='error')
  add('--out', required=True, metavar='DIR', help='data_dir of TFDS')
  add('--name', default='', help='of the data set; that of the source')
  add('--shard-mb', type=float, default=512, help='of files in a shard (512)')
  add('--workers', type=int, default=0, help='one per core')
  add('--seconds', type=float, default=600, help='for a video (600)')
  add('--on-bad-video', choices=policies, default='error')
  add('--short-side', type=int, metavar='PIXELS', help='shrink what is larger')
  add('--gop', type=int, help='a key frame every GOP frames (16)')
  add('--fps', type=float, help='drop or repeat frames')
  add('--crf', type=int, help='quality of x264 (20); less is better')
  add('--frames', choices=('h264', 'jpeg'), help='jpeg: an image each')
  add('--beam', action='store_true', help='stage shards on Apache Beam')
  add('--beam-options', default='', metavar='"--runner=... --..."')
