"""`i2v predict, features`: what is seen in videos, and when."""

import argparse
from collections.abc import Sequence
from typing import Any

from i2v_jax.cli.numbers import count, from_0, not_negative, positive, share
from i2v_jax.runtime.process import limit_arenas

RULES = ('stay', 'min_length', 'max_gap')
FORMATS = ('vtt', 'txt')  # of the files in a folder of timelines


def predict(args) -> int:
  _check(args)
  limit_arenas()
  clips = list_clips(args.clips, args.part)
  from i2v_jax.data.loading.window_spans import make_sliding
  from i2v_jax.deploy import predict, trained

  form = f'.{args.format or FORMATS[0]}'
  if args.out:
    predict.check_output(args.out, args.timeline, clips, form)
  model = trained.load(args.workdir, weights=args.weights)
  options = dict(
    spec=predict.set_views(model.spec, args.views),
    fps=args.fps,
    threads=args.threads,
    workers=args.workers,
    threshold=dict(args.threshold) or None,
  )
  if args.timeline:
    windows = dict(window=args.window, step=args.step)
    rules = find_given(args, RULES)
    job = predict.make_timeline_job(
      model, clips, **windows, rules=rules, **options
    )
  else:
    windows = make_sliding(args.window, args.step)
    job = predict.make_job(model, clips, windows, top=args.top, **options)
  return 1 if predict.run(job, args.out, args.json, form) else 0


def features(args) -> int:
  from i2v_jax.runtime.errors import UserError

  if not (args.workdir or args.weights):
    raise UserError(
      'Give --workdir for a trained model, or --weights for an image model.'
    )
  if args.workdir and args.image_size is not None:
    raise UserError('--image-size is of an image model; leave --workdir out.')
  if args.workdir and args.mirror:
    raise UserError('--mirror is of an image model; leave --workdir out.')
  limit_arenas()
  clips = list_clips(args.clips, args.part)
  from i2v_jax.deploy import features, trained
  from i2v_jax.deploy.prediction import encoders, tables

  tables.check_output(args.out, features.SUFFIXES)
  windows = args.per, args.window, args.step
  encoders.choose_per(*windows)
  options = dict(fps=args.fps, threads=args.threads, workers=args.workers)
  if args.workdir:
    model = trained.load(args.workdir, weights=args.weights)
    encoder = encoders.encode_with_run(model, *windows, **options)
  else:
    encoder = encoders.encode_with_image_model(
      args.weights,
      *windows,
      image_size=args.image_size,
      mirror=args.mirror,
      **options,
    )
  return 1 if features.write_features(encoder, clips, args.out) else 0


def list_clips(paths, part: str | None) -> list[str]:
  """Lists the videos of a command, or a part of them; notes go to stderr."""
  import sys

  from i2v_jax.data.sets import given_clips

  given = given_clips.list_clips(paths)
  for note in given.notes:
    print(note, file=sys.stderr)
  return given_clips.choose_part(given.clips, part) if part else given.clips


def _check(args) -> None:
  """Refuses options that do not go together, before anything is read."""
  from i2v_jax.data.loading.window_spans import make_sliding
  from i2v_jax.deploy.prediction.tables import find_kind
  from i2v_jax.runtime.errors import UserError

  if not args.timeline:
    reason = 'is of a timeline; give --timeline too'
    refuse_given(args, ('format', *RULES), reason)
  if args.timeline and args.top is not None:
    raise UserError('A timeline has no --top; give --threshold.')
  if args.out and args.json:
    raise UserError('--json prints, --out writes; leave one out.')
  if args.format and (not args.out or find_kind(args.out)):
    raise UserError('--format is of a folder of timelines; give it as --out.')
  if args.window is not None or not args.timeline:
    make_sliding(args.window, args.step)
  _check_thresholds([name for name, _ in args.threshold])


def _check_thresholds(names: list[str | None]) -> None:
  from i2v_jax.runtime.errors import UserError

  for name in names:
    if names.count(name) > 1:
      whose = 'all classes' if name is None else f'the class {name!r}'
      raise UserError(f'--threshold of {whose} is given twice; leave one out.')


def find_given(args, names: Sequence[str]) -> dict[str, Any]:
  """Finds those options that were given, and their values."""
  found = {name: getattr(args, name) for name in names}
  return {name: value for name, value in found.items() if value is not None}


def refuse_given(args, names: Sequence[str], reason: str) -> None:
  """Raises UserError if any of the options was given."""
  from i2v_jax.runtime.errors import UserError

  for name in find_given(args, names):
    raise UserError(f'--{name.replace("_", "-")} {reason}.')


def parse_threshold(text: str) -> tuple[str | None, float]:
  """Parses `0.4`, for all classes, or `NAME=0.4`."""
  name, found, value = text.rpartition('=')
  return name if found else None, share(value)


