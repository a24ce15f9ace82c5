"""Checkpoints of what changes: trainable state, position, and what it means.

The frozen backbone is not in them; its source and hash are.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import orbax.checkpoint as ocp


class Checkpoints:
  """The checkpoints of one workdir, newest first to be restored.

  A checkpoint appears whole or not at all: it is written beside its place and
  renamed, so a killed process leaves the one before it.

  Args:
    workdir: absolute or relative folder.
    keep: how many are kept.
  """

  def __init__(self, workdir, keep: int = 2):
    folder = pathlib.Path(workdir).absolute() / 'checkpoints'
    options = ocp.CheckpointManagerOptions(max_to_keep=keep)
    handlers = {
      'params': ocp.StandardCheckpointHandler(),
      'opt_state': ocp.StandardCheckpointHandler(),
      'metadata': ocp.JsonCheckpointHandler(),
    }
    self.manager = ocp.CheckpointManager(
      folder, options=options, item_handlers=handlers
    )

  def latest_step(self) -> int | None:
    return self.manager.latest_step()

  def save(self, state, metadata: dict[str, Any]) -> None:
    """Writes a `TrainState` and JSON metadata, unless they are there."""
    step = int(state.step)
    if step == self.latest_step():
      return
    self.manager.save(
      step,
      args=ocp.args.Composite(
        params=ocp.args.StandardSave(state.params),
        opt_state=ocp.args.StandardSave(state.opt_state),
        metadata=ocp.args.JsonSave(metadata),
      ),
    )

  def metadata(self, step: int) -> dict[str, Any]:
    """What was saved beside the arrays."""
    args = ocp.args.Composite(metadata=ocp.args.JsonRestore())
    return self.manager.restore(step, args=args)['metadata']

  def restore(self, step: int, like: Mapping[str, Any], sharding) -> dict:
    """Reads `params`, `opt_state` or both, as saved at `step`.

    Args:
      step: one that exists.
      like: name -> tree of arrays or shapes that decide shape and dtype.
      sharding: where every leaf goes; the topology that saved does not matter.
    """
    shape = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding)
    args = {
      name: ocp.args.StandardRestore(jax.tree.map(shape, tree))
      for name, tree in like.items()
    }
    restored = self.manager.restore(step, args=ocp.args.Composite(**args))
    return {name: restored[name] for name in like}

  def close(self) -> None:
    """Waits for writing to end, and raises what went wrong in it."""
    self.manager.wait_until_finished()
    self.manager.close()

  def __enter__(self):
    return self

  def __exit__(self, *error):
    self.close()
