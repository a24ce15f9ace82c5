"""Checkpoints of the trainable state, its step and its metadata.

They hold the source and hash of the frozen backbone, not its weights; frozen
parameters that no weights give are held as they were drawn.
"""

import contextlib
import functools
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import orbax.checkpoint as ocp

from i2v_jax.runtime import hosts
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import FileError
from i2v_jax.training.workdir import checkpoint_files

_LOG = logging.getLogger('absl')


class Checkpoints:
  """The checkpoints of one workdir.

  A checkpoint appears complete or not at all: it is written under another name
  and renamed, so a killed process leaves the one before. Its digests show
  whether the files are still those that were written.

  Args:
    workdir: absolute or relative folder.
    keep: number of checkpoints kept.
    trains: whether this is the trainer, which holds the lock: it moves
      unfinished and damaged checkpoints away.

  Raises:
    OSError: for a trainer, if there are checkpoints and all are damaged.
  """

  def __init__(self, workdir, keep: int = 2, trains: bool = False):
    self.workdir = workdir
    if trains:
      hosts.call_on_first(self._clear)
    options = ocp.CheckpointManagerOptions(
      max_to_keep=keep,
      async_options=ocp.AsyncOptions(post_finalization_callback=self._seal),
    )
    handlers = {
      'params': ocp.StandardCheckpointHandler(),
      'opt_state': ocp.StandardCheckpointHandler(),
      checkpoint_files.DRAWN: ocp.StandardCheckpointHandler(),
      'metadata': ocp.JsonCheckpointHandler(),
    }
    _LOG.addFilter(_not_of_orbax)
    _drop_late_notices()
    self.manager = ocp.CheckpointManager(
      checkpoint_files.checkpoints_folder(workdir),
      options=options,
      item_handlers=handlers,
    )
    self._saving = None

  def _clear(self) -> None:
    if line := checkpoint_files.clear(self.workdir):
      console.print(line)

  def _seal(self) -> None:
    """Runs in the writing thread of the first process, before the renaming."""
    name = f'{self._saving}{checkpoint_files.UNFINISHED}'
    checkpoint_files.seal(
      checkpoint_files.checkpoints_folder(self.workdir) / name
    )

  def latest_step(self) -> int | None:
    return self.manager.latest_step()

  def newest(self) -> int | None:
    """Finds the newest complete step; reports damaged ones after it.

    Raises:
      OSError: there are checkpoints, and all are damaged.
    """
    step, broken = checkpoint_files.find_newest(self.workdir)
    if broken:
      console.print(checkpoint_files.describe_broken(broken, step))
    return step

  def save(
    self, state, metadata: dict[str, Any], drawn: Mapping | None = None
  ) -> None:
    """Writes a `TrainState` and JSON metadata, unless that step is saved.

    Args:
      state: the state.
      metadata: in JSON.
      drawn: frozen parameters that were drawn at the start, if there are any.

    Raises:
      OSError: it, or the one before, which was still being written, failed.
    """
    step = int(state.step)
    if step == self.latest_step():
      return
    self.wait()
    trees = {'params': state.params, 'opt_state': state.opt_state}
    trees |= {checkpoint_files.DRAWN: drawn} if drawn else {}
    args = {name: ocp.args.StandardSave(x) for name, x in trees.items()}
    args['metadata'] = ocp.args.JsonSave(metadata)
    with self._explain_errors():
      self._saving = step
      self.manager.save(step, args=ocp.args.Composite(**args))

  def wait(self) -> None:
    """Waits until a save has finished; raises OSError if it failed."""
    with self._explain_errors():
      self.manager.wait_until_finished()

  def metadata(self, step: int) -> dict[str, Any]:
    """Reads the metadata saved with the arrays."""
    args = ocp.args.Composite(metadata=ocp.args.JsonRestore())
    return self.manager.restore(step, args=args)['metadata']

  def restore(self, step: int, like: Mapping[str, Any], sharding) -> dict:
    """Reads some of the trees that were saved at `step`.

    Args:
      step: one that exists.
      like: name -> tree of arrays or shapes that decide shape and dtype.
      sharding: of every leaf, or a tree of them like `like`; the topology at
        saving does not matter.
    """
    places = jax.tree.broadcast(sharding, dict(like))
    shape = lambda x, at: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=at)
    args = {
      name: ocp.args.StandardRestore(jax.tree.map(shape, tree, places[name]))
      for name, tree in like.items()
    }
    restored = self.manager.restore(step, args=ocp.args.Composite(**args))
    return {name: restored[name] for name in like}

  def close(self) -> None:
    """Waits for writing to end, and raises its errors.

    Raises:
      OSError: the last checkpoint could not be written.
    """
    try:
      with self._explain_errors():
        self.manager.close()
    finally:
      _LOG.removeFilter(_not_of_orbax)

  @contextlib.contextmanager
  def _explain_errors(self) -> Iterator[None]:
    """Raises errors of writing as one sentence."""
    try:
      yield
    except Exception as error:
      if not _is_of_disk(error):
        raise
      reason = str(error).strip().splitlines()
      reason = reason[-1] if reason else repr(error)
      steps = checkpoint_files.find_steps(self.workdir)
      left = (
        f'that of step {steps[-1]} is complete' if steps else 'there is none'
      )
      raise FileError(
        f'The checkpoint of step {self._saving} could not be written to '
        f'{checkpoint_files.checkpoints_folder(self.workdir)} '
        f'({reason}); {left}. Mend the disk and start the same command again.'
      ) from error

  def __enter__(self):
    return self

  def __exit__(self, *error):
    self.close()


def _is_of_disk(error: Exception) -> bool:
  """Whether the disk failed; TensorStore reports that as a ValueError."""
  text = str(error)
  return isinstance(error, OSError) or 'OS error' in text or 'os_error' in text


def _not_of_orbax(record: logging.LogRecord) -> bool:
  """Drops records of Orbax, which logs errors that it raises as well."""
  return 'orbax' not in record.pathname


@functools.cache
def _drop_late_notices() -> None:
  """Drops notices of writes that end after another one has failed.

  The error of the first is raised, and Orbax then closes the event loop that
  waits for all: each of the others would print a traceback. The hook remains,
  as they may end after the checkpoints are closed.
  """
  report = sys.unraisablehook

  def report_others(notice):
    of_write = notice.object is None  # called by TensorStore, not by Python
    if not (of_write and str(notice.exc_value) == 'Event loop is closed'):
      report(notice)

  sys.unraisablehook = report_others
