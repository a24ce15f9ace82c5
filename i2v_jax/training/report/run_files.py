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
from i2v_jax.training.workdir.stored_config import read_config

# Of files that another version wrote, or that were cut off by a power failure.
DAMAGE = (
  ValueError,
  OSError,
  KeyError,
  TypeError,
  EOFError,
  zipfile.BadZipFile,
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
    try:
      return read(path)
    except DAMAGE as error:
      name = path.relative_to(self.workdir)
      self.notes.append(f'{name} cannot be read, so it is left out ({error}).')
      return default


def read_run_files(workdir: files.Path) -> RunFiles:
  """Reads all files of a run that are about its training."""
  found = RunFiles(pathlib.Path(workdir))
  folder = found.workdir
  found.config = found.read(folder / 'config.json', files.read_json, {})
  found.config = found.config or read_config(folder) or {}
  found.records = _read_lines(found, folder / 'metrics.jsonl', 'step')
  found.starts = _read_lines(found, folder / 'starts.jsonl', 'command')
  found.data = found.read(folder / 'data.json', _read_data, {})
  found.costs = found.read(folder / 'costs.json', files.read_json, {})
  for path in sorted(folder.glob('heartbeat-*.json'), key=_order):
    if beat := found.read(path, _read_beat, {}):
      found.beats.append(beat)
  for path in sorted(folder.glob('bad_videos*.csv'), key=_order):
    found.bad = {**found.bad, **found.read(path, read_reasons, {})}
  return found


def _order(path: pathlib.Path) -> tuple[int, str]:
  return len(path.name), path.name  # 10 comes after 9


def _read_beat(path: pathlib.Path) -> dict:
  return files.read_json(path, ('phase', 'step', 'steps'))


def _read_data(path: pathlib.Path) -> dict[str, dict]:
  """Reads `data.json`; what a split lacks is an error of the file."""
  found = files.read_json(path)
  keys = ('split', 'format', 'root', 'unit', 'listed', 'missing', 'classes')
  for name in SPLITS:
    files.check_keys(found.get(name), keys, f'{name} of {path.name}')
    dict(found[name]['classes'])
  return found


def _read_lines(found: RunFiles, path: pathlib.Path, key: str) -> list[dict]:
  """Reads a line of JSON each; notes all but an incomplete last one."""
  data = found.read(path, lambda path: path.read_bytes(), b'')
  lines, rows, bad = data.decode('utf-8', 'replace').splitlines(), [], []
  for number, line in enumerate(lines, 1):
    row = _parse(line)
    if isinstance(row, dict) and key in row:
      rows.append(row)
    elif number < len(lines):  # the last is perhaps being written
      bad.append(str(number))
  if bad:
    text = f'{path.name}: {len(bad)} damaged lines are left out, from line'
    found.notes.append(f'{text} {bad[0]} on.')
  return rows


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
