"""ZeroI2V on a CPU, in turn with the same work in plain PyTorch.

  python benchmarks/against_torch.py --rounds 20

Each side has a process of its own, so that they share neither threads nor
memory; they take turns, one call at a time.
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from i2v_jax import adapters
from i2v_jax.adapters import zeroi2v
from i2v_jax.bench import costs, table
from i2v_jax.bench.measure import draw_params
from i2v_jax.cli.arguments import add_config, add_json, add_rounds, add_set
from i2v_jax.cli.bench import CONFIG
from i2v_jax.cli.numbers import from_0
from i2v_jax.models.build import build, merge
from i2v_jax.runtime import errors, files
from i2v_jax.runtime.console import console, make_table
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_files, experiment
from i2v_jax.weights.formats import native

HERE = pathlib.Path(__file__).resolve().parent
SIDES = ('i2v', 'torch')
TRAINED = ('adapters', 'temporal_embedding', 'head', 'backbone/ln_post')
WORKS = ('forward', 'forward, merged', 'training')
COLUMNS = ('work', 'i2v s', 'torch s', 'i2v takes', 'i2v MiB', 'torch MiB')


def against_torch(
  config: Mapping[str, Any], num_classes: int, rounds: int
) -> list[dict[str, Any]]:
  """Measures a config against `zeroi2v_torch.py`; prints a table.

  One clip, float32, on a CPU, no dropout. `training` is the gradient of the
  loss with respect to all trained parameters, without an update.

  Args:
    config: of an experiment with ZeroI2V.
    num_classes: classes of its head.
    rounds: number of measurements; seconds and the ratio are medians.

  Returns:
    A row for each of `WORKS`: `seconds` and `peak_bytes` by side (the peak
    memory of its process, including libraries and compilation), and `ratio`,
    our seconds over theirs.

  Raises:
    UserError: there is no peer for this config, or the two sides do not compute
      the same.
  """
  check(config)
  rows = [_measure(config, num_classes, work, rounds) for work in WORKS]
  show(rows, rounds)
  return rows


def check(config: Mapping[str, Any]) -> None:
  """Raises UserError unless PyTorch has a peer of this config."""
  if not _is_peer(config['model']):
    raise UserError(
      'The peer in PyTorch is ZeroI2V with up to 4 adapters in every block of '
      'a CLIP ViT and a temporal embedding; choose such a config, as '
      'configs/zeroi2v_k400.py.'
    )
  if set(config['trainable']) != set(TRAINED):
    raise UserError(
      f'The peer in PyTorch trains {TRAINED}; set trainable to these.'
    )


def _is_peer(spec: Mapping[str, Any]) -> bool:
  """Whether `zeroi2v_torch.py` is the model of a spec."""
  adapter = adapters.resolve(spec['adapter']) or {}
  count = adapter.get('num_adapters', zeroi2v.ZeroI2V.num_adapters)
  return (
    adapter.get('name') == 'zeroi2v'
    and count <= 4
    and not adapter.get('blocks')
    and spec['backbone'].get('family', 'clip') == 'clip'
    and spec.get('temporal_embedding', True)
  )


def _measure(config, num_classes: int, work: str, rounds: int) -> dict:
  with contextlib.ExitStack() as stack:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    prepare(config, num_classes, work, pathlib.Path(folder))
    sides = {
      name: stack.enter_context(start_side(name, work, folder))
      for name in SIDES
    }
    check_same(*(ask(process, 'logits') for process in sides.values()))
    times = {name: [] for name in SIDES}
    for _ in range(rounds):
      for name, process in sides.items():
        times[name].append(ask(process, 'run'))
    peaks = {name: ask(process, 'peak') for name, process in sides.items()}
  ratio = np.median(np.divide(times['i2v'], times['torch']))
  seconds = {name: float(np.median(values)) for name, values in times.items()}
  row = {'work': work, 'seconds': seconds, 'ratio': float(ratio)}
  return row | {'peak_bytes': peaks}


def prepare(config, num_classes: int, work: str, folder: pathlib.Path) -> None:
  """Writes the weights and the description of a model, for both sides."""
  model = build(config['model'], num_classes)
  params = draw_params(model, {})
  if work == 'forward, merged':
    model, params = merge(model, params)
  native.write(folder / 'weights.safetensors', params)
  spec = dict(config['model']) | {'adapter': model.adapter}
  facts = {
    'spec': spec,
    'clips': (1, *model.input_shapes[0]),
    'num_classes': num_classes,
    'remat': config['remat'],
    'trainable': config['trainable'],
    'width': model.image_model.width,
    'depth': model.image_model.depth,
    'num_heads': model.image_model.num_heads,
    'patch_size': model.image_model.patch_size,
    'grid': model.image_model.grid,
    'adapter': model.adapter,
  }
  files.write_json(folder / 'model.json', experiment.to_plain(facts))


@contextlib.contextmanager
def start_side(name: str, work: str, folder) -> Iterator[subprocess.Popen]:
  """Starts the process of a side, which computes on the CPU."""
  paths = [str(HERE.parent), os.environ.get('PYTHONPATH', '')]
  settings = {
    'PYTHONPATH': os.pathsep.join(filter(None, paths)),
    'JAX_PLATFORMS': 'cpu',  # as PyTorch, even if there is an accelerator
  }
  process = subprocess.Popen(
    [sys.executable, str(HERE / 'torch_side.py'), name, work, str(folder)],
    env=os.environ | settings,
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  with process:
    yield process
    process.stdin.close()


def ask(process: subprocess.Popen, question: str):
  """Asks a side and returns its answer.

  Raises:
    RuntimeError: its process has ended; its stderr says why.
  """
  with contextlib.suppress(BrokenPipeError):
    print(question, file=process.stdin, flush=True)
  if not (answer := process.stdout.readline()):
    raise RuntimeError(
      f'The process of {process.args[2]} has ended with code {process.wait()}.'
    )
  return json.loads(answer)


def check_same(ours, theirs, tolerance: float = 1e-4) -> None:
  """Raises UserError unless both sides give the same logits.

  They may differ by `tolerance` of the largest.
  """
  ours, theirs = np.asarray(ours), np.asarray(theirs)
  off = np.abs(ours - theirs).max() / np.abs(theirs).max()
  if not off < tolerance:
    raise UserError(
      f'The logits of the two sides differ by {off:.1e} of the largest; they '
      'do not do the same work.'
    )


def show(rows: list[dict[str, Any]], rounds: int) -> None:
  """Prints what was measured."""
  title = f'one clip, float32, on a CPU, median of {rounds}, in turn'
  cells = []
  for row in rows:
    seconds = (f'{row["seconds"][name]:.3f}' for name in SIDES)
    peaks = (f'{row["peak_bytes"][name] / 2**20:.0f}' for name in SIDES)
    cells.append([row['work'], *seconds, f'{row["ratio"]:.3f}x', *peaks])
  console.print(make_table(title, COLUMNS, cells))


def run(args) -> None:
  config = config_files.load_config(args.config, args.set)
  classes = costs.count_classes(config, args.classes)
  rows = against_torch(config, classes, args.rounds)
  if args.out:
    table.write({'config': args.config, 'rows': rows}, args.out)


def main(argv=None) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add_config(parser, 'Config file', CONFIG)
  add_set(parser, 'Change the config.')
  parser.add_argument(
    '--classes',
    type=from_0,
    default=0,
    help='Number of classes, if the data does not state it.',
  )
  add_rounds(parser, 10)
  add_json(parser, 'File for the rows, as JSON.')
  sys.exit(errors.run_guarded(run, parser.parse_args(argv)))


if __name__ == '__main__':
  main()
