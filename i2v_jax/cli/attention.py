"""`i2v attention`: where a trained model looks in a video."""

import argparse

from i2v_jax.cli.models import load_model
from i2v_jax.cli.numbers import positive

PATCH = 'is not X,Y,T, three whole numbers from 0, such as 3,5,0'


def parse_patch(text: str) -> tuple[int, int, int]:
  """Parses `X,Y,T`: column and row of a patch, and frame, from 0."""
  parts = text.split(',')
  if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
    raise argparse.ArgumentTypeError(f'{text!r} {PATCH}')
  x, y, frame = map(int, parts)
  return x, y, frame


def attention(args) -> None:
  from i2v_jax.data.videos.decode import FPS
  from i2v_jax.deploy.attention import compute, outputs
  from i2v_jax.runtime.console import console
  from i2v_jax.runtime.errors import UserError

  if args.rollout and args.block is not None:
    raise UserError('--rollout goes through all blocks; leave --block out.')
  if args.out:
    outputs.check_output(args.out, args.clip)
  model = load_model(args)
  out = args.out
  if not out:
    out = outputs.name_output(model, args.clip)
    outputs.check_output(out, args.clip)
  found = compute.compute_attention(
    model,
    args.clip,
    block=-1 if args.block is None else args.block,
    at=args.at,
    weights=args.weights,
    through=args.rollout,
    fps=args.fps or FPS,
  )
  outputs.write(out, found)
  for note in found.notes:
    console.print(note)
  console.print(f'written to {out}')


def add(command, add_model) -> None:
  """Adds the command; `add_model` adds which model is used."""
  sub = command('attention', attention, 'Show where a model looks in a video.')
  add_model(sub)
  add = sub.add_argument
  add('clip', metavar='CLIP', help='Video, or folder of its frames.')
  add(
    '--out',
    metavar='FILE',
    help='Sheet (.png, .jpg), video (.mp4) or arrays (.npz) to write '
    '(default: in the workdir, attention-FOLDER-CLIP.png).',
  )
  add(
    '--block',
    type=int,
    metavar='N',
    help='Block whose attention is shown, from 0, or from the end if negative '
    '(default: -1, the last).',
  )
  add(
    '--at',
    type=parse_patch,
    metavar='X,Y,T',
    help='Query patch: its column and row, and the frame of the clip, all '
    'from 0 (default: the class token of each frame, or the mean of patches '
    'where there is none).',
  )
  add(
    '--rollout',
    action='store_true',
    help='Multiply attention through all blocks instead of showing one.',
  )
  add('--fps', type=positive, help='Frames per second of a folder of frames.')
