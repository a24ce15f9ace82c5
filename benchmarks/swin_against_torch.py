"""Swin and ZeroI2V on it on a CPU, in turn with the same in plain PyTorch.

  python benchmarks/swin_against_torch.py --rounds 10

Each side has a process of its own, as in `against_torch.py`.
"""

import argparse
import contextlib
import pathlib
import sys
import tempfile
from typing import Any

import numpy as np
from against_torch import ask, check_same, start_side
from cpu import describe_cpu
from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax.adapters import frame_shift, zeroi2v
from i2v_jax.backbones.swin_config import SIZES
from i2v_jax.bench import table
from i2v_jax.bench.measure import draw_params
from i2v_jax.cli.arguments import add_json, add_repeated, add_rounds
from i2v_jax.cli.numbers import count
from i2v_jax.models.build import build, merge
from i2v_jax.runtime import errors, files, ranges
from i2v_jax.runtime.console import console, make_table
from i2v_jax.training import experiment
from i2v_jax.weights.formats import native

WORKS = {  # name -> what ours is compared with
  'images': 'torch',
  'merged': 'torch',
  'merged/plain': 'plain',
  'training': 'torch',
}
CLASSES = 174  # of Something-Something v2
FIELDS = ('embed_dim', 'depths', 'num_heads', 'window', 'patch_size')
FIELDS += ('image_size', 'tubelet')
COLUMNS = ('work', 'i2v s', 'other', 'other s', 'i2v takes', 'i2v of peak')
COLUMNS += ('i2v MiB', 'other MiB')


def measure(work: str, args) -> dict[str, Any]:
  """Measures a work in turn with what it is compared with; returns a row.

  `times` are seconds, `ratio` is a median, `macs` are what XLA counts, `flops`
  is the rate of the fastest run of the largest product, in turn with both.
  """
  other = WORKS[work]
  with contextlib.ExitStack() as stack:
    folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
    start = lambda *how: stack.enter_context(start_side(*how))
    mine, theirs = folder / 'i2v', folder / 'other'
    prepare(work, args, mine, theirs)
    ours = start('i2v', work, mine)
    their = start('torch' if other == 'torch' else 'i2v', work, theirs)
    sides = {'i2v': ours, other: their, 'matmul': start('i2v', 'matmul', mine)}
    if other == 'torch':
      check_same(ask(ours, 'logits'), ask(their, 'logits'))
    times = {name: [] for name in sides}
    for _ in range(args.rounds):
      for name, process in sides.items():
        times[name].append(ask(process, 'run'))
    peaks = {name: ask(process, 'peak') for name, process in sides.items()}
    macs = {name: ask(sides[name], 'macs') for name in ('i2v', 'matmul')}
  ratio = float(np.median(np.divide(times['i2v'], times[other])))
  row = {'work': work, 'other': other, 'times': times, 'ratio': ratio}
  flops = 2 * macs['matmul'] / min(times['matmul'])
  return row | {'peak_bytes': peaks, 'macs': macs['i2v'], 'flops': flops}


def prepare(work: str, args, mine, theirs) -> None:
  """Writes the model of each side of a work, as `torch_side.py` reads it."""
  images = work == 'images'
  frames = args.train_frames if work == 'training' else args.frames
  spec = dict(
    backbone=dict(
      family='swin', variant=args.variant, tubelet=1 if images else 2
    ),
    num_frames=1 if images else frames,
    adapter=None,
    temporal_embedding=False,
  )
  plain = build(spec, CLASSES)
  if not images:
    spec |= {'adapter': dict(name='zeroi2v', heads='quarter', dropout=0.0)}
  model = build(spec, CLASSES)
  params = draw(model)
  if work.startswith('merged'):
    model, params = merge(model, params)
  batch = args.images if images else 1
  write(mine, spec, model, params, batch)
  if WORKS[work] == 'torch':
    write(theirs, spec, model, params, batch)
  else:
    write(theirs, spec, plain, params, batch)


