"""What an answer that looks at nothing would reach."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.training.report.evaluations import Evaluation
from i2v_jax.training.report.run_files import RunFiles


class Chance(NamedTuple):
  """The share of the largest class, and whether all are as large."""

  share: float
  balanced: bool


def measure(counts) -> Chance | None:
  """Measures it of the numbers of examples of classes; None without any."""
  counts = np.asarray(counts)
  if not counts.sum():
    return None
  share = float(counts.max() / counts.sum())
  return Chance(share, bool((counts == counts.max()).all()))


def find_of_evaluation(evaluation: Evaluation | None) -> Chance | None:
  """Finds chance among the labelled examples; None with several labels."""
  scores = evaluation and evaluation.scores
  if scores is None or scores.targets is not None:
    return None
  labels = scores.labels[scores.labelled]
  return measure(np.bincount(labels, minlength=len(scores.class_names)))


def find_of_run(run: RunFiles) -> Chance | None:
  """Finds chance in the `val` split of a run; None with several labels."""
  known: Mapping[str, Any] = run.data.get('val', {})
  if run.config.get('task') != 'single':
    return None
  return measure([count for _, count in known.get('classes', ())])
