"""The files of a run, as far as they are there and can be read."""

import csv
import dataclasses
import io
import json
import pathlib
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.training.report import checks
from i2v_jax.training.workdir.stored_config import read_config

# Of files that another version wrote, or that were cut off by a power failure.
DAMAGE = (
  ValueError,
  OSError,
  KeyError,
  TypeError,
  EOFError,
  zipfile.BadZipFile,
  csv.Error,
)
SPLITS = ('train', 'val')


@dataclasses.dataclass
class RunFiles:
  """What a run has left in its workdir.

  Attributes:
    workdir: of the run.
    config: as it was stored, {} without one.
    records: of `metrics.jsonl`, in order.
    beats: heartbeats of its processes, in their order.
    starts: of `starts.jsonl`, oldest first.
    data: split -> what `data.json` says of it.
    costs: of `costs.json`.
    bad: training videos that could not be read -> reason.
    notes: a sentence for each file that could not be read.
  """

  workdir: pathlib.Path
  config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  records: list[dict] = dataclasses.field(default_factory=list)
  beats: list[dict] = dataclasses.field(default_factory=list)
  starts: list[dict] = dataclasses.field(default_factory=list)
  data: Mapping[str, dict] = dataclasses.field(default_factory=dict)
  costs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  bad: Mapping[str, str] = dataclasses.field(default_factory=dict)
  notes: list[str] = dataclasses.field(default_factory=list)

  def read(self, path: pathlib.Path, read: Callable, default: Any) -> Any:
    """Reads a file; one that is absent or damaged counts as `default`."""
    if not path.exists():
      return default
    name = str(path.relative_to(self.workdir))
    return self.attempt(name, lambda: read(path), default)

  def attempt(self, name: str, read: Callable, default: Any) -> Any:
    """Reads what has that name; if it is damaged it counts as `default`."""
    try:
      return read()
    except DAMAGE as error:
      self.notes.append(f'{name} cannot be read, so it is left out ({error}).')
      return default


def read_run_files(workdir: files.Path) -> RunFiles:
  """Reads all files of a run that are about its training."""
  found = RunFiles(pathlib.Path(workdir))
  folder = found.workdir
  # Of a damaged one, the newest checkpoint has a copy.
  found.read(folder / 'config.json', files.read_json, {})
  found.config = found.attempt('The config', lambda: _read_config(folder), {})
  found.records = _read_lines(found, folder / 'metrics.jsonl', 'step')
  found.starts = _read_lines(found, folder / 'starts.jsonl', 'command')
  found.data = found.read(folder / 'data.json', _read_data, {})
  found.costs = found.read(folder / 'costs.json', _read_costs, {})
  for path in sorted(folder.glob('heartbeat-*.json'), key=_order):
    if beat := found.read(path, _read_beat, {}):
      found.beats.append(beat)
  for path in sorted(folder.glob('bad_videos*.csv'), key=_order):
    found.bad = {**found.bad, **found.read(path, read_reasons, {})}
  return found


def _order(path: pathlib.Path) -> tuple[int, str]:
  return len(path.name), path.name  # 10 comes after 9


def _read_config(folder: pathlib.Path) -> dict:
  config = read_config(folder) or {}
  checks.check_config(config)
  return config


def _read_beat(path: pathlib.Path) -> dict:
  found = files.read_json(path)
  needed = ('phase', 'step', 'steps')
  numbers = ('step', 'steps', 'process', 'data_share', 'peak_bytes')
  checks.check_kinds(found, needed, text=('phase',), number=numbers)
  return found


def _read_costs(path: pathlib.Path) -> dict:
  """Reads `costs.json`, without what is not known."""
  found = files.read_json(path)
  sizes = ('parameters', 'tunable_params', 'view_macs', 'train_peak_bytes')
  numbers = (*sizes, 'batch_size', 'devices', 'hosts')
  checks.check_kinds(found, text=('platform', 'device_kind'), number=numbers)
  return {name: value for name, value in found.items() if value is not None}


def _read_data(path: pathlib.Path) -> dict[str, dict]:
  """Reads `data.json`; what a split lacks is an error of the file."""
  found = files.read_json(path)
  text = ('split', 'format', 'root', 'unit', 'sha256')
  keys = (*text[:4], 'listed', 'missing', 'classes')
  for name in SPLITS:
    known = found.get(name)
    files.check_keys(known, keys, f'{name} of {path.name}')
    counts, lists = ('listed', 'missing'), ('classes', 'missing_ids')
    needed = (*counts, 'classes')
    checks.check_kinds(known, needed, text=text, number=counts, list=lists)
    for label, count in known['classes']:
      pair = {'class': label, 'count': count}
      checks.check_kinds(pair, pair.keys(), text=('class',), number=('count',))
  return found


def _read_lines(found: RunFiles, path: pathlib.Path, key: str) -> list[dict]:
  """Reads a line of JSON each; notes all but an incomplete last one."""
  data = found.read(path, lambda path: path.read_bytes(), b'')
  lines, rows, bad = data.decode('utf-8', 'replace').splitlines(), [], []
  for number, line in enumerate(lines, 1):
    row = _parse(line)
    if _is_line(row, key):
      rows.append(row)
    elif number < len(lines):  # the last is perhaps being written
      bad.append(str(number))
  if bad:
    text = f'{path.name}: {len(bad)} damaged lines are left out, from line'
    found.notes.append(f'{text} {bad[0]} on.')
  return rows


def _is_line(row: Any, key: str) -> bool:
  try:
    checks.check_kinds(row, (key,), number=('step', 'time'), text=('command',))
  except ValueError:
    return False
  return True


def _parse(line: str) -> Any:
  try:
    return json.loads(line)
  except ValueError:
    return None


def read_table(path: pathlib.Path) -> tuple[list[str], list[list[str]]]:
  """Reads a csv file: its columns, and its rows, each as long.

  Raises:
    ValueError: it has no columns, or a row of another length.
  """
  text = path.read_bytes().decode('utf-8', 'surrogateescape')
  rows = list(csv.reader(io.StringIO(text, newline='')))
  if not rows or any(len(row) != len(rows[0]) for row in rows):
    raise ValueError('its lines have different lengths')
  return rows[0], rows[1:]


def read_reasons(path: pathlib.Path) -> dict[str, str]:
  """Reads a `bad_videos.csv`: id -> reason."""
  _, rows = read_table(path)
  return {row[0]: row[1] for row in rows if len(row) == 2}
