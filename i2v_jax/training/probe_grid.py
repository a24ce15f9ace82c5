"""A grid of learning rates and decays of a probe, trained at once.

Kept features are read once for all cells, and one compiled program trains all.
A cell is what a run with its rate and decay trains: the same batches, the same
draws, the same number of steps.
"""

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from i2v_jax.models.classifier import make_probabilities
from i2v_jax.models.inputs import full_precision, normalize_clips
from i2v_jax.params import join
from i2v_jax.runtime import compilation, files, sharding, signals
from i2v_jax.runtime.console import console, make_progress, make_table
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import features, memory
from i2v_jax.training.evaluation import split_scores
from i2v_jax.training.evaluation.assessment import assess
from i2v_jax.training.evaluation.calibration import UNFITTED
from i2v_jax.training.imbalance import make_imbalance
from i2v_jax.training.run import (
  Run,
  build_optimizer,
  make_schedule,
  prepare_run,
)
from i2v_jax.training.train_step import TrainState, jit_step, make_config_step
from i2v_jax.training.workdir.lock import Lock

RESULTS = 'results.json'


class Cells(NamedTuple):
  """Learning rate and weight decay of each cell, float32 `[cells]`."""

  lr: np.ndarray
  decay: np.ndarray


def make_cells(rates: Sequence[float], decays: Sequence[float]) -> Cells:
  """Makes a cell for each pair, all decays of the first rate first."""
  pairs = list(itertools.product(rates, decays))
  return Cells(*np.array(pairs, np.float32).T)


def train_grid(
  config: Mapping[str, Any],
  rates: Sequence[float],
  decays: Sequence[float],
  workdir,
) -> list[dict[str, Any]]:
  """Trains and evaluates all cells, writes `results.json`, prints a table.

  Args:
    config: of an experiment with `cache_gb`; its own `optimizer.lr` and
      `optimizer.weight_decay` are not used.
    rates: peak learning rates.
    decays: weight decays.
    workdir: gets the features, which a run in it can train on.

  Returns:
    A row per cell: `lr`, `weight_decay`, `loss` of the last batch, `error`
    (None, or why there are no accuracies), and the accuracies in 0..1.

  Raises:
    UserError: as `prepare_run`, or features of this model cannot be kept.
  """
  if not config['cache_gb']:
    raise UserError(
      'A grid trains on kept features; set cache_gb to the disk space that '
      'they may take, such as 20.'
    )
  cells = make_cells(rates, decays)
  with signals.Stopping() as stop, compilation.cache_in(workdir):
    with stop.interruptible():
      run = prepare_run(config, workdir)
    with Lock(run.workdir):
      states, losses = train_cells(run, cells, stop.over)
      found = evaluate_cells(run, states.params, len(cells.lr), stop.over)
      rows = _make_rows(rates, decays, losses, found)
      files.write_json(run.workdir / RESULTS, rows)
  print_grid(rows, config['data']['val'])
  return rows


def train_cells(run: Run, cells: Cells, over=iter) -> tuple[TrainState, Any]:
  """Trains all cells to the last step.

  Args:
    run: at step 0.
    cells: what differs.
    over: batches -> the same batches.

  Returns:
    The last state, and the loss of the last batch, each with a leading axis of
    cells.
  """
  count = len(cells.lr)
  repeat = lambda x: jnp.broadcast_to(x[None], (count, *x.shape))
  repeat = jax.jit(repeat, out_shardings=sharding.replicated(run.mesh))
  states, loss = jax.tree.map(repeat, run.state), None
  step = _compile_step(run, cells, states)
  bar, advance = make_progress(run.steps, f'train {count} cells')
  with bar:
    for batch in over(features.read_batches(run, 0, over)):
      states, metrics = step(states, run.frozen, batch)
      loss = metrics['loss']
      advance()
  return states, np.asarray(loss)


