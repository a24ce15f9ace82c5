"""How good the model is: each measure, with its interval."""

from typing import Any, NamedTuple

from i2v_jax.training.report.evaluations import Evaluation
from i2v_jax.training.report.intervals import Share, bound
from i2v_jax.training.report.render import is_number

NAMES = {
  'top1': 'top-1',
  'top5': 'top-5',
  'mean_class': 'mean class',
  'mAP': 'mAP',
  'f1_micro': 'F1 of all decisions',
  'f1_macro': 'F1, mean of classes',
  'best_class': 'best class is right',
}
# Of these each example is right or wrong, independently of the others.
COUNTED = ('top1', 'top5', 'best_class')


class Measure(NamedTuple):
  """A measure of an evaluation.

  Attributes:
    key: in `report.json`.
    name: in words.
    value: as in `report.json`.
    interval: None of a measure that is no share of examples.
  """

  key: str
  name: str
  value: float
  interval: Share | None


def list_measures(evaluation: Evaluation) -> list[Measure]:
  """Lists the measures of an evaluation, the most important one first."""
  report, count = evaluation.report, count_labelled(evaluation)
  found = []
  for key, value in report['accuracy'].items():
    counted = key in COUNTED and count and is_number(value)
    interval = bound(value, count) if counted else None
    found.append(Measure(key, _name(key), value, interval))
  for key, value in report.get('temporal_mAP', {}).items():
    name = f'temporal mAP at IoU {key}'
    found.append(Measure(f'temporal_mAP.{key}', name, value, None))
  return found


def count_labelled(evaluation: Evaluation) -> int:
  """Counts the examples that were read and have a label."""
  if evaluation.scores is None:
    return evaluation.report['decoded']
  return int(evaluation.scores.labelled.sum())


def _name(key: str) -> str:
  if key.startswith('mAP_'):
    return f'mAP of {key.removeprefix("mAP_")} boxes'
  return NAMES.get(key, key)


def describe(evaluations: list[Evaluation]) -> dict[str, Any]:
  """Makes the values of the section."""
  rows = [
    {'evaluation': each, 'measures': list_measures(each)}
    for each in evaluations
  ]
  columns = dict.fromkeys(m.key for row in rows for m in row['measures'])
  return {
    'rows': rows,
    'columns': list(columns),
    'main': rows[0]['measures'][0] if rows else None,
    'count': count_labelled(evaluations[0]) if evaluations else 0,
  }