def add(command, *add_shared) -> None:
  """Adds the commands; `add_shared` add what other commands have too."""
  sub = command('predict', predict, 'Recognise actions in videos.')
  for add_arguments in add_shared:
    add_arguments(sub)
  add_reading(sub)
  _add_classes(sub)
  _add_timeline(sub)
  sub = command('features', features, 'Compute vectors of videos.')
  add_reading(sub)
  _add_vectors(sub)


def add_reading(sub: argparse.ArgumentParser) -> None:
  """Adds videos, and how they are read."""
  add = sub.add_argument
  add(
    'clips',
    nargs='+',
    metavar='CLIP|FOLDER|PATTERN|@LIST|-',
    help='Videos, folders of videos, patterns, lists of a path a line (.txt, '
    '.csv, or any after @), or - for such a list on stdin.',
  )
  add('--fps', type=positive, help='Frames per second of folders of frames.')
  at_once = sub.add_mutually_exclusive_group()
  at_once.add_argument(
    '--threads', type=from_0, metavar='N', help='Threads that read videos.'
  )
  at_once.add_argument(
    '--workers',
    type=from_0,
    metavar='N',
    help='Processes that read videos instead, so that a crash or hang costs '
    'one video.',
  )
  add(
    '--part',
    metavar='I/N',
    help='Take every N-th video from the I-th on, one part for each host.',
  )
  add_windows(sub, 'that slides over each video')


def add_windows(sub: argparse.ArgumentParser, what: str) -> None:
  """Adds the length of windows, and their distance."""
  add = sub.add_argument
  add(
    '--window',
    type=positive,
    metavar='SECONDS',
    help=f'Length of a window {what}.',
  )
  add(
    '--step',
    type=positive,
    metavar='SECONDS',
    help='From one window to the next (default: half a window).',
  )


def add_encoder(
  sub: argparse.ArgumentParser, of_run: str, of_image_model: str
) -> None:
  """Adds the model of vectors, with what it is used for."""
  add = sub.add_argument
  add('--workdir', default='', help=f'Trained model: {of_run}.')
  add(
    '--weights',
    default='',
    help=f'Image model: {of_image_model}. With --workdir, new place of the '
    'image weights, if they have moved.',
  )


def _add_vectors(sub: argparse.ArgumentParser) -> None:
  add_encoder(sub, 'vectors before the classifier', 'the mean over 8 frames')
  add = sub.add_argument
  add(
    '--image-size',
    type=count,
    metavar='PIXELS',
    help='Of an image model, if not that of its weights.',
  )
  add(
    '--mirror',
    action='store_true',
    help='Of an image model, average with the vectors of mirrored frames, so '
    'that a mirrored video is found as a duplicate.',
  )
  add(
    '--per',
    choices=('clip', 'window', 'frame'),
    help='What has a vector; every frame, or one each --step seconds '
    '(default: clip, and window with --window).',
  )
  add(
    '--out',
    required=True,
    metavar='FILE',
    help='File to write, .npz or .parquet; the same command resumes it.',
  )


def _add_classes(sub: argparse.ArgumentParser) -> None:
  add = sub.add_argument
  add('--json', action='store_true', help='Print a JSON object per clip.')
  add(
    '--out',
    metavar='FILE',
    help='Write .jsonl, .csv or .parquet as videos are done; the same command '
    'resumes it. For timelines also .vtt, .txt, or a folder of these.',
  )
  add(
    '--top',
    type=count,
    metavar='K',
    help='Classes of each video that has one label (default: 5).',
  )
  add(
    '--threshold',
    type=parse_threshold,
    action='append',
    default=[],
    metavar='X|NAME=X',
    help='Probability from which on a class holds, of several labels or in a '
    'timeline (default: as fitted after training, else 0.5). Can be repeated.',
  )


def _add_timeline(sub: argparse.ArgumentParser) -> None:
  add = sub.add_argument
  add(
    '--timeline',
    action='store_true',
    help='Find segments: which class, from when to when.',
  )
  add_rules(sub)
  add(
    '--format',
    choices=FORMATS,
    help='Of timelines in a folder: subtitles or a label track (default: vtt).',
  )


def add_rules(sub: argparse.ArgumentParser) -> None:
  """Adds how segments of a timeline are found."""
  add = sub.add_argument
  add(
    '--stay',
    type=share,
    metavar='SHARE',
    help='Of its threshold, down to which a segment lasts (default: 0.7).',
  )
  add(
    '--min-length',
    type=not_negative,
    metavar='SECONDS',
    help='Drop shorter segments (default: 0).',
  )
  add(
    '--max-gap',
    type=not_negative,
    metavar='SECONDS',
    help='Join segments of a class no further apart (default: 0).',
  )