def _compile_step(run: Run, cells: Cells, states: TrainState):
  """Compiles one step of all cells."""
  config = run.config
  unit = {**config, 'optimizer': {**config['optimizer'], 'lr': 1.0}}
  _, shape = make_schedule(unit, len(run.train.split))
  even = make_imbalance(config, run.train.split)

  def step_cell(cell, state, frozen, batch):
    rate = lambda step: cell.lr * shape(step)
    tx = build_optimizer(config, rate, state.params, weight_decay=cell.decay)
    return make_config_step(config, run.model, tx, even)(state, frozen, batch)

  every = jax.vmap(step_cell, in_axes=(0, 0, None, None))
  step = jit_step(functools.partial(every, cells), states, run.mesh)
  batch = memory.make_batch_shapes(config, run.model, run.mesh)
  what = f'the training step of {len(cells.lr)} cells'
  return compilation.compile_lowered(
    step.lower(states, run.frozen, batch), run.mesh, what
  )


@functools.partial(jax.jit, static_argnames=('model', 'normalization', 'task'))
def compute_probabilities(
  model, normalization: str, params, frozen, views: Mapping, task: str
):
  """Computes class probabilities of all cells, `B x (cells * C)`.

  As that of `models.probabilities`, with `params` of a leading axis of cells;
  features are computed once.
  """
  batch, count = views['video'].shape[:2]
  clips = {k: x.reshape(-1, *x.shape[2:]) for k, x in views.items()}
  first = join(jax.tree.map(lambda x: x[0], params), frozen)
  with full_precision(model):
    pixels = normalize_clips(clips, normalization, model.image_model.dtype)
    seen = model.apply({'params': first}, *pixels, method='features')

    def decode(mine):
      tree = {'params': join(mine, frozen)}
      logits = model.apply(tree, seen, method='decode')
      return make_probabilities(logits, task)

    found_BxNxC = jax.vmap(decode, out_axes=1)(params)
  return found_BxNxC.reshape(batch, count, -1).mean(axis=1)


def evaluate_cells(
  run: Run, params, count: int, over=iter
) -> list[dict[str, float] | None]:
  """Evaluates all cells in one pass over the videos of the `val` split.

  Returns:
    The accuracies of each cell, None where scores are not finite.
  """
  config, split = run.config, run.val.split
  compute = lambda views: compute_probabilities(
    run.model,
    config['data']['normalization'],
    params,
    run.frozen,
    views,
    task=config['task'],
  )
  width = count * run.model.num_classes
  found = split_scores.score_videos(
    compute, width, run.val, config, run.mesh, over
  )
  return [
    assess(part, split, UNFITTED).accuracy
    if np.isfinite(part[found.decoded]).all()
    else None
    for part in np.split(found.scores, count, axis=1)
  ]


def _make_rows(rates, decays, losses, found) -> list[dict[str, Any]]:
  rows, pairs = [], itertools.product(rates, decays)
  for (lr, decay), loss, accuracy in zip(pairs, losses, found, strict=True):
    finite = accuracy is not None and np.isfinite(loss)
    row = dict(lr=lr, weight_decay=decay)
    row['loss'] = float(loss) if finite else None
    row['error'] = None if finite else 'loss or scores are not finite'
    rows.append(row | (accuracy if finite else {}))
  return rows


def find_score(row: Mapping[str, Any]) -> float | None:
  """Finds top-1 of a row, or mAP with any number of labels."""
  return row.get('mAP', row.get('top1'))


def find_best(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
  """Finds the first row of the best score, if any cell has one."""
  scored = [row for row in rows if find_score(row) is not None]
  return max(scored, key=find_score, default=None)


def print_grid(rows: Sequence[Mapping[str, Any]], split: str) -> None:
  """Prints scores by learning rate, downwards, and decay."""
  score = 'mAP' if any('mAP' in row for row in rows) else 'top-1'
  decays = list(dict.fromkeys(row['weight_decay'] for row in rows))
  lines = {row['lr']: [f'{row["lr"]:g}'] for row in rows}
  for row in rows:
    lines[row['lr']].append(_format_score(row))
  heads = ['learning rate', *(f'decay {decay:g}' for decay in decays)]
  caption = (
    f'The best of {len(rows)} cells was chosen by these scores of {split}.'
  )
  console.print(
    make_table(f'{score} of {split}', heads, lines.values(), caption)
  )


def _format_score(row: Mapping[str, Any]) -> str:
  score = find_score(row)
  return 'diverged' if score is None else f'{score:.1%}'
