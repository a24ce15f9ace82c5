"""`i2v data`: look at videos, check them, prepare them, measure reading."""

import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from i2v_jax.cli import data_arguments
from i2v_jax.cli.arguments import add_subcommands
from i2v_jax.runtime.errors import UserError


@contextlib.contextmanager
def _explain_resuming():
  """Says on Ctrl-C that the same command resumes."""
  try:
    yield
  except KeyboardInterrupt:
    raise KeyboardInterrupt('run the same command again to resume') from None


def show(args) -> None:
  from i2v_jax.data.show import sheet
  from i2v_jax.runtime.console import console
  from i2v_jax.training import config_files, config_ranges

  sheet.check_path(args.out)
  config = config_files.load_config(args.config, args.set)
  config = config_ranges.check_ranges(config)
  heading = [' '.join([args.config, *args.set])]
  mixing = [f'{k} {config[k]:g}' for k in ('mixup', 'cutmix') if config[k]]
  if mixing:
    heading.append(f'{" and ".join(mixing)} follow on the device')
  options = dict(seed=config['seed'], draws=args.draws, heading=heading)
  draw = _show_clips if args.clips else _show_split
  sheet.write(args.out, draw(args, config, options))
  console.print(f'written to {args.out}')


def _show_clips(args, config, options):
  """Draws the clips of a command line; names the files that are left out."""
  from i2v_jax.data.sets import folders, sources
  from i2v_jax.data.show import picked, show
  from i2v_jax.runtime.console import console
  from i2v_jax.training import experiment

  if args.classes:
    names = sources.read_class_names(args.classes)
  else:
    names = picked.find_class_names(args.clips)
  videos = picked.label_videos(picked.list_clips(args.clips, args.count), names)
  spec = experiment.make_clip_spec(config, names)
  picture = _draw_each(
    show.draw_contact_sheet, videos, spec, class_names=names, **options
  )
  if files := picked.list_left_out(args.clips):
    console.print(folders.describe_left_out(files))
  return picture


def _show_split(args, config, options):
  """Draws examples of the training split of a config."""
  from i2v_jax.data.show import boxed, picked, show
  from i2v_jax.training import experiment

  if args.classes:
    raise UserError(
      '--classes names the classes of CLIPs; drop it, as the data of the '
      'config has its own, or name CLIPs.'
    )
  split = experiment.load_split(config, 'train')
  names = split.class_names
  spec = experiment.make_clip_spec(config, names)
  if split.key_frames is None:
    videos = picked.list_split(split, args.count)
    draw = show.draw_contact_sheet
    options = options | {'class_names': names, 'fps': split.fps}
  else:
    videos = picked.spread(len(split), args.count)
    draw = functools.partial(boxed.draw_contact_sheet, split)
  return _draw_each(draw, videos, spec, **options)


def _draw_each(draw: Callable, videos: Sequence, spec, **options):
  """Calls `draw` under a bar that goes on with each video."""
  from i2v_jax.runtime.console import make_progress

  bar, advance = make_progress(len(videos), 'show', 'videos')
  with bar:
    return draw(_advance_each(videos, advance), spec, **options)


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

  with _explain_resuming():
    job = Job(
      args.out,
      _rename(args.source),
      args.root,
      args.split,
      name=args.name,
      options=_parse_settings(args.set),
      on_missing=args.on_missing,
      on_bad_video=args.on_bad_video,
      recipe=make_recipe(vars(args)),
      shard_mb=args.shard_mb,
      cut=args.cut,
    )
    beam = args.beam_options if args.beam or args.beam_options else None
    command.run(job, args.workers, args.seconds, beam)


def bench(args) -> None:
  from i2v_jax.data.bench import command

  given = (args.frames, args.stride, args.clips, args.rounds, args.seed)
  command.bench(_load_measured(args), *given)
  if args.against is not None:
    command.compare(args.path, args.against or args.path, *given)


