"""Arguments of the subcommands of `i2v data`."""

from i2v_jax.cli.arguments import add_config, add_repeated, add_set
from i2v_jax.cli.numbers import count, from_0, not_negative, positive, share

# As in `sources`, which is slow to import; 'ssv2' is another spelling.
SOURCES = ('list', 'folder', 'kinetics', 'something_v2', 'ssv2')
SOURCES += ('ucf101', 'hmdb51', 'diving48', 'vidtab', 'ava', 'boxes')
SOURCES += ('segments',)


def add_show(sub) -> None:
  """Adds the arguments of `i2v data show`."""
  sub.add_argument(
    'clips',
    nargs='*',
    metavar='CLIP|FOLDER|LIST',
    help='Videos, folders, or text lists with lines `path label` '
    "(default: the config's training split, which may have boxes).",
  )
  _add_sheet(sub)
  add_config(sub, 'Config that makes the clips', 'configs/finetune_folder.py')
  add_set(sub, 'Change the config, as in clip.erasing=1.0.')
  sub.add_argument(
    '--classes',
    metavar='FILE',
    help='JSON list of class names in label order (default: class folders).',
  )
  sub.add_argument(
    '--count',
    type=count,
    default=4,
    help='Number of videos of each FOLDER or LIST, or of key frames '
    '(default: %(default)s).',
  )
  sub.add_argument(
    '--draws',
    type=from_0,
    default=3,
    help='Number of training clips of each video (default: %(default)s).',
  )


def _add_sheet(sub) -> None:
  sub.add_argument(
    '--out',
    required=True,
    metavar='FILE',
    help='Picture to write, .png or .jpg.',
  )


def add_gallery(sub) -> None:
  """Adds the arguments of `i2v data gallery`."""
  sub.add_argument('clip', metavar='CLIP', help='Video to augment.')
  sub.add_argument(
    'other', metavar='OTHER', help='Video to mix in by MixUp and CutMix.'
  )
  _add_sheet(sub)
  sub.add_argument(
    '--seed',
    type=from_0,
    default=0,
    help='Seed of the random draws (default: %(default)s).',
  )


def add_prepare(sub) -> None:
  """Adds the arguments of `i2v data prepare`."""
  add = sub.add_argument
  _add_source(sub)
  add('--out', required=True, metavar='DIR', help='The data_dir of TFDS.')
  add(
    '--name',
    default='',
    help='Name of the data set (default: name of the source).',
  )
  add(
    '--shard-mb',
    type=positive,
    default=512,
    help='Megabytes of source files per shard (default: %(default)s).',
  )
  _add_pool(sub, 600, 'video')
  add(
    '--on-bad-video',
    choices=('error', 'skip'),
    default='error',
    help='Stop at a video that does not decode, or skip it '
    '(default: %(default)s).',
  )
  _add_recipe(sub)
  add(
    '--cut',
    action='store_true',
    help='Store each segment by itself, re-encoded, not the files they are in.',
  )
  add('--beam', action='store_true', help='Stage shards on Apache Beam.')
  add(
    '--beam-options',
    default='',
    metavar='"--runner=... --..."',
    help='Pipeline options of Apache Beam. Implies --beam.',
  )


def _add_source(sub) -> None:
  sub.add_argument('root', metavar='ROOT', help='Folder of the source.')
  sub.add_argument(
    '--source',
    required=True,
    choices=SOURCES,
    help='Format of the source, see docs/datasets.md.',
  )
  add_repeated(
    sub, '--split', 'NAME', 'Split to prepare (default: train and val or test).'
  )
  add_repeated(sub, '--set', 'OPTION=VALUE', 'Option of the source.')
  sub.add_argument(
    '--on-missing',
    choices=('error', 'skip'),
    default='error',
    help='Stop at a listed video that does not exist, or skip it '
    '(default: %(default)s).',
  )


def _add_pool(sub, seconds: float, what: str) -> None:
  """Adds the options of a pool of worker processes."""
  sub.add_argument(
    '--workers',
    type=from_0,
    default=0,
    help='Number of worker processes (default: 0, one per core).',
  )
  sub.add_argument(
    '--seconds',
    type=not_negative,
    default=seconds,
    help=f'Time limit for a {what} (default: %(default)s; 0: none).',
  )


def _add_recipe(sub) -> None:
  """Adds the options of transcoding; without any, files are stored as is."""
  add = sub.add_argument
  add(
    '--short-side',
    type=count,
    metavar='PIXELS',
    help='Shrink larger videos to this short side.',
  )
  add('--gop', type=count, help='Frames between key frames (default: 16).')
  add(
    '--fps',
    type=positive,
    help='Frame rate of the copies; frames are dropped or repeated.',
  )
  add(
    '--crf', type=from_0, help='Quality of x264 (default: 20; less is better).'
  )
  add(
    '--frames',
    choices=('h264', 'jpeg'),
    help='Encode as H.264 (default), or every frame as a JPEG.',
  )
  switch = {'action': 'store_true', 'default': None}
  add('--deinterlace', **switch, help='Merge the two fields of a frame.')
  add('--square-pixels', **switch, help='Stretch the width as players would.')


def add_bench(sub) -> None:
  """Adds the arguments of `i2v data bench`."""
  sub.add_argument(
    'path',
    metavar='PATH',
    help='Video, folder, text list, or prepared set; the root with --source.',
  )
  sub.add_argument(
    '--source',
    choices=SOURCES,
    help='Format of PATH, see docs/datasets.md: spans are read of segments.',
  )
  add_repeated(sub, '--set', 'OPTION=VALUE', 'Option of the source.')
  sub.add_argument(
    '--against',
    nargs='?',
    const='',
    metavar='ORIGINAL',
    help='Read the same frames with decord, OpenCV and torchcodec, from '
    'ORIGINAL if PATH was prepared from it.',
  )
  for flag, kind, default, text in (
    ('--frames', count, 8, 'Frames per clip'),
    ('--stride', count, 16, 'Distance of the frames of a clip'),
    ('--clips', count, 24, 'Clips per round'),
    ('--rounds', count, 5, 'Rounds of measurement'),
    ('--seed', from_0, 0, 'Seed for the start of each clip'),
  ):
    sub.add_argument(
      flag, type=kind, default=default, help=f'{text} (default: {default}).'
    )


def add_check(sub) -> None:
  """Adds the arguments of `i2v data check`."""
  sub.add_argument(
    'paths', nargs='*', metavar='PATH', help='Videos, or folders of videos.'
  )
  sub.add_argument(
    '--source',
    nargs=2,
    metavar=('FORMAT', 'ROOT'),
    help='Data set to check, see docs/datasets.md.',
  )
  add_config(sub, 'Config whose data to check')
  add_set(sub, 'Option of the source, or change of the config.')
  add_repeated(
    sub, '--split', 'NAME', 'Split to check (default: train and val or test).'
  )
  sub.add_argument(
    '--out',
    required=True,
    metavar='DIR',
    help='Folder of the results; an interrupted check in it is resumed.',
  )
  sub.add_argument(
    '--features',
    metavar='FILE',
    help='Vectors of the videos, as i2v features writes them: names '
    'near-duplicates in different splits.',
  )
  sub.add_argument(
    '--duplicates',
    type=share,
    metavar='SIMILARITY',
    help='Similarity of two near-duplicates, at least (default: 0.98).',
  )
  _add_pool(sub, 120, 'file')
