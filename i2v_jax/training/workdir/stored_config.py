"""The config of a run, read from its workdir without JAX."""

import pathlib
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.workdir import checkpoint_files


def read_config(workdir) -> dict[str, Any] | None:
  """Reads the config with which a run was started last.

  It is `config.json`, which every start replaces; where that is missing or
  damaged, that of the newest checkpoint which has one. Keys younger than the
  run are not added.

  Returns:
    The config; None if the folder holds none.
  """
  workdir = pathlib.Path(workdir)
  if found := _read(workdir / 'config.json'):
    return found
  folder = checkpoint_files.checkpoints_folder(workdir)
  for step in reversed(checkpoint_files.find_steps(workdir)):
    saved = _read(folder / str(step) / 'metadata' / 'metadata')
    if saved and isinstance(saved.get('config'), dict):
      return saved['config']
  return None


def _read(path: pathlib.Path) -> dict[str, Any] | None:
  try:
    return files.read_json(path)
  except (FileNotFoundError, UserError):  # the power failed as it was written
    return None
