"""Writes metrics of a run: console, `metrics.jsonl`, TensorBoard events."""

import json
import math
import os
import pathlib
import sys
import time
import types
from collections.abc import Mapping

import numpy as np

from i2v_jax.runtime import files
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError


class Writer:
  """Writes scalars of a run; only the first process of many does.

  Args:
    workdir: folder of `metrics.jsonl` and the TensorBoard events.
    enabled: whether this process writes.
    done: step from which the run resumes: records of later steps, which will be
      written again, and the final evaluation are removed. None keeps all.
  """

  def __init__(self, workdir, enabled: bool = True, done: int | None = None):
    self.enabled = enabled
    if enabled:
      self.path = pathlib.Path(workdir) / 'metrics.jsonl'
      if done is not None and self.path.exists():
        _rewind(self.path, done)
      self.jsonl = self.path.open('a', encoding='utf-8')
      self.events = Events(workdir, done)

  def scalars(
    self,
    step: int,
    values: dict,
    show: bool = True,
    unseen: Mapping[str, float] = types.MappingProxyType({}),
  ) -> None:
    """Adds one record: `{name: number}` at a step.

    Args:
      step: of the record.
      values: its numbers.
      show: whether to print them.
      unseen: more numbers of the record, which are not printed.
    """
    if not self.enabled:
      return
    values = {k: float(np.asarray(v)) for k, v in values.items()}
    shown = '  '.join(f'{k} {v:<8.4g}' for k, v in values.items())
    values |= unseen
    record = {'step': step, 'time': round(time.time(), 3)}
    for name, value in values.items():  # JSON has no word for inf and nan
      record[name] = value if math.isfinite(value) else None
    with files.explain_errors(self.path):
      print(json.dumps(record), file=self.jsonl, flush=True)
    self.events.scalars(step, values)
    if show:
      console.print(f'step {step:>7}  {shown}'.rstrip())

  def close(self) -> None:
    if self.enabled:
      with files.explain_errors(self.path):
        self.jsonl.close()  # tries again what could not be written
      self.events.close()

  def __enter__(self):
    return self

  def __exit__(self, *error):
    self.close()


def read_records(path: pathlib.Path) -> list[dict]:
  """Reads the records of a `metrics.jsonl`, but no incomplete last line."""
  found = []
  lines = path.read_text(encoding='utf-8').splitlines()
  for number, line in enumerate(lines, 1):
    try:
      found.append(json.loads(line))
    except json.JSONDecodeError:
      if number < len(lines):
        raise UserError(f'Line {number} of {path} is not JSON.') from None
  return found


def _rewind(path: pathlib.Path, done: int) -> None:
  """Removes records that a run resuming after `done` steps writes again."""
  before = lambda r: (
    r['step'] < done or (r['step'] == done and not _is_final(r))
  )
  kept = [record for record in read_records(path) if before(record)]
  files.write(path, ''.join(json.dumps(record) + '\n' for record in kept))


def _is_final(record: dict) -> bool:
  """Whether it is of the evaluation after the last step, on all views."""
  val = [key for key in record if key.startswith('val/')]
  return any(not key.endswith('_1view') for key in val)


class Events:
  """A TensorBoard file of events in a workdir, complete after every record.

  Unlike tensorboardX's own writer it uses no thread, which a full disk ends
  without an error.

  Args:
    workdir: the files are written to it.
    done: step from which a run resumes, so that TensorBoard drops later ones;
      None if it does not.
  """

  def __init__(self, workdir, done: int | None = None):
    self._proto = _import_tensorboard()
    self._folder = folder = pathlib.Path(workdir) / 'events'
    with files.explain_errors(folder):
      self._file = self._proto.EventsWriter(str(folder), f'.{os.getpid()}')
    if done is not None:
      log = self._proto.SessionLog
      self._write(step=done + 1, session_log=log(status=log.START))

  def scalars(self, step: int, values: dict[str, float]) -> None:
    """Adds `{name: number}` at a step."""
    summary = self._proto.Summary()
    for name, value in values.items():
      summary.value.add(tag=name, simple_value=value)
    self._write(step=step, summary=summary)

  def _write(self, **content) -> None:
    event = self._proto.Event(wall_time=time.time(), **content)
    with files.explain_errors(self._folder):
      self._file.write_event(event)
      self._file.flush()

  def close(self) -> None:
    with files.explain_errors(self._folder):
      self._file.close()


def _import_tensorboard():
  """Imports tensorboardX without torch, which would take seconds."""
  hidden = 'torch' not in sys.modules
  if hidden:
    sys.modules['torch'] = None  # tensorboardX works without it
  try:
    from tensorboardX import event_file_writer
    from tensorboardX.proto import event_pb2, summary_pb2
  finally:
    if hidden:
      del sys.modules['torch']
  return types.SimpleNamespace(
    EventsWriter=event_file_writer.EventsWriter,
    Event=event_pb2.Event,
    SessionLog=event_pb2.SessionLog,
    Summary=summary_pb2.Summary,
  )
