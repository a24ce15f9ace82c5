"""The labels of boxes: class names, and one spelling for each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.text_tables import Table
from i2v_jax.data.videos.names import make_comparison_key
from i2v_jax.runtime.errors import UserError, suggest


class Classes(NamedTuple):
  """Class names, and how they are spelled.

  Attributes:
    names: in label order.
    spelled: comparison key of a name -> the name, as it is written.
    where: what names them.
  """

  names: tuple[str, ...]
  spelled: Mapping[str, str]
  where: str


def list_classes(names: Sequence[str], where: str) -> Classes:
  """Makes classes of names in label order."""
  return Classes(
    tuple(names), {make_comparison_key(name): name for name in names}, where
  )


def find_classes(table: Table) -> Classes:
  """Finds the classes of a table: its labels, sorted.

  Raises:
    UserError: no row has a label.
  """
  spelled = {}
  for text in table.columns['label']:
    if text.strip():
      spelled.setdefault(make_comparison_key(text), text)
  if not spelled:
    raise UserError(f'{table.path} has no label: fill in the column label')
  names = tuple(sorted(text.strip() for text in spelled.values()))
  return Classes(names, spelled, str(table.path))


def convert_labels(
  table: Table, classes: Classes, problems: Problems
) -> np.ndarray:
  """Converts the column `label` to classes: int64 [R], -1 if it is empty.

  Labels that are no class, or spelled in another way, are problems.
  """
  numbers = {name: number for number, name in enumerate(classes.names)}

  def parse(text: str) -> int:
    if not text.strip():
      return -1
    known = classes.spelled.get(make_comparison_key(text))
    if known is None:
      near = suggest(text.strip(), classes.names)
      raise UserError(f'{text.strip()!r} is not in {classes.where}{near}')
    if known != text:
      raise UserError(f'{text!r} is written {known!r} elsewhere')
    return numbers[known.strip()]

  return np.array(table.convert('label', parse, problems, -1), np.int64)
