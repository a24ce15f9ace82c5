"""Rows of arrays in one file: written in order, read in any.

Rows have a fixed size, so the length of the file gives their number, and a
killed program resumes after the last complete row.
"""

import json
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import FileError, UserError

DATA, FACTS = 'features.bin', 'features.json'


class Store:
  """A folder with `count` rows, of which some may be written.

  Args:
    folder: its path; `open` makes it.
    like: shapes and types of the arrays of one row.
    count: number of rows when complete.
    facts: JSON values that determine the arrays.
    classes: of `targets`, where clips have any number of labels; 0 for none.
  """

  def __init__(
    self,
    folder,
    like: Sequence[Any],
    count: int,
    facts: Mapping[str, Any],
    classes: int = 0,
  ):
    self.folder, self.count = pathlib.Path(folder), count
    self.facts = json.loads(json.dumps(facts))
    fields = [('label', np.int32), ('mask', np.float32)]
    fields += [('targets', np.uint8, classes)] if classes else []
    self.known = [name for name, *_ in fields]
    fields += [(f'array_{i}', x.dtype, x.shape) for i, x in enumerate(like)]
    self.dtype = np.dtype(fields)

  @property
  def nbytes(self) -> int:
    """Bytes of all rows."""
    return self.count * self.dtype.itemsize

  @property
  def done(self) -> int:
    """Number of complete rows written."""
    file = self.folder / DATA
    size = file.stat().st_size if file.exists() else 0
    return min(size // self.dtype.itemsize, self.count)

  def open(self, limit: float):
    """Checks that the rows have these facts and that there is room for more.

    Args:
      limit: bytes that all rows may take.

    Raises:
      UserError: the rows have other facts, or all take more than `limit`.
      OSError: the disk has no room for them.
    """
    self._check_facts()
    size, rest = self.nbytes, self.nbytes - self.done * self.dtype.itemsize
    if size > limit:
      raise UserError(
        f'Features of {self.count:,} clips take {size / 1e9:,.2f} GB, more '
        f'than cache_gb = {limit / 1e9:g}; raise it, or set it to 0.'
      )
    self.folder.mkdir(parents=True, exist_ok=True)
    if rest > (free := shutil.disk_usage(self.folder).free):
      raise FileError(
        f'Features need {rest / 1e9:,.2f} GB more and {self.folder} has '
        f'{free / 1e9:,.2f} GB free; choose another --workdir, or set '
        'cache_gb to 0.'
      )
    files.write_json(self.folder / FACTS, self.facts)

  def _check_facts(self) -> None:
    file = self.folder / FACTS
    if not file.exists():
      return
    try:
      held = files.read_json(file)
    except UserError as error:
      raise UserError(
        f'{file} cannot be read ({error}); delete {self.folder}, or choose '
        'another --workdir.'
      ) from error
    for key in sorted(self.facts.keys() | held.keys()):
      if held.get(key) != self.facts.get(key):
        raise UserError(
          f'{self.folder} holds features of another {key}; delete that folder, '
          'or choose another --workdir.'
        )

  def rows(
    self, arrays: Sequence, batch: Mapping[str, np.ndarray]
  ) -> np.ndarray:
    """Makes rows to `append` from arrays with a leading axis.

    Args:
      arrays: those of `like`.
      batch: has `label`, `mask` and, with classes, `targets`.
    """
    rows = np.empty(len(batch['label']), self.dtype)
    for name in self.known:
      rows[name] = batch[name]
    for i, array in enumerate(arrays):
      rows[f'array_{i}'] = array
    return rows

  def append(self, batches) -> None:
    """Writes batches of rows after those that are written."""
    path = self.folder / DATA
    with files.explain_errors(path), path.open('ab') as file:
      file.truncate(self.done * self.dtype.itemsize)
    for rows in batches:  # whose own errors are not those of this file
      rows = rows[: self.count - self.done]
      with files.explain_errors(path), path.open('ab') as file:
        # Not `tofile`, which hides that a disk is full from small writes.
        file.write(rows.tobytes())

  def read(self, rows: Sequence[int]) -> tuple[list, dict[str, np.ndarray]]:
    """Reads the arrays of rows, with a leading axis, and what else they hold.

    That is `label`, `mask` and, with classes, `targets`.

    Raises:
      UserError: not all rows are written.
    """
    if self.done < self.count:
      raise UserError(
        f'{self.folder} has {self.done} of {self.count} rows; write the rest.'
      )
    found = np.memmap(self.folder / DATA, self.dtype, 'r', shape=self.count)
    found = found[np.asarray(rows)]
    copied = {n: np.ascontiguousarray(found[n]) for n in self.dtype.names}
    known = {name: copied.pop(name) for name in self.known}
    return [*copied.values()], known
