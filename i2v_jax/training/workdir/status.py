"""`i2v status`: how the run of a workdir is doing, a line per process."""

import json
import pathlib
import time

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import FileError, MissingFileError
from i2v_jax.training.workdir import checkpoint_files, heartbeat

SILENT = 60  # seconds without a heartbeat after which a process has stalled
IDLE = 120  # the same without a step or batch
SLOW = 20  # the same in steps, where those take longer
COLUMNS = ('process', 'state', 'step', 'rate', 'left', 'data', 'loss')


def make_report(workdir) -> list[str]:
  """Makes lines: each process, the newest checkpoint and evaluation.

  Raises:
    FileNotFoundError: the folder holds no run.
  """
  workdir = pathlib.Path(workdir)
  found = _make_rows(workdir)
  checkpoint, evaluated = (
    _describe_checkpoint(workdir),
    _describe_evaluation(workdir),
  )
  if not (found or checkpoint or evaluated):
    if variants := sorted(workdir.glob('*/heartbeat-0.json')):
      return [
        line
        for path in variants
        for line in (f'{path.parent.name}:', *make_report(path.parent))
      ]
    raise MissingFileError(f'{workdir} holds no run, neither past nor present.')
  rows = [COLUMNS, *found] if found else []
  widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
  lines = [
    '  '.join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()
    for cells in rows
  ]
  lines += [] if found else ['no process has left a sign']
  lines.append(f'newest checkpoint: {checkpoint or "none"}')
  return [*lines, f'last evaluation: {evaluated or "none"}']


def make_row(workdir: pathlib.Path, beat: dict) -> tuple[str, ...]:
  """Makes the cells of a process."""
  rate, left = beat['steps_per_second'], beat['steps'] - beat['step']
  ongoing = beat['phase'] == 'training' and rate
  share = beat.get('data_share')  # younger than some files
  return (
    f'{beat["process"]} ({beat["host"]}, {beat["pid"]})',
    find_state(workdir, beat),
    f'{beat["step"]}/{beat["steps"]}',
    f'{rate:.3g}/s' if ongoing else '-',
    format_duration(left / rate) if ongoing else '-',
    f'{100 * share:.0f} %' if ongoing and share is not None else '-',
    '-' if beat['loss'] is None else f'{beat["loss"]:.4g}',
  )


def find_state(workdir: pathlib.Path, beat: dict) -> str:
  """Running, starting, evaluating, stalled, finished, stopped or crashed.

  On the machine of the process, the process itself and a monotonic clock
  decide; on another one only the wall time of the last heartbeat is known.
  """
  phase, why = beat['phase'], beat['why']
  if phase in ('finished', 'stopped', 'crashed'):
    return f'{phase} ({why})' if why else phase
  name = 'running' if phase == 'training' else phase
  here = heartbeat.describe_process(workdir)
  if not here['boot'] or here['boot'] != beat['boot']:
    silent = time.time() - beat['written']
    return _judge_by_time(name, beat, silent, 'by the clock')
  if here['folder'] != beat['folder']:
    return f'a copy, made when it was {name}'
  silent = time.monotonic() - beat['clock']
  gone = heartbeat.read_start(beat['pid']) != beat['started']
  if here['space'] == beat['space'] and gone:
    return 'crashed (its process is gone)'
  return _judge_by_time(name, beat, silent, 'no sign')


def _judge_by_time(name: str, beat: dict, silent: float, what: str) -> str:
  if silent > SILENT:
    return f'stalled ({what} for {format_duration(silent)})'
  rate = beat['steps_per_second']
  idle = beat['idle'] + max(silent, 0)
  if name != 'starting' and idle > max(IDLE, SLOW / rate if rate else 0):
    return f'stalled (at the same place for {format_duration(idle)})'
  return name


def format_duration(seconds: float) -> str:
  """Formats seconds in the two largest units, such as `3 h 12 min`."""
  minutes, seconds = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  days, hours = divmod(hours, 24)
  units = {'d': days, 'h': hours, 'min': minutes, 's': seconds}
  parts = [f'{count} {unit}' for unit, count in units.items() if count]
  return ' '.join(parts[:2]) or '0 s'


def _make_rows(workdir: pathlib.Path) -> list[tuple[str, ...]]:
  paths = workdir.glob('heartbeat-*.json')
  key = lambda path: (len(path.name), path.name)  # 10 comes after 9
  return [_read_row(workdir, path) for path in sorted(paths, key=key)]


def _read_row(workdir: pathlib.Path, path: pathlib.Path) -> tuple[str, ...]:
  """Reads a heartbeat, even a damaged one, as the cells of its process."""
  try:
    return make_row(workdir, files.read_json(path))
  # The power failed before it was on the disk, or another version wrote it.
  except (ValueError, KeyError, TypeError, AttributeError):
    number = path.stem.partition('-')[2]
    return (number, f'unknown ({path.name} cannot be read)', *'-----')


def _describe_checkpoint(workdir: pathlib.Path) -> str:
  """Describes the newest complete checkpoint, and what later ones lack.

  Digests are not checked, which would read all files.
  """
  missing = checkpoint_files.find_missing
  try:
    step, broken = checkpoint_files.find_newest(workdir, missing)
  except FileError:  # none is complete
    step = checkpoint_files.find_steps(workdir)[-1]
    folder = checkpoint_files.checkpoints_folder(workdir) / str(step)
    return f'none complete: step {step}: {missing(folder)}'
  except OSError as error:
    return str(error)
  if step is None:
    return ''
  if not broken:
    return f'step {step}'
  return f'step {step}; {checkpoint_files.describe_broken(broken, step)}'


def _describe_evaluation(workdir: pathlib.Path) -> str:
  path = workdir / 'metrics.jsonl'
  text = path.read_text('utf-8', 'replace') if path.exists() else ''
  for line in reversed(text.splitlines()):
    try:
      record = json.loads(line)
    except json.JSONDecodeError:  # it is being written
      continue
    if not isinstance(record, dict):
      continue
    for key, name in (('val/top1', 'top-1'), ('val/mAP', 'mAP')):
      for suffix, views in (('', 'all views'), ('_1view', '1 view')):
        if (value := record.get(f'{key}{suffix}')) is not None:
          return f'{name} {value:.2%} at step {record["step"]} ({views})'
  return ''
