"""`i2v data bench`: tables of how fast videos are read, and by whom."""

import math
import os
from collections.abc import Callable

import numpy as np
from rich.table import Table

from i2v_jax.data.bench import measure, peers
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.videos.decode import probe
from i2v_jax.runtime.console import console, make_table, progress
from i2v_jax.runtime.errors import UserError

IMAGE_SIZE = 224


def bench(
  path, frames: int, stride: int, count: int, rounds: int, seed: int
) -> None:
  """Prints what a clip costs, stage by stage, and how fast the loader is."""
  plan, threads = (
    _make_plan(path, frames, stride, count, seed),
    os.cpu_count() or 1,
  )
  run = lambda: (measure.time_stages(plan), measure.time_loader(plan, threads))
  found = sorted(_run_rounds(rounds, run), key=lambda pair: pair[0]['total'])
  console.print(_make_stage_table(plan, found[rounds // 2][0], rounds))
  whole = count / np.median([loaded.seconds for _, loaded in found])
  console.print(
    f'whole loader: {whole:.1f} clips/s by the clock, in {threads} threads'
  )
  _, loaded = found[0]
  console.print(
    f'memory of the process: {loaded.early / 1e6:.0f} MB after '
    f'{math.ceil(count / 10):,} clips of it, {loaded.late / 1e6:.0f} MB after '
    f'{count:,}'
  )


def compare(
  path, original, frames: int, stride: int, count: int, rounds: int, seed: int
) -> None:
  """Prints how fast others read the same frames, and if they are the same.

  Args:
    path: what is read; see `bench.videos`.
    original: what the others read: the same, or what it was prepared of.
    frames: of a clip.
    stride: of its frames.
    count: clips of a round.
    rounds: of measurements.
    seed: of where clips start.
  """
  plan = _make_plan(path, frames, stride, count, seed)
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
  # Of each clip the median, so that what else the machine does counts little.
  times = {
    name: np.median([row[name] for row in rows], axis=0).sum()
    for name in readers
  }
  source = '' if same else original
  console.print(_make_reader_table(plan, times, found, rounds, source))


def _find_originals(plan: measure.Plan, original, path) -> list[str]:
  """The file that others read for each clip."""
  split = measure.load_videos(original)
  if split.records:
    raise UserError(
      f'others cannot read the shards of {original}: name the videos it was '
      'made of after --against'
    )
  pairs = {index: split.paths[index % len(split)] for index in set(plan.chosen)}
  for index, other in pairs.items():
    ours = measure.count_frames(plan.split, index)
    if ours != probe(other).frames or len(split) != len(plan.split):
      raise UserError(
        f'{other} and {plan.split.paths[index]} have not the same frames: '
        f'{original} and {path} must hold the same videos, in the same order'
      )
  return [pairs[index] for index in plan.chosen]


def _make_plan(path, frames, stride, count, seed) -> measure.Plan:
  if count < 1:
    raise UserError(f'--clips is {count}; measure at least 1')
  spec = ClipSpec(frames, IMAGE_SIZE, stride=stride)
  return measure.make_plan(measure.load_videos(path), spec, count, seed)


def _run_rounds(count: int, run: Callable) -> list:
  if count < 1:
    raise UserError(f'--rounds is {count}; measure at least 1')
  bar, advance = progress(count, 'measuring', 'rounds')
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
  """A row for every reader; `original` is what the others read, if another."""
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
