"""What is known of the rows of a sweep before any is trained."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from i2v_jax import accounting, experiment, facts, fitting, run
from i2v_jax.backbones.vit_config import REMAT
from i2v_jax.runtime import sharding
from i2v_jax.runtime.console import console
from i2v_jax.variants import Variant


def rows(variants: Sequence[Variant]) -> list[dict[str, Any]]:
  """Checks configs, data and models of all variants; nothing is compiled.

  Returns:
    A row per variant: `name`, `reported`, `error` (None, or why it would be
      refused), `parameters`, `tunable_params` and `view_macs`. Errors are
      printed.

  Raises:
    FileNotFoundError: data or weights of a variant are not there.
  """
  found, splits = [], {}
  for variant in variants:
    row = {
      'name': variant.name,
      'parameters': None,
      'tunable_params': None,
      'view_macs': None,
      'reported': variant.config['reported'],
      'error': None,
    }
    try:
      row |= _costs(variant.config, splits)
    except ValueError as error:
      console.print(f'{variant.name} is refused: {error}')
      row['error'] = str(error)
    found.append(row)
  return found


def _costs(config: Mapping[str, Any], splits: dict) -> dict[str, int]:
  """Counts of a config that can be trained; `splits` keeps data once read."""
  mesh = sharding.make_mesh(config['mesh']['model'])
  fixed = dict(config)
  if config['batch_size'] == fitting.AUTO:
    fixed['batch_size'] = fitting.smallest(config, mesh)
  if config['remat'] == fitting.AUTO:
    fixed['remat'] = REMAT[0]
  experiment.check(fixed)
  sharding.check_batch_size(fixed['batch_size'], mesh, fixed['accumulate'])
  _check_there(experiment.base(config))
  key = json.dumps(experiment.plain(config['data']), sort_keys=True)
  if key not in splits:
    splits[key] = run.splits(config)
  train, _ = splits[key]
  model, mine = run.checked_model(fixed, train)
  sharding.check_heads(model.vit.num_heads, mesh)
  _, schedule = run.schedule(fixed, len(train))
  jax.eval_shape(run.optimizer_of(fixed, schedule, mine).init, mine)
  counts = accounting.count(config, model)
  return {
    'parameters': counts.total,
    'tunable_params': counts.tunable,
    'view_macs': counts.view_macs,
  }


def _check_there(weights: str) -> None:
  path = os.path.expanduser(weights)
  if facts.is_local(weights) and not os.path.exists(path):
    raise FileNotFoundError(f'No weights at {weights}.')
