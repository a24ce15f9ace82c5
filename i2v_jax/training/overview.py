"""The overview printed at the start: parameters, data, devices."""

import jax

from i2v_jax import adapters
from i2v_jax.data.clips import flips
from i2v_jax.data.sets import split_facts
from i2v_jax.data.sets.sources import Split
from i2v_jax.params import count, join, matches, num_bytes
from i2v_jax.runtime.console import console, make_table
from i2v_jax.training import gradient_depth, optimizer
from i2v_jax.training.run import Run


def print_overview(run: Run) -> None:
  """Prints the trained parameters, the data and the devices."""
  mine = run.state.params
  shapes = join(mine, run.frozen)
  channels = dict(run.config['optimizer']['first_channels'])

  def make_row(name, tree, prefix=''):
    below = {p: c for p, c in channels.items() if matches(p, prefix)}
    trained = {p: mine[p] for p in tree if p in mine}
    tunable = optimizer.count_trained(trained, below)
    return name, f'{tunable:,}', f'{count(tree):,}'

  rows = [make_row(part, {part: shapes[part]}, part) for part in sorted(shapes)]
  rows += [None, make_row('all', shapes)]
  console.print(make_table('Parameters', ('part', 'tunable', 'total'), rows))
  size = num_bytes(run.state.opt_state)
  console.print(
    f'optimiser state {size / 1e6:.2f} MB; {run.steps} steps of '
    f'{run.config["batch_size"]} clips from {_count(run.train.split)} on '
    f'{run.mesh.size} {jax.default_backend()} device(s)'
    f'{gradient_depth.describe_depth(run.model, mine)}'
  )
  notes = split_facts.describe_splits(run.train.split, run.val.split)
  if moved := adapters.relocated(run.model):
    notes.append(moved)
  for line in (*notes, _mirroring(run)):
    console.print(line)


def _count(split: Split) -> str:
  if split.key_frames is None:
    return f'{len(split)} videos'
  return f'{len(split)} key frames of {split.num_videos} videos'


def _mirroring(run: Run) -> str:
  """Describes the labels of mirrored clips."""
  spec, names = run.train.spec, run.train.split.class_names
  if not spec.flip:
    return 'no clip is mirrored'
  if not run.config['clip']['flip_labels'] and flips.names_sides(names):
    return (
      'mirrored clips keep their labels, though classes name sides; exchange '
      'them by clip.flip_labels=True, or set clip.flip=0'
    )
  pairs = flips.describe_exchanged(spec.flip_map, names)
  return f'classes that mirrored clips exchange: {pairs}'
