"""`i2v data bench`: tables of the speed of reading, and of other libraries."""

import math
import os
from collections.abc import Callable

import numpy as np
from rich.table import Table

from i2v_jax.data.bench import measure, peers
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.videos.decode import probe
from i2v_jax.runtime.console import console, make_progress, make_table
from i2v_jax.runtime.errors import UserError

IMAGE_SIZE = 224


def bench(
  split: Split, frames: int, stride: int, count: int, rounds: int, seed: int
) -> None:
  """Prints the cost of a clip, stage by stage, and the speed of the loader."""
  plan = _make_plan(split, frames, stride, count, seed)
  threads = os.cpu_count() or 1
  run = lambda: (measure.time_stages(plan), measure.time_loader(plan, threads))
  found = sorted(_run_rounds(rounds, run), key=lambda pair: pair[0]['total'])
  console.print(_make_stage_table(plan, found[rounds // 2][0], rounds))
  rate = count / np.median([loaded.seconds for _, loaded in found])
  console.print(
    f'complete loader: {rate:.1f} clips/s of wall time, in {threads} threads'
  )
  _, loaded = found[0]
  console.print(
    f'memory of the process: {loaded.early / 1e6:.0f} MB after '
    f'{math.ceil(count / 10):,} clips, {loaded.late / 1e6:.0f} MB after '
    f'{count:,}'
  )


def compare(
  path, original, frames: int, stride: int, count: int, rounds: int, seed: int
) -> None:
  """Prints the speed of other readers, and whether their frames are equal.

  Args:
    path: the videos; see `measure.load_videos`.
    original: the videos of the other readers: the same, or those that `path`
      was prepared from.
    frames: frames per clip.
    stride: distance of the frames of a clip.
    count: clips per round.
    rounds: rounds of measurement.
    seed: of the starts of clips.
  """
  split = measure.load_videos(path)
  plan = _make_plan(split, frames, stride, count, seed)
  theirs = _find_originals(plan, original, path)
  race = {
    name: lambda clip, read=read: read(theirs[clip], plan.indices[clip])
    for name, read in peers.READERS.items()
  }
  same = theirs == plan.names
  found = {
    name: measure.check_agreement(plan, read, same)
    for name, read in race.items()
  }
  readers = {'i2v': plan.read} | {
    name: race[name] for name in found if not found[name].problem
  }
  rows = _run_rounds(rounds, lambda: measure.race(plan, readers))
  # The median of each clip, so that other work on the machine counts little.
  times = {
    name: np.median([row[name] for row in rows], axis=0).sum()
    for name in readers
  }
  source = '' if same else original
  console.print(_make_reader_table(plan, times, found, rounds, source))


def _find_originals(plan: measure.Plan, original, path) -> list[str]:
  """Finds the file that other libraries read for each clip."""
  split = measure.load_videos(original)
  if plan.split.segments or split.segments:
    raise UserError(
      'other libraries are compared on complete videos, not on segments: name '
      'the videos, or leave --against out'
    )
  if split.records:
    raise UserError(
      f'other libraries cannot read the shards of {original}: name the videos '
      'it was prepared from after --against'
    )
  pairs = {index: split.paths[index % len(split)] for index in set(plan.chosen)}
  for index, other in pairs.items():
    ours = measure.count_frames(plan.split, index)
    if ours != probe(other).frames or len(split) != len(plan.split):
      raise UserError(
        f'{other} and {plan.split.paths[index]} differ in their number of '
        f'frames: {original} and {path} must hold the same videos, in the same '
        'order'
      )
  return [pairs[index] for index in plan.chosen]


def _make_plan(split, frames, stride, count, seed) -> measure.Plan:
  if count < 1:
    raise UserError(f'--clips is {count}; measure at least 1')
  spec = ClipSpec(frames, IMAGE_SIZE, stride=stride)
  return measure.make_plan(split, spec, count, seed)


def _run_rounds(count: int, run: Callable) -> list:
  if count < 1:
    raise UserError(f'--rounds is {count}; measure at least 1')
  bar, advance = make_progress(count, 'measuring', 'rounds')
  found = []
  with bar:
    for _ in range(count):
      found.append(run())
      advance()
  return found


def _make_title(plan: measure.Plan, rounds: int) -> str:
  videos = len(set(plan.names))
  what = plan.names[0] if videos == 1 else f'{videos} videos'
  spec = plan.spec
  return (
    f'{what}: {len(plan.chosen)} clips, {spec.num_frames}x{spec.stride} '
    f'sampling, one core (CPU time), median of {rounds}'
  )


def _make_stage_table(
  plan: measure.Plan, times: dict[str, float], rounds: int
) -> Table:
  count, total = len(plan.chosen), times['total']
  other = total - sum(times[name] for name in measure.STAGES)
  cells = lambda name, seconds: (
    name,
    f'{1000 * seconds / count:.2f}',
    f'{seconds / total:.1%}',
  )
  rows = [cells(name, times[name]) for name in measure.STAGES]
  rate = f'all: {count / total:.1f} clips/s'
  rows += [cells('other', other), None, cells(rate, total)]
  columns = ('stage', 'ms per clip', 'share')
  return make_table(_make_title(plan, rounds), columns, rows)


def _make_reader_table(
  plan: measure.Plan, times: dict, found: dict, rounds: int, original: str
) -> Table:
  """Makes a row for every reader; `original` is what others read, or ''."""
  columns = ['reader', 'clips/s', 'i2v is']
  compared = any(agreement.frames for agreement in found.values())
  if compared:
    columns += ['frames', 'differ', 'by at most']
  rate = lambda name: f'{len(plan.chosen) / times[name]:.1f}'
  rows = [('i2v', rate('i2v'))]
  for name, agreement in found.items():
    if agreement.problem:
      continue
    cells = [name, rate(name), f'{times[name] / times["i2v"]:.2f}x']
    if compared:
      cells += [agreement.frames, agreement.differing, agreement.largest]
    rows.append(cells)
  failed = [f'{k}: {v.problem}' for k, v in found.items() if v.problem]
  title = _make_title(plan, rounds)
  title += f'; the others read {original}' if original else ''
  return make_table(title, columns, rows, '\n'.join(failed))