def _load_measured(args):
  """Loads the videos or segments of `i2v data bench`."""
  from i2v_jax.data.bench import measure

  if args.source is None:
    if args.set:
      raise UserError('--set needs --source: drop it, or name the source')
    return measure.load_videos(args.path)
  if args.against is not None:
    raise UserError(
      '--against compares complete videos, without --source: name the videos, '
      'or drop --against'
    )
  options = _parse_settings(args.set)
  return measure.load_source(_rename(args.source), args.path, options)


def _parse_settings(settings: Iterable[str]) -> dict[str, Any]:
  """Parses `OPTION=VALUE`s."""
  from i2v_jax.training import config_files

  return dict(map(config_files.parse_setting, settings))


def _rename(source: str) -> str:
  """Gives a source the name that `sources` knows."""
  return source.replace('ssv2', 'something_v2')


def check(args) -> int:
  from i2v_jax.data.check import all_videos, report

  if sum(map(bool, (args.paths, args.source, args.config))) != 1:
    raise UserError(
      'Name what to check by PATHs, --source or --config, one of the three.'
    )
  if args.paths and (args.set or args.split):
    raise UserError(
      '--set and --split need --source or --config: drop them, or the PATHs'
    )
  vectors = _read_vectors(args)
  with _explain_resuming():
    with report.keep_problems(pathlib.Path(args.out)):
      listed = _list_videos(args)
    given = args.out, args.seconds, args.workers
    return not all_videos.run(listed, *given, vectors)


def _read_vectors(args):
  """Reads --features, by which near-duplicates are found."""
  if args.features is None:
    if args.duplicates is not None:
      raise UserError('--duplicates needs vectors; give --features.')
    return None
  from i2v_jax.data.check.near_duplicates import SIMILARITY, Vectors
  from i2v_jax.data.sets import feature_files

  features = feature_files.read(args.features)
  least = SIMILARITY if args.duplicates is None else args.duplicates
  return Vectors(features, least)


def _list_videos(args):
  from i2v_jax.data.check import all_videos

  if args.paths:
    return all_videos.list_paths(args.paths)
  if args.config:
    return list_config(args.config, args.set, args.split)
  options = _parse_settings(args.set)
  return all_videos.list_source(*args.source, options, args.split)


def list_config(file: str, settings: Sequence[str], splits: Sequence[str] = ()):
  """Lists the splits of a config, and how it makes clips."""
  from i2v_jax.data.check import all_videos
  from i2v_jax.training import config_files, experiment

  config = config_files.load_config(file, settings)
  data = config['data']
  splits = splits or (data['train'], data['val'])
  options = {'fps': data['fps']} | dict(data['options'])
  listed = all_videos.list_source(data['format'], data['root'], options, splits)
  chosen = {
    name: experiment.choose_examples(
      config, split, 'train' if name == data['train'] else 'val'
    )
    for name, split in listed.splits.items()
  }
  spec = experiment.make_clip_spec(config)
  return dataclasses.replace(listed, splits=chosen, spec=spec)


def make_recipe(given: Mapping):
  """Makes the recipe of a command line; None if it has no such option."""
  from i2v_jax.data.videos import transcode

  names = [field.name for field in dataclasses.fields(transcode.Recipe)]
  values = {name: given.get(name) for name in names}
  values = {name: value for name, value in values.items() if value is not None}
  if values.get('frames') == 'jpeg' and values.keys() & {'gop', 'crf'}:
    raise UserError('Every frame of jpeg is a key frame: drop --gop and --crf.')
  return transcode.Recipe(**values) if values else None


def add(command) -> None:
  """Adds `data` and its subcommands; `command` makes a subcommand."""
  top = command('data', None, 'Look at videos, check, prepare and time them.')
  sub = add_subcommands(top)
  data_arguments.add_show(
    sub('show', show, 'Draw the clips that a model sees.')
  )
  data_arguments.add_gallery(
    sub('gallery', gallery, 'Draw a frame under each augmentation.')
  )
  data_arguments.add_prepare(
    sub('prepare', prepare, 'Verify videos and write TFDS shards.')
  )
  data_arguments.add_bench(
    sub('bench', bench, 'Measure how fast videos are read.')
  )
  data_arguments.add_check(
    sub('check', check, 'Decode every video to its end and report problems.')
  )
