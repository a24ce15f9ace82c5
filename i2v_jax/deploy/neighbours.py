"""`i2v neighbours`: similar videos, by their vectors."""

import collections
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import cosine, csv_files, feature_labels
from i2v_jax.data.sets.cosine import Pair
from i2v_jax.data.sets.feature_rows import Features, check_same_model
from i2v_jax.runtime.console import console, make_progress, make_table
from i2v_jax.runtime.errors import UserError

SHOWN = 100  # rows of a table; all are in --out
COUNT = 5
COLUMNS = (
  'file',
  'start',
  'end',
  'neighbour',
  'neighbour_start',
  'neighbour_end',
  'similarity',
)


class Classified(NamedTuple):
  """The class of a row, the one its neighbours vote for, and the nearest."""

  row: int
  label: str
  voted: str
  nearest: Pair | None


def find_neighbours(
  queries: Features, features: Features, count: int
) -> list[Pair]:
  """Finds the nearest rows of each query that show something else.

  Rows of the same video that overlap the query are no neighbours of it.
  """
  excluded = lambda row: features.list_of_span(
    queries.files[row], queries.spans[row]
  )
  found = cosine.find_nearest(
    queries.vectors, features.vectors, count, excluded
  )
  bar, advance = make_progress(len(queries), 'neighbours', 'vectors')
  pairs = []
  with bar:
    for nearest in found:
      pairs += nearest
      advance()
  return pairs


def find_duplicates(features: Features, least: float) -> list[Pair]:
  """Finds pairs of rows of different videos, from a similarity upwards."""
  excluded = lambda row: features.list_of_span(
    features.files[row], features.spans[row]
  )
  return cosine.find_pairs(features.vectors, least, excluded)


def classify(
  features: Features,
  train: Features,
  labels: Mapping[str, str] | None,
  count: int,
) -> list[Classified]:
  """Lets the nearest rows of `train` vote for the class of each row.

  Rows of the same video do not vote, so a file can be classified by itself.

  Args:
    features: rows to classify.
    train: rows that vote.
    labels: as in `feature_labels.list_labels`.
    count: number of votes.

  Raises:
    UserError: vectors are of different models, or there is only one class.
  """
  check_same_model(features, train)
  wanted = feature_labels.list_labels(features, labels)
  voters = feature_labels.list_labels(train, labels)
  if len({*voters}) == 1:
    raise UserError(
      f'All rows of {train.path} are of the class {voters[0]!r}; give '
      '--labels, or keep videos in a folder per class.'
    )
  excluded = lambda row: train.list_of_file(features.files[row])
  found = cosine.find_nearest(features.vectors, train.vectors, count, excluded)
  return [
    Classified(
      row, wanted[row], _vote(nearest, voters), next(iter(nearest), None)
    )
    for row, nearest in enumerate(found)
  ]


def _vote(nearest: Sequence[Pair], labels: Sequence[str]) -> str:
  return feature_labels.vote(
    [labels[pair.other] for pair in nearest],
    [pair.similarity for pair in nearest],
  )


def print_pairs(
  pairs: Sequence[Pair], queries: Features, features: Features, title: str
) -> None:
  """Prints a table of pairs."""
  rows = [
    (
      queries.describe(pair.one),
      features.describe(pair.other),
      f'{pair.similarity:.4f}',
    )
    for pair in pairs[:SHOWN]
  ]
  caption = ''
  if len(pairs) > SHOWN:
    caption = f'and {len(pairs) - SHOWN:,} more; --out writes all of them'
  columns = ('video', 'neighbour', 'similarity')
  console.print(make_table(title, columns, rows, caption))


def write_pairs(
  path, pairs: Iterable[Pair], queries: Features, features: Features
) -> None:
  """Writes pairs as CSV, a line each."""
  lines = (
    (
      *_list_cells(queries, pair.one),
      *_list_cells(features, pair.other),
      f'{pair.similarity:.6f}',
    )
    for pair in pairs
  )
  csv_files.write(path, COLUMNS, lines)
  console.print(f'written to {path}')


def _list_cells(features: Features, row: int) -> tuple[str, ...]:
  times = ('' if np.isnan(x) else f'{x:g}' for x in features.spans[row])
  return features.files[row], *times


def print_classified(
  found: Sequence[Classified], train: Features, count: int
) -> None:
  """Prints the accuracy of votes, of all and of each class."""
  right, total = collections.Counter(), collections.Counter()
  for item in found:
    total[item.label] += 1
    right[item.label] += item.voted == item.label
  of_each = {label: 100 * right[label] / total[label] for label in total}
  rows = [
    (label, total[label], f'{of_each[label]:.1f} %') for label in sorted(total)
  ]
  title = f'{count} nearest of {len(train):,} vectors of {train.path}'
  console.print(make_table(title, ('class', 'vectors', 'right'), rows))
  accuracy = 100 * right.total() / len(found)
  mean = sum(of_each.values()) / len(of_each)
  console.print(
    f'accuracy {accuracy:.2f} %, mean over classes {mean:.2f} %, of '
    f'{len(found):,} vectors'
  )
  unheard = sum(not item.voted for item in found)
  if unheard:
    console.print(f'counted as wrong, as no other video can vote: {unheard:,}')


def write_classified(
  path, found: Iterable[Classified], features: Features, train: Features
) -> None:
  """Writes the votes as CSV, a line each."""
  lines = (
    (
      *_list_cells(features, item.row),
      item.label,
      item.voted,
      train.files[item.nearest.other] if item.nearest else '',
    )
    for item in found
  )
  columns = ('file', 'start', 'end', 'label', 'voted', 'nearest')
  csv_files.write(path, columns, lines)
  console.print(f'written to {path}')
