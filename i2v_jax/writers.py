"""Where numbers go: console lines, `metrics.jsonl`, TensorBoard events."""

import json
import math
import pathlib
import time

import numpy as np

from i2v_jax import events
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console


class Writer:
  """Writes scalars of a run; only the first process of many does.

  Args:
    workdir: where `metrics.jsonl` and the events of TensorBoard are.
    enabled: whether this process writes.
    done: steps that the run goes on from: records of later ones, which will be
      written again, and the final evaluation are taken out. None keeps all.
  """

  def __init__(self, workdir, enabled: bool = True, done: int | None = None):
    self.enabled = enabled
    if enabled:
      self.path = pathlib.Path(workdir) / 'metrics.jsonl'
      if done is not None and self.path.exists():
        _rewind(self.path, done)
      self.jsonl = self.path.open('a', encoding='utf-8')
      self.events = events.Events(workdir, done)

  def scalars(self, step: int, values: dict, show: bool = True) -> None:
    """Adds one record: `{name: number}` at a step."""
    if not self.enabled:
      return
    values = {k: float(np.asarray(v)) for k, v in values.items()}
    record = {'step': step, 'time': round(time.time(), 3)}
    for name, value in values.items():  # JSON has no word for inf and nan
      record[name] = value if math.isfinite(value) else None
    with files.told(self.path):
      print(json.dumps(record), file=self.jsonl, flush=True)
    self.events.scalars(step, values)
    if show:
      shown = '  '.join(f'{k} {v:<8.4g}' for k, v in values.items())
      console.print(f'step {step:>7}  {shown}'.rstrip())

  def close(self) -> None:
    if self.enabled:
      with files.told(self.path):  # what could not be written is tried again
        self.jsonl.close()
      self.events.close()

  def __enter__(self):
    return self

  def __exit__(self, *error):
    self.close()


def records(path: pathlib.Path) -> list[dict]:
  """The records of a `metrics.jsonl`; a last line that is not whole is none."""
  found = []
  lines = path.read_text(encoding='utf-8').splitlines()
  for number, line in enumerate(lines, 1):
    try:
      found.append(json.loads(line))
    except json.JSONDecodeError:
      if number < len(lines):
        raise ValueError(f'Line {number} of {path} is no JSON.') from None
  return found


def _rewind(path: pathlib.Path, done: int) -> None:
  """Takes out what a run that goes on after `done` steps writes again."""
  before = lambda r: (
    r['step'] < done or (r['step'] == done and 'val/top1' not in r)
  )
  kept = [record for record in records(path) if before(record)]
  files.write(path, ''.join(json.dumps(record) + '\n' for record in kept))
