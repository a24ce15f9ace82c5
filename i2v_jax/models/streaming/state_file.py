"""The state of streams on disk: safetensors, which also keeps bfloat16."""

import os
from collections.abc import Mapping

import jax
from safetensors import SafetensorError, flax

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError


def save(state: Mapping[str, jax.Array], path: str | os.PathLike) -> None:
  """Writes a state, replacing a file of that name once it is complete.

  Raises:
    OSError: it cannot be written; says which file.
  """
  with files.explain_errors(path), files.replacing(path) as new:
    new.write_bytes(flax.save(dict(jax.device_get(state))))


def load(path: str | os.PathLike) -> dict[str, jax.Array]:
  """Reads a state that `save` wrote.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: it is damaged, or another kind of file.
  """
  try:
    found = flax.load_file(path)
  except SafetensorError as error:
    raise UserError(
      f'{path} is no state of streams, or damaged ({error}); write it again by '
      'streaming.save.'
    ) from error
  if 'age' not in found:
    raise UserError(
      f'{path} holds no ages of streams, so it is not a state that '
      'streaming.save wrote; choose another file.'
    )
  return found
