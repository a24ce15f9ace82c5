"""Findings about videos that look alike, by their vectors."""

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from i2v_jax.data.check.listed import Finding, Listed, format_count
from i2v_jax.data.sets import cosine
from i2v_jax.data.sets.feature_rows import Features
from i2v_jax.runtime.errors import UserError

SIMILARITY = 0.98


class Vectors(NamedTuple):
  """Vectors of the videos of a check.

  Attributes:
    features: the file.
    least: similarity of two near-duplicates, at least.
  """

  features: Features
  least: float = SIMILARITY


def check(vectors: Vectors, listed: Listed) -> None:
  """Raises UserError unless some listed video has a vector."""
  features, paths = vectors.features, listed.paths.values()
  if not any(len(features.list_of_file(path)) for path in paths):
    path, (first, *_) = features.path, features.files
    raise UserError(
      f'{path} has no vector of a listed video, but of {first}; run i2v '
      'features on these videos, from the same working directory.'
    )


def find(
  vectors: Vectors, listed: Listed, records: Mapping[str, Mapping]
) -> Iterator[Finding]:
  """Yields near-duplicates in different splits, and videos without a vector."""
  features, places = vectors.features, _find_places(vectors.features, listed)
  pairs = {}
  for one, other, similarity in _compare(vectors, places):
    for key in itertools.product(places[one], places[other]):
      if not _are_equal(*key, records):  # which is another finding
        pairs.setdefault(tuple(sorted(key)), similarity)
  if pairs:
    rows = [
      (*one, f'{similarity:.4f} like {other.video} of {other.split}')
      for (one, other), similarity in pairs.items()
    ]
    text = f'near-duplicates in more than one split: {len(rows):,} '
    yield Finding(
      'near_duplicate', True, f'{text}pair{"s" * (len(rows) > 1)}', rows
    )
  lacking = [
    (name, video, '')
    for name, video, path in _iterate_videos(listed)
    if not len(features.list_of_file(path))
  ]
  if lacking:
    text = f'without a vector in {features.path}: {format_count(len(lacking))}'
    yield Finding('no_vector', False, text, lacking)


class _Place(NamedTuple):
  split: str
  video: str


def _iterate_videos(listed: Listed) -> Iterator[tuple[str, str, str]]:
  """Yields split, id and path of each video."""
  for name, split in listed.videos.items():
    for video, path in zip(split.ids, split.paths, strict=True):
      yield name, video, path


def _find_places(features: Features, listed: Listed) -> dict[int, list[_Place]]:
  """Finds the listed videos that each row is of."""
  places = {}
  for name, video, path in _iterate_videos(listed):
    for row in features.list_of_file(path).tolist():
      places.setdefault(row, []).append(_Place(name, video))
  return places


def _compare(vectors: Vectors, places: Mapping) -> Iterator[cosine.Pair]:
  """Yields pairs of rows in different splits, the most similar first."""
  rows = np.array(sorted(places))
  chosen = vectors.features.choose(rows)
  splits = [{place.split for place in places[row]} for row in rows.tolist()]
  alone = np.array([min(x) if len(x) == 1 else '' for x in splits])

  def exclude(row: int) -> np.ndarray:
    mine = chosen.list_of_file(chosen.files[row])
    same = np.flatnonzero((alone == alone[row]) & (alone != ''))
    return np.union1d(mine, same)

  for pair in cosine.find_pairs(chosen.vectors, vectors.least, exclude):
    one, other = rows[[pair.one, pair.other]].tolist()
    yield cosine.Pair(one, other, pair.similarity)


def _are_equal(one: _Place, other: _Place, records: Mapping) -> bool:
  """Whether two are of one split, or have the same content."""
  contents = [records[place.video].get('sha256') for place in (one, other)]
  same = contents[0] is not None and contents[0] == contents[1]
  return one.split == other.split or same
