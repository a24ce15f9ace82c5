"""Single examples to look at: the worst mistakes, the least certain hits."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.training.report.evaluations import Scores
from i2v_jax.training.report.frames import Footage, Strip

MISTAKES, HITS = 12, 8
TOP = 3


class Case(NamedTuple):
  """An example.

  Attributes:
    id: of it.
    labels: names of its classes.
    guesses: the most probable classes: name, probability, whether it is right.
    truth: the highest probability of one of its labels.
    span: start and end in its file, or None.
    strip: frames of it, or why there are none.
  """

  id: str
  labels: list[str]
  guesses: list[tuple[str, float, bool]]
  truth: float
  span: tuple[float, float] | None
  strip: Strip


def describe(scores: Scores, footage: Footage) -> Mapping[str, Any]:
  """Makes the values of both lists."""
  make = lambda row: make_case(scores, int(row), footage)
  wrong, right = find_mistakes(scores), find_hits(scores)
  return {
    'mistakes': [make(row) for row in wrong[:MISTAKES]],
    'hits': [make(row) for row in right[:HITS]],
    'wrong': len(wrong),
    'labelled': int(scores.labelled.sum()),
  }


def find_mistakes(scores: Scores) -> np.ndarray:
  """Finds examples whose most probable class is wrong, most certain first."""
  rows = np.flatnonzero(scores.labelled & ~scores.right)
  certain = scores.probabilities[rows].max(axis=1)
  return rows[np.argsort(-certain, kind='stable')]


def find_hits(scores: Scores) -> np.ndarray:
  """Finds examples whose most probable class is right, least certain first."""
  rows = np.flatnonzero(scores.labelled & scores.right)
  certain = scores.probabilities[rows].max(axis=1)
  return rows[np.argsort(certain, kind='stable')]


def make_case(scores: Scores, row: int, footage: Footage) -> Case:
  """Makes what is shown of an example."""
  p = scores.probabilities[row]
  labels, names = scores.name_labels(row), scores.class_names
  order = np.argsort(-p, kind='stable')[:TOP].tolist()
  of_labels = [float(p[k]) for k, n in enumerate(names) if n in labels]
  span = scores.spans[row]
  span = tuple(span.tolist()) if np.isfinite(span).all() else None
  return Case(
    str(scores.ids[row]),
    labels,
    [(names[k], float(p[k]), names[k] in labels) for k in order],
    max(of_labels, default=float('nan')),
    span,
    footage.read(str(scores.ids[row]), span),
  )
