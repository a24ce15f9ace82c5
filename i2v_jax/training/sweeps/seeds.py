"""Several seeds of each variant of a sweep: their mean and deviation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from i2v_jax.training.config_files import Variant


def expand_seeds(variant: Variant, count: int) -> list[Variant]:
  """Makes `count` variants of consecutive seeds, from that of the config on.

  The first keeps the name, so that seeds can be added to a finished sweep.
  """
  first = variant.config['seed']
  return [
    Variant(
      f'{variant.name}, seed {seed}' if seed > first else variant.name,
      dict(variant.config) | {'seed': seed},
    )
    for seed in range(first, first + count)
  ]


def gather_seeds(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
  """Merges the rows of all seeds of a variant into one.

  Returns:
    The first row with means in place of its accuracies, `NAME_deviation` of
    each (of a sample: over N - 1), and all rows as `seeds`. If a seed failed,
    `error` says which, and there are no accuracies.
  """
  if len(rows) == 1:
    return dict(rows[0])
  common = {k: v for k, v in rows[0].items() if not isinstance(v, float)}
  common |= {'reported': rows[0]['reported'], 'seeds': list(rows)}
  failed = [row for row in rows if row['error']]
  if failed:
    return common | {'error': f'{failed[0]["name"]}: {failed[0]["error"]}'}
  for key in rows[0]:
    values = [row[key] for row in rows]
    if isinstance(values[0], float) and key != 'reported':
      common[key] = float(np.mean(values))
      common[f'{key}_deviation'] = float(np.std(values, ddof=1))
  return common
