"""How good the model is: each measure, with its interval."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from i2v_jax.training.report import certainty, chance
from i2v_jax.training.report.evaluations import Evaluation
from i2v_jax.training.report.intervals import Share, bound
from i2v_jax.training.report.render import is_number

NAMES = {
  'top1': 'top-1',
  'top5': 'top-5',
  'mean_class': 'mean class accuracy',
  'mAP': 'mAP',
  'f1_micro': 'F1 of all decisions',
  'f1_macro': 'F1, mean of classes',
  'best_class': 'best class is right',
}
# Of these each example is right or wrong, independently of the others.
COUNTED = ('top1', 'top5', 'best_class')
FEW = 5  # classes, one of whose five best is always right


# Facts of an evaluation that the section tells in words.
TOLD = (
  'calibration_error',
  'calibration_error_calibrated',
  'temperature',
  'fitted_on',
  'fitted_here',
)


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
  """Lists the measures of an evaluation, the most important one first.

  Top-5 of no more than 5 classes says nothing, and is left out.
  """
  report, count = evaluation.report, count_labelled(evaluation)
  few = 0 < count_classes(evaluation) <= FEW
  found = []
  for key, value in report['accuracy'].items():
    if key == 'top5' and few:
      continue
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


def count_classes(evaluation: Evaluation) -> int:
  """Counts the classes; 0 if unknown."""
  if evaluation.scores is None:
    return len(evaluation.classes[1])
  return len(evaluation.scores.class_names)


def _name(key: str) -> str:
  if key.startswith('mAP_'):
    return f'mAP of {key.removeprefix("mAP_")} boxes'
  return NAMES.get(key, key)


def describe(
  evaluations: list[Evaluation], trained: Mapping[str, Any]
) -> dict[str, Any]:
  """Makes the values of the section.

  Args:
    evaluations: of the run.
    trained: values of the section on progress.
  """
  rows = [
    {'evaluation': each, 'measures': list_measures(each)}
    for each in evaluations
  ]
  first = evaluations[0] if evaluations else None
  step = first and first.report.get('step')
  val = trained['val']
  fitted = first and first.report.get('temperature')
  return {
    'rows': rows,
    'chance': chance.find_of_evaluation(first),
    'told': TOLD,
    'bound': certainty.find_bound(fitted),
    'main': next(iter(rows[0]['measures']), None) if rows else None,
    'older': step if step != trained['step'] else None,
    'newer': val if val and step is not None and val[1] > step else None,
    'count': count_labelled(first) if first else 0,
  }
