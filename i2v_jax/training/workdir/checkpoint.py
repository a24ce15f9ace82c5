"""Checkpoints of what changes: trainable state, position, and what it means.

The frozen backbone is not in them; its source and hash are.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import orbax.checkpoint as ocp

from i2v_jax.runtime import hosts
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import FileError
from i2v_jax.training.workdir import checkpoint_files as files

_LOG = logging.getLogger('absl')


class Checkpoints:
  """The checkpoints of one workdir, newest first to be restored.

  A checkpoint appears whole or not at all: it is written beside its place and
  renamed, so a killed process leaves the one before it. Digests in it tell if
  its files are still those that were written.

  Args:
    workdir: absolute or relative folder.
    keep: how many are kept.
    trains: whether this is the trainer, which holds the lock: what is
      unfinished or broken is put aside.

  Raises:
    OSError: of a trainer: there are checkpoints, and all are broken.
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
      'metadata': ocp.JsonCheckpointHandler(),
    }
    _LOG.addFilter(_not_of_orbax)
    self.manager = ocp.CheckpointManager(
      files.checkpoints_folder(workdir), options=options, item_handlers=handlers
    )
    self._saving = None

  def _clear(self) -> None:
    if line := files.clear(self.workdir):
      console.print(line)

  def _seal(self) -> None:
    """In the thread that writes, of the first process, before the renaming."""
    name = f'{self._saving}{files.UNFINISHED}'
    files.seal(files.checkpoints_folder(self.workdir) / name)

  def latest_step(self) -> int | None:
    return self.manager.latest_step()

  def newest(self) -> int | None:
    """The newest step that is whole; says so if there are broken ones after it.

    Raises:
      OSError: there are checkpoints, and all are broken.
    """
    step, broken = files.find_newest(self.workdir)
    if broken:
      console.print(files.describe_broken(broken, step))
    return step

  def save(self, state, metadata: dict[str, Any]) -> None:
    """Writes a `TrainState` and JSON metadata, unless they are there.

    Raises:
      OSError: this one, or the one before, whose writing went on meanwhile,
        could not be written.
    """
    step = int(state.step)
    if step == self.latest_step():
      return
    self.wait()
    with self._told():
      self._saving = step
      self.manager.save(
        step,
        args=ocp.args.Composite(
          params=ocp.args.StandardSave(state.params),
          opt_state=ocp.args.StandardSave(state.opt_state),
          metadata=ocp.args.JsonSave(metadata),
        ),
      )

  def wait(self) -> None:
    """Until what is being saved lies there; raises OSError if it cannot."""
    with self._told():
      self.manager.wait_until_finished()

  def metadata(self, step: int) -> dict[str, Any]:
    """What was saved beside the arrays."""
    args = ocp.args.Composite(metadata=ocp.args.JsonRestore())
    return self.manager.restore(step, args=args)['metadata']

  def restore(self, step: int, like: Mapping[str, Any], sharding) -> dict:
    """Reads `params`, `opt_state` or both, as saved at `step`.

    Args:
      step: one that exists.
      like: name -> tree of arrays or shapes that decide shape and dtype.
      sharding: where every leaf goes, or a tree like `like` that says it of
        each; the topology that saved does not matter.
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
    """Waits for writing to end, and raises what went wrong in it.

    Raises:
      OSError: the last checkpoint could not be written.
    """
    try:
      with self._told():
        self.manager.close()
    finally:
      _LOG.removeFilter(_not_of_orbax)

  @contextlib.contextmanager
  def _told(self) -> Iterator[None]:
    """What goes wrong while writing, as one sentence."""
    try:
      yield
    except Exception as error:
      if not _is_of_disk(error):
        raise
      reason = str(error).strip().splitlines()
      reason = reason[-1] if reason else repr(error)
      whole = files.find_steps(self.workdir)
      left = f'that of step {whole[-1]} is whole' if whole else 'there is none'
      raise FileError(
        f'The checkpoint of step {self._saving} could not be written to '
        f'{files.checkpoints_folder(self.workdir)} '
        f'({reason}); {left}. Mend the disk and start the same command again.'
      ) from error

  def __enter__(self):
    return self

  def __exit__(self, *error):
    self.close()


def _is_of_disk(error: Exception) -> bool:
  """Whether writing failed; TensorStore says so in a UserError."""
  said = str(error)
  return isinstance(error, OSError) or 'OS error' in said or 'os_error' in said


def _not_of_orbax(record: logging.LogRecord) -> bool:
  """It logs errors that it raises as well, with their tracebacks."""
  return 'orbax' not in record.pathname
