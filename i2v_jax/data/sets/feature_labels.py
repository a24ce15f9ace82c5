"""Classes of vectors, and a vote of the nearest for one."""

import os
from collections.abc import Iterable, Mapping, Sequence

from i2v_jax.data.sets import listing, segment_columns, text_tables
from i2v_jax.data.sets.feature_rows import Features
from i2v_jax.data.sets.problems import Problems
from i2v_jax.runtime.errors import UserError


def list_labels(
  features: Features, labels: Mapping[str, str] | None
) -> list[str]:
  """Lists the class of each row.

  Args:
    features: the rows.
    labels: of `read_labels`; None if a class is the folder of a video.

  Raises:
    UserError: a video has no class.
  """
  if labels is None:
    folder = lambda file: os.path.dirname(os.path.abspath(file))
    return [os.path.basename(folder(file)) for file in features.files]
  found = [_find_label(file, labels) for file in features.files]
  lacking = [
    file for file, x in zip(features.files, found, strict=True) if x is None
  ]
  if lacking:
    raise UserError(
      f'{len({*lacking}):,} videos of {features.path} have no line in '
      f'--labels, such as {lacking[0]}; add them.'
    )
  return found


def _find_label(file: str, labels: Mapping[str, str]) -> str | None:
  label = labels.get(os.path.abspath(file))
  return labels.get(os.path.basename(file)) if label is None else label


def read_labels(path: listing.Path) -> dict[str, str]:
  """Reads a table with the columns `file` and `label`, or as others call them.

  Files are relative to the folder of the table or to the working directory; one
  without a folder stands for all videos of that base name too.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: it has other columns, or two classes for a file.
  """
  rows, _ = text_tables.read_rows(path, segment_columns.has_needed)
  head = [cell.strip() for cell in rows[0][1]] if rows else []
  names = segment_columns.find_columns(path, head).names
  problems, found = Problems(path), {}
  at = [head.index(names[name]) for name in ('file', 'label')]
  for line, row in rows[1:]:
    if len(row) <= max(at) or not all(row[n].strip() for n in at):
      problems.add(line, 'lacks a file or a label')
      continue
    file, label = (row[n].strip() for n in at)
    for key in _list_keys(path, file):
      if found.setdefault(key, label) != label:
        problems.add(line, f'{file} is {label}, and {found[key]} before')
  problems.check()
  return found


def _list_keys(path: listing.Path, file: str) -> set[str]:
  beside = os.path.join(os.path.dirname(path), file)
  keys = {os.path.abspath(file), os.path.abspath(beside)}
  return keys if os.path.dirname(file) else keys | {file}


def vote(labels: Sequence[str], similarities: Iterable[float]) -> str:
  """Returns the class with the largest sum of similarities, '' without any.

  Similarities below 0 count as 0; of equal sums the class of the nearest wins.

  Args:
    labels: of the neighbours, the nearest first.
    similarities: of the neighbours.
  """
  sums = {}
  for label, similarity in zip(labels, similarities, strict=True):
    sums[label] = sums.get(label, 0.0) + max(similarity, 0.0)
  return max(sums, key=sums.get, default='')
