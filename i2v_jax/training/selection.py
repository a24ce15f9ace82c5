"""The evaluation that a run reports: its last, or the best on `val`.

The best is chosen by the videos it is measured on, so it is too high; papers
that report it are compared with by `report_step='best'`.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from i2v_jax.runtime.errors import UserError
from i2v_jax.training.workdir import log

_ENDING = '_1view'


def check(config: Mapping[str, Any]) -> None:
  """Raises UserError if evaluations in a run have other views than its last."""
  views = config['views']
  if config['report_step'] == 'best' and views['clips'] * views['crops'] > 1:
    raise UserError(
      "report_step='best' compares evaluations of one view; set views.clips "
      'and views.crops to 1.'
    )


def choose_accuracy(
  config: Mapping[str, Any], workdir, last: Mapping[str, float]
) -> dict[str, float]:
  """Chooses the accuracies that a finished run reports.

  Args:
    config: of the run; `report_step` decides.
    workdir: of the run, with its `metrics.jsonl`.
    last: accuracies after the last step, in 0..1.

  Returns:
    `last`, or with 'best' those of the evaluation with the highest top-1 or
    mAP; the earliest of equal ones.
  """
  if config['report_step'] == 'last':
    return dict(last)
  key = 'mAP' if 'mAP' in last else 'top1'
  found = [*_read_evaluations(workdir), dict(last)]
  return max(found, key=lambda accuracy: accuracy.get(key, 0.0))


def describe_choice(
  config: Mapping[str, Any], workdir, last: Mapping[str, float]
) -> str:
  """Says what `choose_accuracy` chooses with 'best'."""
  chosen = choose_accuracy(config, workdir, last)
  key = 'mAP' if 'mAP' in last else 'top1'
  return (
    f'best of {len(_read_evaluations(workdir)) + 1} evaluations, chosen on '
    f'{config["data"]["val"]}: {key} {chosen[key]:.1%} '
    f'(after the last step {last[key]:.1%})'
  )


def _read_evaluations(workdir) -> list[dict[str, float]]:
  """Reads the accuracies of evaluations between steps, in order."""
  found = []
  for record in log.read_records(pathlib.Path(workdir, 'metrics.jsonl')):
    names = [name for name in record if name.endswith(_ENDING)]
    if names:
      short = lambda name: name.removeprefix('val/').removesuffix(_ENDING)
      found.append({short(name): record[name] for name in names})
  return found
