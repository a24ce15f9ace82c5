"""Costs and errors of the rows of a sweep, before any is trained."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from i2v_jax.backbones.vit_config import REMAT
from i2v_jax.runtime import errors, sharding
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import FileError, MissingFileError
from i2v_jax.training import auto, counts, experiment, facts
from i2v_jax.training.config_files import Variant
from i2v_jax.training.run import (
  build_checked_model,
  build_optimizer,
  load_splits,
  make_schedule,
)


def preview_rows(variants: Sequence[Variant]) -> list[dict[str, Any]]:
  """Checks configs, data and models of all variants; nothing is compiled.

  Returns:
    A row per variant: `name`, `reported`, `error` (None, or why it would be
      refused), `parameters`, `tunable_params` and `view_macs`. Errors are
      printed.

  Raises:
    FileError: data or weights of a variant are missing.
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
      row |= _count_costs(variant.config, splits)
    except FileError:
      raise
    except Exception as error:  # a bug, too: the others may train
      row['error'] = errors.report_failure(error)
      console.print(f'{variant.name} is refused: {row["error"]}')
    found.append(row)
  return found


def _count_costs(config: Mapping[str, Any], splits: dict) -> dict[str, int]:
  """Counts the costs of a valid config; `splits` caches data."""
  mesh = sharding.make_mesh(config['mesh']['model'])
  fixed = dict(config)
  if config['batch_size'] == auto.AUTO:
    fixed['batch_size'] = auto.find_smallest_batch(config, mesh)
  if config['remat'] == auto.AUTO:
    fixed['remat'] = REMAT[0]
  experiment.check_config(fixed)
  sharding.check_batch_size(fixed['batch_size'], mesh, fixed['accumulate'])
  _check_weights(experiment.find_weights_source(config))
  key = json.dumps(experiment.to_plain(config['data']), sort_keys=True)
  if key not in splits:
    splits[key] = load_splits(config)
  train, _ = splits[key]
  model, mine = build_checked_model(fixed, train)
  model.image_model.check_mesh(mesh)
  _, schedule = make_schedule(fixed, len(train))
  jax.eval_shape(build_optimizer(fixed, schedule, mine).init, mine)
  found = counts.count_costs(config, model)
  return {
    'parameters': found.total,
    'tunable_params': found.tunable,
    'view_macs': found.view_macs,
  }


def _check_weights(weights: str) -> None:
  path = os.path.expanduser(weights)
  if facts.is_local(weights) and not os.path.exists(path):
    raise MissingFileError(f'No weights at {weights}.')
