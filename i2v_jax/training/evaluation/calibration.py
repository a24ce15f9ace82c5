"""Calibration: a temperature, and a threshold for each of several labels.

Scores are probabilities averaged over views, so a temperature acts on them, not
on logits: softmax(log p / T) where each example has one label, sigmoid(logit p
/ T) where it has any number.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

LEAST = 1e-7  # of a probability, whose logarithm is to be finite
THRESHOLD = 0.5  # of a class for which none was fitted
RANGE = (1 / 20, 20.0)  # of the temperature
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclasses.dataclass(frozen=True)
class Calibration:
  """What was fitted on a split after training; by default nothing was.

  Attributes:
    temperature: by which `apply` divides log probabilities.
    thresholds: of calibrated probabilities, a number per class, from which on a
      class holds; None where each example has one label, or none was fitted.
    split: name of the split they were fitted on, such as `val`.
    split_sha256: its fingerprint.
    segment_seconds: median length of the segments it was trained on, 0 if it
      was trained on complete videos: the window of its timelines.
    training_fps: median frames per second of the videos it was trained on, 0
      if unknown: with the stride of its clips the rate of its streams.
  """

  temperature: float = 1.0
  thresholds: tuple[float, ...] | None = None
  split: str = ''
  split_sha256: str = ''
  segment_seconds: float = 0.0
  training_fps: float = 0.0

  def apply(self, probabilities: np.ndarray, task: str) -> np.ndarray:
    """Calibrates probabilities `[..., classes]` of a task; keeps their type."""
    return apply_temperature(probabilities, self.temperature, task)

  def to_json(self) -> dict[str, Any]:
    """Makes JSON values of it."""
    found = dataclasses.asdict(self)
    given = self.thresholds
    return found | {'thresholds': None if given is None else [*given]}

  @classmethod
  def from_json(cls, found: Mapping[str, Any] | None) -> 'Calibration':
    """Reads what `to_json` made; None and {} are that of older files."""
    if not found:
      return cls()
    given = found['thresholds']
    thresholds = None if given is None else tuple(given)
    known = found['split'], found['split_sha256']
    learnt = (found.get(k, 0.0) for k in ('segment_seconds', 'training_fps'))
    return cls(found['temperature'], thresholds, *known, *learnt)


UNFITTED = Calibration()


def apply_temperature(
  probabilities: np.ndarray, temperature: float, task: str
) -> np.ndarray:
  """Divides log probabilities by a temperature; 1 changes nothing.

  Args:
    probabilities: float [..., classes], 1e-7 at least; NaN stays NaN.
    temperature: above 1 for less certain ones.
    task: `single`, whose classes add up to 1, or `multi`.
  """
  probabilities = np.asarray(probabilities)
  if temperature == 1:
    return probabilities
  with np.errstate(invalid='ignore'):  # of NaN
    logits = make_logits(probabilities, task) / temperature
    found = np.exp(_log_probabilities(logits, task))
  return found.astype(probabilities.dtype)


def make_logits(probabilities: np.ndarray, task: str) -> np.ndarray:
  """Makes logits, float64, of which the probabilities would be."""
  p = np.clip(np.asarray(probabilities, np.float64), LEAST, 1 - LEAST)
  return np.log(p) - np.log1p(-p) if task == 'multi' else np.log(p)


def _log_probabilities(logits: np.ndarray, task: str) -> np.ndarray:
  """Computes the logarithms of sigmoids, or of softmax over the last axis."""
  if task == 'multi':
    return -np.logaddexp(0, -logits)
  logits = logits - logits.max(axis=-1, keepdims=True)
  return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def fit_temperature(
  scores: np.ndarray,
  labels: np.ndarray | None = None,
  targets: np.ndarray | None = None,
) -> float:
  """Fits the temperature of least negative log-likelihood.

  Targets are smoothed as Platt's (1999), so that a split on which all is right
  does not give a temperature of 0: of N+ decisions that hold and N- that do
  not, (N+ + 1) / (N+ + 2) and 1 / (N- + 2); of N examples with one of C labels
  (N + 1) / (N + C) for it and 1 / (N + C) for each other.

  Args:
    scores: [n, classes], probabilities, finite.
    labels: int [n], the one label of each, if there are no `targets`; rows of
      -1 do not count.
    targets: bool [n, classes], where there are any number of labels.

  Returns:
    The temperature, in 1/20..20; 1 if no row counts.
  """
  task = 'single' if targets is None else 'multi'
  if targets is None:
    scores, labels = scores[labels >= 0], labels[labels >= 0]
  if not len(scores):
    return 1.0
  logits = make_logits(scores, task)
  if targets is None:
    wanted = _smooth_labels(labels, logits.shape[1])
  else:
    wanted = _smooth_decisions(targets)

  def cost(log_temperature: float) -> float:
    divided = logits / math.exp(log_temperature)
    found = _log_probabilities(divided, task)
    if task == 'multi':  # log(1 - p) is log p less the logit
      return -float((found - (1 - wanted) * divided).sum())
    return -float((found * wanted).sum())

  return math.exp(find_least(cost, *map(math.log, RANGE)))


def _smooth_labels(labels: np.ndarray, classes: int) -> np.ndarray:
  count = len(labels)
  wanted = np.full((count, classes), 1 / (count + classes))
  wanted[np.arange(count), labels] = (count + 1) / (count + classes)
  return wanted


def _smooth_decisions(targets: np.ndarray) -> np.ndarray:
  held = int(targets.sum())
  other = targets.size - held
  return np.where(targets, (held + 1) / (held + 2), 1 / (other + 2))


def find_least(
  cost: Callable[[float], float], low: float, high: float, steps: int = 32
) -> float:
  """Finds where a function of one minimum is least, by golden section."""
  left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
  at_left, at_right = cost(left), cost(right)
  for _ in range(steps):
    if at_left <= at_right:
      high, right, at_right = right, left, at_left
      left = high - _GOLDEN * (high - low)
      at_left = cost(left)
    else:
      low, left, at_left = left, right, at_right
      right = low + _GOLDEN * (high - low)
      at_right = cost(right)
  return (low + high) / 2


def fit_thresholds(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
  """Fits the threshold of each class at which its F1 is highest.

  It is the middle between two neighbouring scores, or half of the lowest; of
  thresholds that are equally good, the lowest. A class without a positive gets
  0.5.

  Args:
    scores: [n, classes], calibrated probabilities.
    targets: bool [n, classes].

  Returns:
    float64 [classes]; a class holds where its score is at least that.
  """
  columns = zip(scores.T, targets.T, strict=True)
  return np.array([_fit_threshold(*column) for column in columns])


def _fit_threshold(scores: np.ndarray, targets: np.ndarray) -> float:
  held = int(targets.sum())
  if not held:
    return THRESHOLD
  scores = np.asarray(scores, np.float64)
  edges = np.unique(scores)  # a threshold in front of each
  order = np.sort(scores[targets])
  chosen = len(scores) - np.searchsorted(np.sort(scores), edges)
  right = held - np.searchsorted(order, edges)
  best = int(np.argmax(2 * right / (chosen + held)))
  below = edges[best - 1] if best else 0.0
  return float((below + edges[best]) / 2)
