"""The labels of segments: class names, and one spelling for each."""

import collections
from collections.abc import Iterable, Sequence

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.box_labels import Classes
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_entries import Entry
from i2v_jax.data.videos.names import make_blank_free_key
from i2v_jax.runtime.errors import UserError, suggest


def list_classes(names: Sequence[str], where: str) -> Classes:
  """Makes classes of names in label order."""
  return Classes(
    tuple(names), {make_blank_free_key(name): name for name in names}, where
  )


def find_classes(entries: Iterable[Entry], where: str) -> Classes:
  """Finds the classes of entries: their labels, sorted.

  A label counts as it is written most often.

  Raises:
    UserError: no entry has a label.
  """
  spellings = collections.defaultdict(collections.Counter)
  for entry in entries:
    for label in entry.labels:
      spellings[make_blank_free_key(label)][label] += 1
  if not spellings:
    raise UserError(f'{where} has no label: fill in the column label')
  spelled = {key: max(of, key=of.get) for key, of in spellings.items()}
  names = sorted(text.strip() for text in spelled.values())
  return Classes(listing.check_names(names, where), spelled, where)


def convert_labels(
  entries: Sequence[Entry], classes: Classes, problems: Problems
) -> list[tuple[int, ...]]:
  """Converts labels to class numbers, those of each entry.

  Labels that are no class, or spelled in another way, are problems.
  """
  numbers = {name: number for number, name in enumerate(classes.names)}
  converted = []
  for entry in entries:
    found = set()
    for label in entry.labels:
      known = classes.spelled.get(make_blank_free_key(label))
      if known == label:
        found.add(numbers[known.strip()])
      else:
        problems.add(entry.line, _describe(label, known, classes))
    converted.append(tuple(sorted(found)))
  return converted


def _describe(label: str, known: str | None, classes: Classes) -> str:
  if known is None:
    near = suggest(label.strip(), classes.names)
    return f'label {label!r} is not in {classes.where}{near}'
  return f'label {label!r} is written {known!r} in {classes.where}'
