"""Arguments of `i2v predict` and `i2v features`, some of other commands too."""

import argparse

from i2v_jax.cli.numbers import count, from_0, not_negative, positive, share

RULES = ('stay', 'min_length', 'max_gap')
FORMATS = ('vtt', 'txt')  # of the files in a folder of timelines


def parse_threshold(text: str) -> tuple[str | None, float]:
  """Parses `0.4`, for all classes, or `NAME=0.4`."""
  name, found, value = text.rpartition('=')
  return name if found else None, share(value)


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


def add_vectors(sub: argparse.ArgumentParser) -> None:
  """Adds the arguments of `i2v features` alone."""
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


def add_results(sub: argparse.ArgumentParser) -> None:
  """Adds the arguments of `i2v predict` alone."""
  _add_classes(sub)
  _add_timeline(sub)


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
  add_thresholds(sub)


def add_thresholds(sub: argparse.ArgumentParser) -> None:
  """Adds from which probability on a class holds."""
  sub.add_argument(
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
