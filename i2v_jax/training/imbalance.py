"""Classes of uneven size: weights and offsets of the loss, by their counts.

They are constants of the training step. Evaluation and prediction read plain
logits.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.sources import Split
from i2v_jax.runtime.errors import UserError

KEYS = {  # of a config -> the value that is off
  'class_weights': 'none',
  'logit_adjustment': 0.0,
}


class Imbalance(NamedTuple):
  """What a loss does about classes of uneven size.

  Attributes:
    weights: float32 [classes], of a class, or where an example has any number
      of labels of its positives; None for 1.
    offsets: float32 [classes], added to logits in the loss; None for 0.
  """

  weights: np.ndarray | None = None
  offsets: np.ndarray | None = None


EVEN = Imbalance()


def make_imbalance(config: Mapping[str, Any], train: Split) -> Imbalance:
  """Makes the weights and offsets that a config asks for.

  Args:
    config: of the experiment: `class_weights`, `effective_beta`,
      `logit_adjustment`.
    train: its training split, whose examples are counted.

  Raises:
    UserError: a weight is given for a class that there is not.
  """
  multi, rule = train.targets is not None, config['class_weights']
  counts, total = count_examples(train)
  weights = offsets = None
  if isinstance(rule, Mapping):
    weights = name_weights(rule, train.class_names)
  elif rule == 'inverse':
    make = make_inverse_of_positives if multi else make_inverse
    weights = make(counts, total)
  elif rule == 'effective':
    make = make_effective_of_positives if multi else make_effective
    weights = make(counts, total, config['effective_beta'])
  if factor := config['logit_adjustment']:
    offsets = factor * make_log_odds(counts, total, multi)
  return Imbalance(*map(_to_constant, (weights, offsets)))


def count_examples(split: Split) -> tuple[np.ndarray, int]:
  """Counts the examples of each class, [classes], and all that count."""
  if split.targets is not None:
    return split.targets.sum(axis=0), len(split)
  labels = split.labels[split.labels >= 0]
  return np.bincount(labels, minlength=len(split.class_names)), len(labels)


def make_inverse(counts: np.ndarray, total: int) -> np.ndarray:
  """Weighs each class by N / (C n), over the C classes with examples.

  Their weights average 1 over the examples, as scikit-learn's `balanced` ones.
  A class without examples gets 1.
  """
  there = counts > 0
  return np.where(there, total / (there.sum() * np.maximum(counts, 1)), 1.0)


def make_effective(counts: np.ndarray, total: int, beta: float) -> np.ndarray:
  """Weighs by one over the effective number of examples (arXiv 1901.05555).

  The weights of the classes with examples add up to their number; a class
  without gets 1.
  """
  there = counts > 0
  found = 1 / count_effective(np.maximum(counts, 1), beta)
  return np.where(there, found * there.sum() / found[there].sum(), 1.0)


def make_inverse_of_positives(counts: np.ndarray, total: int) -> np.ndarray:
  """Weighs positives by (N - n) / n, so that they count as the negatives.

  A class that no example has, or every one, gets 1.
  """
  return _compare(counts, total, lambda count: count)


def make_effective_of_positives(
  counts: np.ndarray, total: int, beta: float
) -> np.ndarray:
  """Does the same with effective numbers in place of numbers."""
  return _compare(counts, total, lambda count: count_effective(count, beta))


def _compare(counts, total, size) -> np.ndarray:
  mixed = (counts > 0) & (counts < total)
  held = np.where(mixed, counts, 1)
  others = np.where(mixed, total - counts, 1)
  return size(others) / size(held)


def count_effective(counts: np.ndarray, beta: float) -> np.ndarray:
  """Counts effective examples, (1 - beta^n) / (1 - beta), of n from 1."""
  return (1 - np.power(beta, counts.astype(float))) / (1 - beta)


def make_log_odds(counts: np.ndarray, total: int, multi: bool) -> np.ndarray:
  """Makes the offsets of logit adjustment (arXiv 2007.07314).

  They are log(n / N); where an example has any number of labels, log(n / (N -
  n)), which is our design. A class that no example has counts as having half of
  one, and one that all have as lacking half of one.
  """
  held = np.maximum(counts, 0.5)
  if not multi:
    return np.log(held / total)
  held = np.minimum(held, total - 0.5)
  return np.log(held / (total - held))


def name_weights(
  given: Mapping[str, float], class_names: Sequence[str]
) -> np.ndarray:
  """Makes the weights [classes] given by name; a class not named gets 1.

  Raises:
    UserError: a name is none of the classes.
  """
  if unknown := sorted(set(given) - set(class_names)):
    raise UserError(
      f'class_weights names {listing.name_some(unknown)}, which the data does '
      f'not have; its classes are {listing.name_some(class_names)}.'
    )
  return np.array([float(given.get(name, 1.0)) for name in class_names])


def _to_constant(values: np.ndarray | None) -> np.ndarray | None:
  return None if values is None else values.astype(np.float32)
