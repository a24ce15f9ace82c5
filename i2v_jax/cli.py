"""`i2v`: everything around training, one subcommand each."""

import argparse
import runpy
import sys

import i2v_jax
from i2v_jax import cli_bench, cli_data, cli_sweeps, cli_weights
from i2v_jax.cli_arguments import subcommands
from i2v_jax.cli_numbers import positive
from i2v_jax.data.sets import places
from i2v_jax.runtime.errors import guarded

FORMATS = ('merged', 'full', 'adapter', 'clip', 'stablehlo')  # of `i2v export`


def predict(args) -> int:
  from i2v_jax import predict as lib
  from i2v_jax import trained

  model = trained.load(args.workdir, weights=args.weights)
  failed = lib.predict(
    model,
    lib.files(args.clips),
    views=args.views,
    window=args.window,
    as_json=args.json,
    fps=args.fps,
  )
  return 1 if failed else 0


def evaluate(args) -> None:
  from i2v_jax import predict, trained
  from i2v_jax.runtime.console import console
  from i2v_jax.training.evaluation import evaluate as lib

  model = trained.load(args.workdir, weights=args.weights, root=args.root)
  spec = predict.with_views(model.spec, args.views)
  split, found = trained.evaluate_trained(model, spec)
  name = f'eval-{args.views}' if args.views else 'eval'
  folder = lib.write(found, split, model.folder / name)
  console.print(lib.summary(found))
  console.print(f'written to {folder}')


def export(args) -> None:
  from i2v_jax import clip_format, stablehlo, trained
  from i2v_jax import export as lib

  write = {
    'merged': lib.export,
    'full': lib.full,
    'adapter': lib.adapter,
    'clip': clip_format.export,
    'stablehlo': stablehlo.export,
  }[args.format]
  write(trained.load(args.workdir, weights=args.weights), args.out)


def push(args) -> None:
  from i2v_jax import hub

  hub.push(args.folder, args.repository)


def pull(args) -> None:
  from i2v_jax import hub

  hub.pull(args.repository, args.out)


def status(args) -> None:
  from i2v_jax.training.workdir import status as lib

  for line in lib.report(args.workdir):
    print(line)


def train(argv) -> None:
  """Does what `python -m i2v_jax.main` does with these arguments."""
  sys.argv = ['i2v train', *argv]
  runpy.run_module('i2v_jax.main', run_name='__main__', alter_sys=True)


def parser() -> argparse.ArgumentParser:
  """The command line; every subcommand calls one function of this file."""
  top = argparse.ArgumentParser('i2v', description=__doc__)
  version = f'i2v_jax {i2v_jax.__version__}'
  top.add_argument('--version', action='version', version=version)
  command = subcommands(top)
  command('train', None, 'train a config, as python -m i2v_jax.main does')
  _for_models(command)
  _for_sharing(command)
  cli_weights.add(command)
  cli_sweeps.add(command)
  cli_data.add(command)
  cli_bench.add(command)
  sub = command('status', status, 'say how the run of a workdir is doing')
  sub.add_argument('--workdir', required=True, help='of a run, past or present')
  return top


def _for_models(command) -> None:
  """The commands that take a trained model."""
  used = command('predict', predict, 'name what happens in videos')
  again = command('eval', evaluate, 'repeat the evaluation of a run')
  out = command('export', export, 'write a trained model, for us or others')
  for sub in (used, again, out):
    sub.add_argument(
      '--workdir', required=True, help='of a run, or an export, or adapter file'
    )
    sub.add_argument('--weights', default='', help='if they have moved')
  for sub in (used, again):
    sub.add_argument('--views', metavar='CLIPSxCROPS', help='such as 3x1')
  used.add_argument(
    'clips',
    nargs='+',
    metavar='CLIP|FOLDER',
    help='videos, or folders of videos',
  )
  used.add_argument(
    '--fps', type=positive, help='frames a second of folders of frames'
  )
  used.add_argument('--json', action='store_true', help='one object per clip')
  used.add_argument(
    '--window',
    type=positive,
    metavar='SECONDS',
    help='slide over long videos, half a window at a time',
  )
  again.add_argument('--root', default='', help='of the data, if it has moved')
  out.add_argument('--out', required=True, help='new folder')
  out.add_argument(
    '--format', choices=FORMATS, default='merged', help='docs/weights_out.md'
  )


def _for_sharing(command) -> None:
  """The commands that take an export and a repository of a hub."""
  up = command('push', push, 'put an export on the Hugging Face hub')
  up.add_argument('folder', metavar='DIR', help='that i2v export wrote')
  down = command('pull', pull, 'get an export from the Hugging Face hub')
  down.add_argument('--out', required=True, help='new folder')
  up.add_argument('repository', metavar='hf:ORG/NAME')
  down.add_argument('repository', metavar='hf:ORG/NAME[@REVISION]')


def main(argv=None) -> None:
  argv = sys.argv[1:] if argv is None else argv
  if argv[:1] == ['train']:  # whose flags are those of absl
    train(argv[1:])
    return
  args = parser().parse_args(argv)
  sys.exit(guarded(places.checked(args.function), args))


if __name__ == '__main__':
  main()
