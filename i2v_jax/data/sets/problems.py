"""Everything that is wrong with a file, in one error."""

import os

from i2v_jax.runtime.errors import UserError

SHOWN = 10


class BadFileError(UserError):
  """The error for a file with problems.

  Attributes:
    rows: (path, unit, number, text) of all of them.
  """

  def __init__(self, text: str, rows: list[tuple[str, str, int, str]]):
    super().__init__(text)
    self.rows = rows


class Problems:
  """All that is wrong with one file.

  Args:
    path: of the file.
    unit: what its parts are called.
    shown: number of bad parts that an error names; it counts the others.
    way_out: how to see the others.
  """

  def __init__(
    self,
    path: str | os.PathLike[str],
    unit: str = 'line',
    shown: int = SHOWN,
    way_out: str = '',
  ):
    self._path, self._unit, self._shown = path, unit, shown
    self._way_out, self._found = way_out, {}

  def __bool__(self) -> bool:
    return bool(self._found)

  def __contains__(self, number: int) -> bool:
    return number in self._found

  def add(self, number: int, text: str) -> None:
    """Adds what is wrong with a part."""
    texts = self._found.setdefault(number, [])
    if text not in texts:
      texts.append(text)

  def check(self) -> None:
    """Raises BadFileError for all problems, naming the first."""
    if not self._found:
      return
    numbers, unit = sorted(self._found), self._unit
    texts = {number: ', '.join(self._found[number]) for number in numbers}
    shown = [f'{unit} {n}: {texts[n]}' for n in numbers[: self._shown]]
    if len(numbers) > self._shown:
      shown.append(f'and {len(numbers) - self._shown:,} more{self._way_out}')
    count = f'{len(numbers):,} bad {unit}{"s" * (len(numbers) > 1)}'
    text = f'{self._path} has {count}; {"; ".join(shown)}'
    rows = [(str(self._path), unit, n, text) for n, text in texts.items()]
    raise BadFileError(f'{text}; correct or drop them', rows)
