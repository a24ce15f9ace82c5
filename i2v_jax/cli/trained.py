"""`i2v eval, detect, export, push, pull, status`: trained models."""

import pathlib

from i2v_jax.cli import (
  attention,
  prediction_arguments,
  predictions,
  stream,
)
from i2v_jax.cli.arguments import add_new_folder, find_given, refuse_given
from i2v_jax.cli.models import load_model
from i2v_jax.cli.numbers import count, positive, share
from i2v_jax.runtime.errors import UserError

TIMELINE = ('window', 'step', *prediction_arguments.RULES)
EXPORT_FORMATS = ('merged', 'full', 'adapter', 'clip', 'stablehlo')


def evaluate(args) -> None:
  from i2v_jax.data.sets import split_facts
  from i2v_jax.deploy import evaluation, predict, temporal
  from i2v_jax.deploy.prediction import timeline_rules
  from i2v_jax.runtime.console import console
  from i2v_jax.training.evaluation.kinds import find_evaluation

  model = load_model(args, args.root)
  spec = predict.set_views(model.spec, args.views)
  config, split = evaluation.load_val(model, args.proposals)
  if has_truth := temporal.has_truth(split):
    windows = timeline_rules.choose_windows(model, args.window, args.step)
    rules = find_given(args, prediction_arguments.RULES)
    rules = timeline_rules.make_rules(model, **rules)
  else:
    reason = 'is of timelines, but the data lists no segments; leave it out'
    refuse_given(args, TIMELINE, reason)
  found = evaluation.evaluate_split(model, config, split, spec)
  of = args.views or pathlib.Path(args.proposals).stem
  name = f'eval-{of}' if of else 'eval'
  kind = find_evaluation(model.model)
  folder = kind.write_evaluation(found, split, model.folder / name)
  for note in split_facts.describe_listing([split]):
    console.print(note)
  kind.print_result(found)
  if has_truth:
    timeline = temporal.evaluate_timeline(model, split, windows, rules, spec)
    temporal.write_timeline(timeline, folder)
    temporal.print_timeline(timeline)
  console.print(f'written to {folder}')


def export(args) -> None:
  if args.stream and args.format != 'stablehlo':
    raise UserError(
      f'--stream applies only to --format stablehlo, not to {args.format}; '
      'change the format, or leave --stream out.'
    )
  from i2v_jax.deploy import clip_format, stablehlo, stablehlo_stream
  from i2v_jax.deploy.export import export_adapter, export_full, export_merged

  write = {
    'merged': export_merged,
    'full': export_full,
    'adapter': export_adapter,
    'clip': clip_format.export_clip,
    'stablehlo': stablehlo_stream.export_stream_program
    if args.stream
    else stablehlo.export_program,
  }[args.format]
  write(load_model(args), args.out)


def detect(args) -> None:
  from i2v_jax.data.sets.given_boxes import read_given_boxes
  from i2v_jax.data.videos.decode import FPS
  from i2v_jax.deploy import detect
  from i2v_jax.runtime.console import console

  out = detect.check_output(args.out, args.clip, args.boxes)
  fps = args.fps or FPS
  key_frames, notes = read_given_boxes(args.boxes, args.clip, args.units)
  model = load_model(args)
  found = detect.detect(model, args.clip, key_frames, fps)
  for note in notes:
    console.print(note)
  detect.write(found, out, args.most, args.least, fps)


def push(args) -> None:
  from i2v_jax.deploy import hub

  hub.push(args.folder, args.repository)


def pull(args) -> None:
  from i2v_jax.deploy import hub

  hub.pull(args.repository, args.out)


def status(args) -> None:
  from i2v_jax.training.workdir.status import make_report

  for line in make_report(args.workdir):
    print(line)


def add(command) -> None:
  """Adds the commands; `command` makes a subcommand."""
  _add_model_commands(command)
  _add_sharing_commands(command)
  sub = command('status', status, 'Report the state of a run.')
  sub.add_argument(
    '--workdir', required=True, help='Workdir of a run, past or present.'
  )


def _add_model_commands(command) -> None:
  """Adds the commands that take a trained model."""
  predictions.add(command, _add_model, _add_views)
  attention.add(command, _add_model)
  stream.add(command, _add_model)
  again = command('eval', evaluate, 'Repeat the evaluation of a run.')
  boxed = command('detect', detect, 'Recognise actions in boxes of a video.')
  out = command('export', export, 'Export a trained model.')
  for sub in (again, boxed, out):
    _add_model(sub)
  _add_views(again)
  _add_boxes(boxed)
  prediction_arguments.add_windows(again, 'of timelines of listed segments')
  prediction_arguments.add_rules(again)
  again.add_argument(
    '--root', default='', help='New place of the data, if it has moved.'
  )
  again.add_argument(
    '--proposals',
    default='',
    metavar='FILE',
    help='File of boxes for a detector, in the folder of the data.',
  )
  add_new_folder(out)
  out.add_argument(
    '--format',
    choices=EXPORT_FORMATS,
    default='merged',
    help='Format of the export (docs/weights_out.md; default: merged).',
  )
  out.add_argument(
    '--stream',
    action='store_true',
    help='With --format stablehlo: the program that reads one frame of each '
    'stream, with the state as an argument and a result.',
  )


def _add_model(sub) -> None:
  """Adds which trained model is used."""
  sub.add_argument(
    '--workdir',
    required=True,
    help='Workdir of a run, an export, or an adapter file.',
  )
  sub.add_argument(
    '--weights',
    default='',
    help='New place of the image weights, if they have moved.',
  )


def _add_views(sub) -> None:
  sub.add_argument(
    '--views',
    metavar='CLIPSxCROPS',
    help='Test views of each video, such as 3x1.',
  )


def _add_boxes(sub) -> None:
  """Adds the arguments of `i2v detect` alone."""
  add = sub.add_argument
  add('clip', metavar='VIDEO', help='Video, or folder of its frames.')
  add(
    '--boxes',
    required=True,
    metavar='FILE.csv',
    help='Table with the columns time,x1,y1,x2,y2[,person][,score].',
  )
  add(
    '--out',
    required=True,
    metavar='FILE.csv|FILE.mp4',
    help='Table of actions, or the video with boxes and actions drawn on it.',
  )
  add(
    '--units',
    choices=('shares', 'pixels'),
    default='shares',
    help='Unit of the boxes: shares of the frame, or pixels '
    '(default: %(default)s).',
  )
  add(
    '--most',
    type=count,
    default=3,
    help='Most actions of a box (default: %(default)s).',
  )
  add(
    '--least',
    type=share,
    default=0.3,
    help='Least score of an action (default: %(default)s).',
  )
  add(
    '--fps',
    type=positive,
    help='Frames per second of a folder of frames (default: 30).',
  )


def _add_sharing_commands(command) -> None:
  """Adds the commands that take an export and a repository of a hub."""
  up = command('push', push, 'Upload an export to the Hugging Face hub.')
  up.add_argument('folder', metavar='DIR', help='Folder that i2v export wrote.')
  down = command('pull', pull, 'Download an export from the Hugging Face hub.')
  add_new_folder(down)
  up.add_argument(
    'repository',
    metavar='hf:ORG/NAME',
    help='Repository; created if it does not exist.',
  )
  down.add_argument(
    'repository', metavar='hf:ORG/NAME[@REVISION]', help='Repository to read.'
  )
