"""Train, evaluate, export and share video models."""

import argparse
import runpy
import sys

import i2v_jax
from i2v_jax.cli import (
  bench,
  data,
  neighbours,
  probe,
  report,
  sweeps,
  trained,
  weights,
)
from i2v_jax.cli.arguments import add_subcommands
from i2v_jax.data.sets import places
from i2v_jax.runtime.errors import run_guarded


def train(argv) -> None:
  """Runs `python -m i2v_jax.main` with these arguments."""
  sys.argv = ['i2v train', *argv]
  runpy.run_module('i2v_jax.main', run_name='__main__', alter_sys=True)


def make_parser() -> argparse.ArgumentParser:
  """Makes the command line; every subcommand sets `function`, which runs it."""
  top = argparse.ArgumentParser('i2v', description=__doc__)
  version = f'i2v_jax {i2v_jax.__version__}'
  top.add_argument('--version', action='version', version=version)
  command = add_subcommands(top)
  command('train', None, 'Train a config, as python -m i2v_jax.main does.')
  trained.add(command)
  report.add(command)
  neighbours.add(command)
  weights.add(command)
  sweeps.add(command)
  probe.add(command)
  data.add(command)
  bench.add(command)
  return top


def main(argv=None) -> None:
  argv = sys.argv[1:] if argv is None else argv
  if argv[:1] == ['train']:  # whose flags are those of absl
    train(argv[1:])
    return
  args = make_parser().parse_args(argv)
  sys.exit(run_guarded(places.check_arguments(args.function), args))
