"""The staging area of a data set being prepared, and whether it can resume."""

import contextlib
import hashlib
import json
import pathlib
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError


class Area:
  """The staging folder next to a data set that does not exist yet.

  Args:
    folder: the future folder of the data set.
  """

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self.staging = folder.parent / 'staging'

  @contextlib.contextmanager
  def enter(self, plan: dict[str, Any]) -> Iterator[None]:
    """Locks the area and resumes what was staged with the same plan.

    Raises:
      UserError: another process uses it, or it has another plan.
    """
    self.staging.mkdir(parents=True, exist_ok=True)
    with open(self.staging / 'lock', 'w', encoding='utf-8') as file:
      try:
        files.lock(file)
      except BlockingIOError:
        problem = f'another process prepares {self._folder.parent}'
        raise UserError(f'{problem}: wait for it, or stop it') from None
      self._check(plan)
      self._tidy()
      yield

  def _check(self, plan: dict[str, Any]) -> None:
    path = self.staging / 'plan.json'
    if not path.exists():
      files.write_json(path, plan)
    made = files.read_json(path)
    if made != plan:
      problem = (
        f'{self.staging} was started with {describe_difference(made, plan)}'
      )
      raise UserError(f'{problem}: resume with that, or delete the folder')

  def _tidy(self) -> None:
    """Removes unfinished folders of a killed process and of TFDS."""
    unfinished = f'incomplete.*_{self._folder.name}'
    for left in [
      *self.staging.glob('*/tmp-*'),
      *self._folder.parent.glob(unfinished),
    ]:
      shutil.rmtree(left)

  def remove(self) -> None:
    """Removes the area, if it exists."""
    shutil.rmtree(self.staging, ignore_errors=True)


def compute_digest(values: Iterable) -> str:
  """Computes the sha256 of JSON values, in hex digits."""
  return hashlib.sha256(json.dumps([*values]).encode()).hexdigest()


def describe_difference(made: dict, wanted: dict) -> str:
  """Describes the first difference between two plans."""
  names = [k for k in wanted | made if made.get(k) != wanted.get(k)]
  values = made.get(names[0]), wanted.get(names[0])
  if len(str(values[0])) > 15:  # hashes mean nothing to users
    return f'other {names[0]}'
  return f'{names[0]} {values[0]}, not {values[1]}'
