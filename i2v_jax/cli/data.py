"""`i2v data`: look at videos, check them, prepare them, measure reading."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from i2v_jax.cli.arguments import add_repeated, add_set, subcommands
from i2v_jax.cli.numbers import count, from_0, not_negative, positive
from i2v_jax.runtime.errors import UserError

# As in `sources`, which takes a while to import; 'ssv2' is another spelling.
SOURCES = ('list', 'folder', 'kinetics', 'something_v2', 'ssv2')
SOURCES += ('ucf101', 'hmdb51', 'diving48')


@contextlib.contextmanager
def _explain_resuming():
  """Tells whoever stops it that what is done stays done."""
  try:
    yield
  except KeyboardInterrupt:
    words = 'the same command goes on where it was'
    raise KeyboardInterrupt(words) from None


def show(args) -> None:
  from i2v_jax.data.sets import folders, sources
  from i2v_jax.data.show import sheet
  from i2v_jax.data.show.show import (
    draw_contact_sheet,
    find_class_names,
    label_videos,
    list_clips,
    list_left_out,
  )
  from i2v_jax.runtime.console import console, progress
  from i2v_jax.training import config_files, config_ranges, experiment

  sheet.check_path(args.out)
  config = config_files.load_config(args.config, args.set)
  config = config_ranges.check(config)
  if args.classes:
    names = sources.read_class_names(args.classes)
  else:
    names = find_class_names(args.clips)
  heading = [' '.join([args.config, *args.set])]
  mixing = [f'{k} {config[k]:g}' for k in ('mixup', 'cutmix') if config[k]]
  if mixing:
    heading.append(f'{" and ".join(mixing)} follow on the device')
  videos = label_videos(list_clips(args.clips, args.count), names)
  bar, advance = progress(len(videos), 'show', 'videos')
  with bar:
    picture = draw_contact_sheet(
      _advance_each(videos, advance),
      experiment.make_clip_spec(config, names),
      seed=config['seed'],
      draws=args.draws,
      heading=heading,
      class_names=names,
    )
  sheet.write(args.out, picture)
  if files := list_left_out(args.clips):
    console.print(folders.describe_left_out(files))
  console.print(f'written to {args.out}')


def _advance_each(items: Iterable, advance: Callable) -> Iterator:
  for item in items:
    yield item
    advance()


def gallery(args) -> None:
  from i2v_jax.data.show import sheet
  from i2v_jax.runtime.console import console
  from i2v_jax.training.gallery import draw_gallery

  sheet.check_path(args.out)
  sheet.write(args.out, draw_gallery(args.clip, args.other, args.seed))
  console.print(f'written to {args.out}')


def prepare(args) -> None:
  from i2v_jax.data.prepare import command
  from i2v_jax.data.prepare.job import Job
  from i2v_jax.training import config_files

  with _explain_resuming():
    job = Job(
      args.out,
      args.source.replace('ssv2', 'something_v2'),
      args.root,
      args.split,
      name=args.name,
      options=dict(config_files.parse_setting(text) for text in args.set),
      on_missing=args.on_missing,
      on_bad_video=args.on_bad_video,
      recipe=make_recipe(vars(args)),
      shard_mb=args.shard_mb,
    )
    beam = args.beam_options if args.beam or args.beam_options else None
    command.run(job, args.workers, args.seconds, beam)


def bench(args) -> None:
  from i2v_jax.data.bench import command

  given = (args.frames, args.stride, args.clips, args.rounds, args.seed)
  command.bench(args.path, *given)
  if args.against is not None:
    command.compare(args.path, args.against or args.path, *given)


def check(args) -> int:
  from i2v_jax.data.check import all_videos

  if sum(map(bool, (args.paths, args.source, args.config))) != 1:
    raise UserError('Say what to check: PATHs, --source, or --config.')
  if args.paths and (args.set or args.split):
    raise UserError(
      '--set and --split are for --source and --config: drop them, or PATHs'
    )
  with _explain_resuming():
    listed = _list_videos(args)
    return not all_videos.run(listed, args.out, args.seconds, args.workers)


def _list_videos(args):
  from i2v_jax.data.check import all_videos

  if args.paths:
    return all_videos.list_paths(args.paths)
  if args.config:
    return list_config(args.config, args.set, args.split)

  from i2v_jax.training import config_files

  options = dict(config_files.parse_setting(text) for text in args.set)
  return all_videos.list_source(*args.source, options, args.split)


def list_config(file: str, settings: Sequence[str], splits: Sequence[str] = ()):
  """The splits that a config trains and tests on, and the clips it takes."""
  from i2v_jax.data.check import all_videos
  from i2v_jax.training import config_files, experiment

  config = config_files.load_config(file, settings)
  data = config['data']
  splits = splits or (data['train'], data['val'])
  options = {'fps': data['fps']} | dict(data['options'])
  listed = all_videos.list_source(data['format'], data['root'], options, splits)
  return dataclasses.replace(listed, spec=experiment.make_clip_spec(config))


def make_recipe(given: Mapping):
  """What a command line says of transcoding; None if it says nothing."""
  from i2v_jax.data.videos import transcode

  names = [field.name for field in dataclasses.fields(transcode.Recipe)]
  told = {name: given.get(name) for name in names}
  told = {name: value for name, value in told.items() if value is not None}
  if told.get('frames') == 'jpeg' and told.keys() & {'gop', 'crf'}:
    raise UserError('Every frame of jpeg is a key frame: drop --gop and --crf.')
  return transcode.Recipe(**told) if told else None


def add(command) -> None:
  """Adds `data` and what is below it; `command` makes a subcommand."""
  top = command('data', None, 'look at videos, check, prepare, measure them')
  sub = subcommands(top)
  _add_show(sub('show', show, 'draw what a model sees of videos'))
  _add_gallery(sub('gallery', gallery, 'draw a frame under each augmentation'))
  _add_prepare(sub('prepare', prepare, 'verify videos, write TFDS shards'))
  _add_bench(
    sub('bench', bench, 'measure how fast videos are read, and by whom')
  )
  _add_check(
    sub('check', check, 'decode every video to its end, tell what is bad')
  )


def _add_show(found) -> None:
  found.add_argument(
    'clips',
    nargs='+',
    metavar='CLIP|FOLDER|LIST',
    help='LIST.txt: lines `path label`',
  )
  found.add_argument('--out', required=True, help='.png or .jpg')
  found.add_argument(
    '--config',
    default='configs/finetune_folder.py',
    metavar='FILE[:ARG]',
    help='default: %(default)s',
  )
  add_set(found, 'change the config, such as clip.erasing=1.0; repeatable')
  found.add_argument(
    '--classes',
    help='JSON list of names in label order (the class folders)',
  )
  found.add_argument(
    '--count', type=count, default=4, help='videos of a FOLDER or LIST (4)'
  )
  found.add_argument(
    '--draws', type=from_0, default=3, help='training clips of each (3)'
  )


def _add_gallery(found) -> None:
  found.add_argument('clip', metavar='CLIP')
  found.add_argument('other', metavar='OTHER', help='mixed into it')
  found.add_argument('--out', required=True, help='.png or .jpg')
  found.add_argument('--seed', type=from_0, default=0, help='of what is drawn')


def _add_prepare(sub) -> None:
  add, policies = sub.add_argument, ('error', 'skip')
  add('root', metavar='ROOT', help='folder of the source')
  add('--source', required=True, choices=SOURCES, help='docs/data.md')
  add('--split', action='append', default=[], help='train and val or test')
  add('--set', action='append', default=[], metavar='OPTION=VALUE')
  add('--on-missing', choices=policies, default='error')
  add('--out', required=True, metavar='DIR', help='data_dir of TFDS')
  add('--name', default='', help='of the data set; that of the source')
  add(
    '--shard-mb', type=positive, default=512, help='of files in a shard (512)'
  )
  add('--workers', type=from_0, default=0, help='one per core')
  add('--seconds', type=not_negative, default=600, help='for a video (600)')
  add('--on-bad-video', choices=policies, default='error')
  add(
    '--short-side', type=count, metavar='PIXELS', help='shrink what is larger'
  )
  add('--gop', type=count, help='a key frame every GOP frames (16)')
  add('--fps', type=positive, help='of the copies; drops, repeats frames')
  add('--crf', type=from_0, help='quality of x264 (20); less is better')
  add('--frames', choices=('h264', 'jpeg'), help='jpeg: an image each')
  switch = {'action': 'store_true', 'default': None}
  add('--deinterlace', **switch, help='make one frame of two fields')
  add('--square-pixels', **switch, help='stretch what players stretch')
  add('--beam', action='store_true', help='stage shards on Apache Beam')
  add('--beam-options', default='', metavar='"--runner=... --..."')


def _add_bench(found) -> None:
  found.add_argument('path', metavar='PATH', help='video, folder, or text list')
  found.add_argument(
    '--against',
    nargs='?',
    const='',
    metavar='ORIGINAL',
    help='read the same frames with decord, OpenCV and torchcodec, out of '
    'ORIGINAL if PATH was made of it',
  )
  found.add_argument('--frames', type=count, default=8, help='of a clip')
  found.add_argument('--stride', type=count, default=16, help='of its frames')
  found.add_argument('--clips', type=count, default=24, help='of a round')
  found.add_argument('--rounds', type=count, default=5, help='of measurements')
  found.add_argument(
    '--seed', type=from_0, default=0, help='of where clips start'
  )


def _add_check(found) -> None:
  found.add_argument(
    'paths', nargs='*', metavar='PATH', help='videos, or folders of them'
  )
  found.add_argument(
    '--source', nargs=2, metavar=('FORMAT', 'ROOT'), help='docs/datasets.md'
  )
  found.add_argument(
    '--config', metavar='FILE[:ARG]', help='the data of an experiment'
  )
  add_set(found, 'option of the source, or change of the config')
  add_repeated(found, '--split', 'NAME', 'train and val or test')
  found.add_argument(
    '--out', required=True, help='folder; the same one goes on after a stop'
  )
  found.add_argument(
    '--seconds', type=not_negative, default=120, help='for a file'
  )
  found.add_argument('--workers', type=from_0, default=0, help='one per core')
