"""`i2v data prepare`: runs a job with a progress bar, and prints a table."""

import os
import shlex

from rich.table import Table

from i2v_jax.data.prepare import staging
from i2v_jax.data.prepare.job import Job, stage_here
from i2v_jax.data.sets import split_facts
from i2v_jax.runtime.console import console, make_progress, make_table

_COLUMNS = 'split', 'videos', 'skipped', 'shards', 'frames', 'MB', 'of source'


def run(job: Job, workers: int, seconds: float, beam: str | None):
  """Runs or resumes a job, and prints a table of its data set.

  Args:
    job: the job; does nothing if it is done.
    workers: number of processes, on every worker of a cluster if there is one;
      0 means one per core.
    seconds: time limit for a video; 0 for no limit.
    beam: pipeline options for Apache Beam, as one text; None does not use it.
  """
  if job.is_done:
    console.print(f'{job.folder} already exists, made of the same videos')
  for line in split_facts.describe_listing(job.splits.values()):
    console.print(line)
  parts = [shard for part in job.shards.values() for shard in part]
  total = sum(len(shard.videos) for shard in parts)
  left = 0 if job.is_done else sum(len(part.videos) for part in job.pending)
  bar, advance = make_progress(total, 'prepare', 'videos', total - left)
  workers = workers or os.cpu_count()

  def stage(pending: list[staging.Shard]) -> None:
    if beam is None:
      stage_here(pending, workers, seconds, advance)
    else:
      from i2v_jax.data.prepare.beam import stage_on_beam

      stage_on_beam(pending, shlex.split(beam), workers, seconds)

  with bar:
    manifest = job.run(stage)
  console.print(make_split_table(manifest))
  console.print(f'{job.folder}  sha256 {manifest["sha256"]}')


def make_split_table(manifest: dict) -> Table:
  """Makes a row for every split; 'of source' is the size relative to it."""
  splits, rows = manifest['splits'].items(), []
  transcoded = any(facts['psnr'] is not None for _, facts in splits)
  columns = (*_COLUMNS, *('PSNR dB',) * transcoded)
  for split, facts in splits:
    numbers = [facts[k] for k in ('videos', 'skipped', 'shards', 'frames')]
    share = facts['bytes'] / facts['source_bytes']
    row = [f'{facts["bytes"] / 1e6:.1f}', f'{share:.1%}']
    row += [f'{facts["psnr"]:.1f}'] if facts['psnr'] is not None else []
    rows.append([split, *(f'{number:,}' for number in numbers), *row])
  return make_table('', columns, rows)
