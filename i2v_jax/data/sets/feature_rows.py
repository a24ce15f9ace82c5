"""Vectors of videos and their parts, with where each is from."""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from i2v_jax.runtime.errors import UserError

_NO_ROWS = np.empty(0, np.int64)
_TOUCHING = 1e-6  # seconds; spans that only touch do not overlap


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
  """A file of vectors.

  Attributes:
    path: of the file, or of the video that was encoded.
    vectors: float32 [n, D], of length 1, or 0 where all numbers are 0.
    files: the video of each row, as it was named.
    spans: float64 [n, 2], start and end in seconds; NaN for a complete video.
    model: facts of what made the vectors.
  """

  path: str
  vectors: np.ndarray
  files: Sequence[str]
  spans: np.ndarray
  model: Mapping[str, Any]

  def __len__(self) -> int:
    return len(self.vectors)

  @functools.cached_property
  def rows_of(self) -> dict[str, np.ndarray]:
    """The rows of each video, by absolute path, in order."""
    rows = {}
    for row, file in enumerate(self.files):
      rows.setdefault(os.path.abspath(file), []).append(row)
    return {file: np.array(found) for file, found in rows.items()}

  def choose(self, rows: Sequence[int]) -> 'Features':
    """Chooses some rows."""
    return dataclasses.replace(
      self,
      vectors=self.vectors[rows],
      files=[self.files[row] for row in rows],
      spans=self.spans[rows],
    )

  def list_of_file(self, file: str) -> np.ndarray:
    """Lists the rows of a video: int64 [m]."""
    return self.rows_of.get(os.path.abspath(file), _NO_ROWS)

  def list_of_span(self, file: str, span: np.ndarray) -> np.ndarray:
    """Lists the rows of a video that overlap a span of it: int64 [m]."""
    rows = self.list_of_file(file)
    starts, ends = _complete(self.spans[rows]).T
    start, end = _complete(span)
    apart = (starts >= end - _TOUCHING) | (ends <= start + _TOUCHING)
    same = (starts == start) & (ends == end)
    return rows[~apart | same]

  def describe(self, row: int) -> str:
    """Describes a row: `a.mp4`, or `a.mp4@1-2.5` for a part of it."""
    start, end = self.spans[row]
    span = '' if np.isnan(start) else f'@{start:g}-{end:g}'
    return f'{self.files[row]}{span}'


def _complete(spans: np.ndarray) -> np.ndarray:
  """Replaces the missing times of complete videos."""
  return np.where(np.isnan(spans), [-np.inf, np.inf], spans)


def find_rows(features: Features, name: str) -> np.ndarray:
  """Finds the rows of a video, by path or base name, or one by its number.

  Returns:
    int64 [m], empty if there is no such video, or it is a file elsewhere.

  Raises:
    UserError: several videos have this base name, or there is no such number.
  """
  rows = features.list_of_file(name)
  if len(rows) or os.path.exists(name):  # another video of this base name
    return rows
  named = [file for file in features.rows_of if os.path.basename(file) == name]
  if len(named) > 1:
    raise UserError(
      f'{len(named)} videos of {features.path} are called {name}, such as '
      f'{named[0]} and {named[1]}; give a path.'
    )
  if named:
    return features.rows_of[named[0]]
  if not (name.isascii() and name.isdigit()):
    return _NO_ROWS
  if int(name) >= len(features):
    raise UserError(
      f'{features.path} has the rows 0 to {len(features) - 1:,}, not {name}.'
    )
  return np.array([int(name)])


# What vectors are of, and where their model was; they may differ.
_FREE = ('run', 'weights', 'per', 'windows', 'fps')


def check_same_model(one: Features, other: Features) -> None:
  """Raises UserError unless vectors of both can be compared."""
  for key in (one.model | other.model).keys() - {*_FREE}:
    here, there = one.model.get(key), other.model.get(key)
    if here != there:
      raise UserError(
        f'The vectors of {one.path} and {other.path} are of different models: '
        f'{key} is {here!r} and {there!r}; write both with the same model and '
        'options.'
      )
