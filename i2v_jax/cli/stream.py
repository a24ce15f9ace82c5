"""`i2v stream`: what cameras and other live sources show."""

import argparse

from i2v_jax.cli import prediction_arguments, predictions
from i2v_jax.cli.arguments import find_given
from i2v_jax.cli.models import load_model
from i2v_jax.cli.numbers import not_negative, positive

SIZE = 'is not WIDTHxHEIGHT in pixels, such as 640x480'
LARGEST = 1 << 14  # pixels of a side


def parse_size(text: str) -> tuple[int, int]:
  """Parses `640x480`: width and height in pixels."""
  sides = text.split('x')
  valid = [side.isascii() and side.isdigit() for side in sides]
  if not (len(sides) == 2 and all(valid)):
    raise argparse.ArgumentTypeError(f'{text!r} {SIZE}')
  width, height = map(int, sides)
  if not (0 < width <= LARGEST and 0 < height <= LARGEST):
    raise argparse.ArgumentTypeError(f'{text!r} {SIZE}, up to {LARGEST}')
  return width, height


def stream(args) -> int:
  predictions.check_thresholds(args.threshold)
  from i2v_jax.data.live.sources import find_sources
  from i2v_jax.deploy.stream import command, event_file, server

  find_sources(args.sources)
  if args.out:
    event_file.check_output(args.out)
  if args.serve:
    server.parse_address(args.serve)
  failed = command.stream(
    load_model(args),
    args.sources,
    out=args.out,
    serve=args.serve,
    gap=args.gap,
    threshold=dict(args.threshold) or None,
    rules=find_given(args, prediction_arguments.RULES),
    rate=args.rate,
    fps=args.fps,
    raw=args.raw,
    fast=args.fast,
  )
  return 1 if failed else 0


def add(command, add_model) -> None:
  """Adds the command; `add_model` adds which model is used."""
  sub = command(
    'stream', stream, 'Recognise what cameras and other live sources show.'
  )
  add_model(sub)
  _add_sources(sub)
  _add_results(sub)


def _add_sources(sub: argparse.ArgumentParser) -> None:
  add = sub.add_argument
  add(
    'sources',
    nargs='+',
    metavar='SOURCE',
    help='Files, folders of frames, cameras (/dev/video0), addresses '
    '(rtsp://, http://, udp://), or - for stdin: JPEG after JPEG, or --raw.',
  )
  add(
    '--fast',
    action='store_true',
    help='Read files, folders and stdin as fast as the model takes them, '
    'without dropping frames, instead of at the pace of their times.',
  )
  add(
    '--rate',
    type=positive,
    metavar='FPS',
    help='Frames a second that the model sees (default: those of its training '
    'videos, or of the source if the run does not say them, divided by the '
    'stride of the training clips).',
  )
  add(
    '--fps',
    type=positive,
    help='Frames a second of folders of frames (default: 30) and of stdin '
    '(default: frames have the time at which they arrive).',
  )
  add(
    '--raw',
    type=parse_size,
    metavar='WIDTHxHEIGHT',
    help='Size of raw RGB frames on stdin, a byte for each of red, green and '
    'blue.',
  )
  add(
    '--gap',
    type=not_negative,
    default=0.0,
    metavar='SECONDS',
    help='A stream starts over after so long without a frame (default: the '
    'length of a training clip).',
  )


def _add_results(sub: argparse.ArgumentParser) -> None:
  prediction_arguments.add_thresholds(sub)
  prediction_arguments.add_rules(sub)
  add = sub.add_argument
  add(
    '--out',
    metavar='FILE.jsonl',
    help='Append a line for each class that begins or ends.',
  )
  add(
    '--serve',
    metavar='[HOST:]PORT',
    help='Serve a page with the live picture, scores and events, /events and '
    '/metrics; without HOST on this machine only, and with another one '
    'behind a token, which is printed.',
  )
