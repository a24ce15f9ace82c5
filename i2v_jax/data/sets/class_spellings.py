"""Classes, and the one spelling of each in the labels of a file."""

import collections
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_entries import Entry
from i2v_jax.data.sets.text_tables import Table
from i2v_jax.data.videos.names import make_blank_free_key
from i2v_jax.runtime.errors import UserError, suggest


class Classes(NamedTuple):
  """Class names, and how they are spelled.

  Attributes:
    numbers: names in label order -> label.
    spelled: key of a name, without case and blanks -> the name, as written.
    where: what names them.
  """

  numbers: Mapping[str, int]
  spelled: Mapping[str, str]
  where: str

  @property
  def names(self) -> tuple[str, ...]:
    return tuple(self.numbers)

  def find(self, label: str) -> int:
    """Finds the number of a label.

    Raises:
      UserError: it is no class, is spelled in another way, or is not text.
    """
    if not listing.is_text(label):
      raise UserError(f'{label!r} is not UTF-8; save it as CSV UTF-8')
    known = self.spelled.get(make_blank_free_key(label))
    if known is None:
      near = suggest(label.strip(), self.names)
      raise UserError(f'{label!r} is not in {self.where}{near}')
    if known != label:
      raise UserError(f'{label!r} is written {known!r} in {self.where}')
    return self.numbers[known.strip()]


def list_classes(names: Sequence[str], where: str) -> Classes:
  """Makes classes of names in label order.

  Raises:
    UserError: a name begins or ends with blanks, or two differ only in case or
      blanks.
  """
  spelled = {}
  for name in names:
    first = spelled.setdefault(make_blank_free_key(name), name)
    if first != name or name != name.strip():
      problem = f'{where}: class names {first!r} and {name!r} differ only in '
      problem += 'case or blanks'
      if first == name:
        problem = f'{where}: class name {name!r} begins or ends with blanks'
      raise UserError(f'{problem}: correct the list')
  return _number(names, spelled, where)


def find_classes(labels: Iterable[str], where: str) -> Classes:
  """Finds the classes of a file: its labels that are not blank, sorted.

  A label counts as it is written most often.

  Raises:
    UserError: there is no label.
  """
  spellings = collections.defaultdict(collections.Counter)
  for label in labels:
    if label.strip():
      spellings[make_blank_free_key(label)][label] += 1
  if not spellings:
    raise UserError(f'{where} has no label: fill in the column label')
  spelled = {key: max(of, key=of.get) for key, of in spellings.items()}
  names = sorted(text.strip() for text in spelled.values())
  return _number(names, spelled, where)


def _number(names: Sequence[str], spelled, where: str) -> Classes:
  return Classes({name: n for n, name in enumerate(names)}, spelled, where)


def convert_cells(
  table: Table, classes: Classes, problems: Problems
) -> np.ndarray:
  """Converts the column `label` to classes: int64 [R], -1 if it is empty.

  What `Classes.find` refuses is a problem.
  """
  parse = lambda text: classes.find(text) if text.strip() else -1
  return np.array(table.convert('label', parse, problems, -1), np.int64)


def convert_entries(
  entries: Sequence[Entry], classes: Classes, problems: Problems
) -> list[tuple[int, ...]]:
  """Converts the labels of segments to classes, those of each entry.

  What `Classes.find` refuses is a problem.
  """
  converted = []
  for entry in entries:
    found = set()
    for label in entry.labels:
      try:
        found.add(classes.find(label))
      except UserError as error:
        problems.add(entry.line, f'label {error}')
    converted.append(tuple(sorted(found)))
  return converted
