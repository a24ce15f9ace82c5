"""What a run writes down as it starts: its data, its costs, the start itself.

`data.json` and `costs.json`, which waits for the compiled step, are replaced at
every start; `starts.jsonl` gets a line more. Reports read them; training does
not.
"""

import json
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import jax

import i2v_jax
from i2v_jax.data.sets import split_facts
from i2v_jax.data.sets.sources import Split
from i2v_jax.models.macs import count_macs
from i2v_jax.params import count
from i2v_jax.runtime import files, signals
from i2v_jax.training import experiment

MOST_MISSING = 100  # ids that are listed


def write_start(run, step: int) -> None:
  """Writes `data.json`, and adds a line to `starts.jsonl`.

  Only the first process writes.

  Args:
    run: with its state; it holds the lock of its workdir.
    step: at which it resumes, or 0.

  Raises:
    FileError: the disk refuses.
  """
  if jax.process_index() > 0:
    return
  config = run.config
  found = {
    name: describe_split(part.split, config, name)
    for name, part in (('train', run.train), ('val', run.val))
  }
  files.write_json(run.workdir / 'data.json', found)
  _add_line(run.workdir / 'starts.jsonl', _describe_start(run, step))


def write_costs(run, train_peak_bytes: int | None) -> None:
  """Writes `costs.json`: sizes, devices, and what compiling has found.

  Only the first process writes.

  Args:
    run: with its state.
    train_peak_bytes: memory of a step on one device as XLA plans it, or None.

  Raises:
    FileError: the disk refuses.
  """
  if jax.process_index() > 0:
    return
  device = run.mesh.devices.flat[0]
  costs = {
    'parameters': count(run.params),
    'tunable_params': experiment.count_trained(run.config, run.params),
    'view_macs': _count_view_macs(run.model),
    'batch_size': run.config['batch_size'],
    'train_peak_bytes': train_peak_bytes,
    'devices': run.mesh.size,
    'platform': device.platform,
    'device_kind': device.device_kind,
    'hosts': jax.process_count(),
  }
  files.write_json(run.workdir / 'costs.json', costs)


def describe_split(
  split: Split, config: Mapping[str, Any], name: str
) -> dict[str, Any]:
  """Describes a split in JSON.

  Args:
    split: with the examples that are used.
    config: of its run.
    name: 'train' or 'val'.

  Returns:
    `split` (its name in the data), `format`, `root`, `unit`, `listed`,
    `missing`, `missing_ids` (the first), `sha256` (its fingerprint) and
    `classes`, pairs of a name and a number of examples, or of boxes.
  """
  data = experiment.make_paths_absolute(config)['data']
  counts = split_facts.count_per_class(split).tolist()
  return {
    'split': data[name],
    'format': data['format'],
    'root': data['root'],
    'unit': split.unit,
    'listed': split_facts.count_listed(split),
    'missing': len(split.missing),
    'missing_ids': list(split.missing[:MOST_MISSING]),
    'sha256': split.fingerprint(),
    'classes': list(zip(split.class_names, counts, strict=True)),
  }


def _count_view_macs(model) -> int | None:
  """Multiply-accumulates of a view; None if the method has no formula."""
  try:
    return sum(count_macs(model).values())
  except NotImplementedError:
    return None


def _describe_start(run, step: int) -> dict[str, Any]:
  return {
    'time': round(time.time(), 3),
    'step': step,
    'steps': run.steps,
    'command': signals.format_command(),
    'i2v_jax': i2v_jax.__version__,
    'jax': jax.__version__,
    'devices': run.mesh.size,
    'platform': run.mesh.devices.flat[0].platform,
  }


def _add_line(path: pathlib.Path, record: Mapping[str, Any]) -> None:
  """Adds a line of JSON, so that a killed process leaves all or none of it.

  Lines before it may be damaged; a last one without an end is ended.
  """
  before = path.read_text('utf-8', 'replace') if path.exists() else ''
  if before and not before.endswith('\n'):
    before += '\n'
  files.write(path, f'{before}{json.dumps(record)}\n')
