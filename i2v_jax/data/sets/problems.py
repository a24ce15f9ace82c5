"""Everything that is wrong with a file, in one error."""

import os

from i2v_jax.runtime.errors import UserError

SHOWN = 10


class Problems:
  """All that is wrong with one file.

  Args:
    path: of the file.
    unit: what its parts are called.
    shown: number of problems that an error names; it counts the others.
  """

  def __init__(
    self, path: str | os.PathLike[str], unit: str = 'line', shown: int = SHOWN
  ):
    self._path, self._unit, self._shown = path, unit, shown
    self._found = {}

  def __contains__(self, number: int) -> bool:
    return number in self._found

  def add(self, number: int, text: str) -> None:
    """Adds what is wrong with a part, unless it has a problem already."""
    self._found.setdefault(number, text)

  def check(self) -> None:
    """Raises UserError for all problems, naming the first."""
    if not self._found:
      return
    numbers, unit = sorted(self._found), self._unit
    shown = [f'{unit} {n}: {self._found[n]}' for n in numbers[: self._shown]]
    if len(numbers) > self._shown:
      shown.append(f'and {len(numbers) - self._shown:,} more')
    count = f'{len(numbers):,} bad {unit}{"s" * (len(numbers) > 1)}'
    text = f'{self._path} has {count}; {"; ".join(shown)}'
    raise UserError(f'{text}; correct or drop them')