def draw(model) -> dict:
  """Draws parameters that keep the size of activations as trained ones do."""
  params = flatten_dict(draw_params(model, {}))
  is_scale = lambda path: path[-1] == 'scale'
  return unflatten_dict({k: x + is_scale(k) for k, x in params.items()})


def write(folder: pathlib.Path, spec, model, params, batch: int) -> None:
  """Writes the weights and the description of a model."""
  folder.mkdir()
  native.write(folder / 'weights.safetensors', params)
  facts = {
    'spec': dict(spec) | {'adapter': model.adapter},
    'num_classes': CLASSES,
    'remat': 'none',
    'clips': (batch, *model.input_shapes[0]),
    'trainable': list_trained(model),
    'swin': describe(model),
  }
  files.write_json(folder / 'model.json', experiment.to_plain(facts))


def list_trained(model) -> list[str]:
  """What ZeroI2V trains, of what a model has."""
  blocks = range(model.image_model.num_blocks)
  tables = [f'backbone/blocks_{i}/attn/bias' for i in blocks]
  adapters = model.adapter and model.adapter.get('num_adapters', 4)
  return ['adapters'] * bool(adapters) + ['head', 'backbone/ln_post', *tables]


def describe(model) -> dict[str, Any]:
  """The arguments of `swin_torch.Swin` for a model."""
  cfg, adapter = model.image_model, model.adapter
  arguments = {
    'cfg': {name: getattr(cfg, name) for name in FIELDS},
    'classes': model.num_classes,
    'offsets': [()] * len(cfg.depths),
  }
  if not adapter:
    return arguments
  firsts = np.cumsum((0, *cfg.depths[:-1])).tolist()
  offsets = adapter.get('heads') or adapter['offsets']
  choose = lambda i: frame_shift.choose_offsets(offsets, cfg.block(i))
  return arguments | {
    'offsets': [list(choose(i)) for i in firsts],
    'places': zeroi2v.PLACES[adapter.get('num_adapters', 4)],
    'rank': adapter.get('rank', 0.25),
    'scale': adapter.get('scale', 1.0),
  }


def show(rows: list[dict[str, Any]], args) -> None:
  """Prints what was measured."""
  cells = []
  for row in rows:
    other = row['other']
    ours, theirs = (np.median(row['times'][x]) for x in ('i2v', other))
    share = 2 * row['macs'] / row['flops'] / ours
    peaks = (f'{row["peak_bytes"][x] / 2**20:.0f}' for x in ('i2v', other))
    found = f'{theirs:.3f}', f'{row["ratio"]:.3f}x', f'{share:.0%}'
    cells.append([row['work'], f'{ours:.3f}', other, *found, *peaks])
  title = f'{describe_cpu()}: {args.variant}, float32, median of {args.rounds}'
  console.print(make_table(title, COLUMNS, cells))


def run(args) -> None:
  works = [ranges.one_of(*WORKS)('--work', x) for x in args.work or WORKS]
  rows = [measure(work, args) for work in works]
  show(rows, args)
  if args.out:
    table.write(vars(args) | {'cpu': describe_cpu(), 'rows': rows}, args.out)


def main(argv=None) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  names = [f'Swin-{size}' for size in SIZES]
  add('--variant', choices=names, default='Swin-B', help='Size of the Swin.')
  numbers = {
    'images': (8, 'Images of the work of that name'),
    'frames': (32, 'Frames of the clip of a forward pass'),
    'train-frames': (8, 'Frames of the clip of a training step'),
  }
  for name, (default, text) in numbers.items():
    shown = f'{text} (default: {default}).'
    add(f'--{name}', type=count, default=default, metavar='N', help=shown)
  add_repeated(parser, '--work', 'NAME', f'Only this of {list(WORKS)}.')
  add_rounds(parser, 10)
  add_json(parser, 'File for the rows, as JSON.')
  sys.exit(errors.run_guarded(run, parser.parse_args(argv)))


if __name__ == '__main__':
  main()
