"""Scalars as TensorBoard reads them."""

import os
import pathlib
import sys
import time
import types

from i2v_jax.runtime import files


class Events:
  """A file of events in a workdir, whole after every record.

  Not written by a thread, as tensorboardX's own writer does: a full disk ends
  that one unheard.

  Args:
    workdir: the files go to `events` in it.
    done: steps that a run goes on from, None if it does not: TensorBoard
      forgets what it was told of later ones.
  """

  def __init__(self, workdir, done: int | None = None):
    self._proto = _tensorboard()
    self._folder = folder = pathlib.Path(workdir) / 'events'
    with files.told(folder):
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
    with files.told(self._folder):
      self._file.write_event(event)
      self._file.flush()

  def close(self) -> None:
    with files.told(self._folder):
      self._file.close()


def _tensorboard():
  """What tensorboardX has; without torch, whose import takes seconds."""
  hidden = 'torch' not in sys.modules
  if hidden:
    sys.modules['torch'] = None  # tensorboardX does without it, then
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
