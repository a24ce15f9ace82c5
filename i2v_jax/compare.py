"""Trains a config and its variants, merges the result, and prints one table."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
from rich.table import Table

from i2v_jax import benchmark, experiment, train, trained, writers
from i2v_jax import export as export_lib
from i2v_jax import params as params_lib


def override(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict:
  """A plain config with nested `changes` made; an unknown key raises."""
  config = dict(config)
  for key, value in changes.items():
    if key not in config:
      raise ValueError(f'compare changes {key!r}, which the config lacks.')
    nested = isinstance(value, Mapping) and isinstance(config[key], Mapping)
    config[key] = override(config[key], value) if nested else value
  return config


def compare(config: Mapping[str, Any], workdir) -> list[dict]:
  """Trains `config.compare`'s variants and the config itself, and merges it.

  The config's own run lies in `workdir`, the variants in folders of their name,
  the export in `workdir/merged`.

  Returns:
    The rows of `workdir/results.json`.
  """
  if jax.process_count() > 1:
    raise ValueError(
      'A config with `compare` runs in one process; set --config.compare={}.'
    )
  workdir, config = pathlib.Path(workdir), experiment.plain(config)
  variants = config.pop('compare')
  main = config | {'compare': {}}
  method = main['model']['adapter']['name']
  for name, changes in variants.items():
    writers.console.rule(name)
    train.train_and_evaluate(override(main, changes), workdir / name)
  writers.console.rule(method)
  train.train_and_evaluate(main, workdir)
  writers.console.rule(f'{method}, merged')
  models = {name: trained.load(workdir / name) for name in variants}
  models[method] = trained.load(workdir)
  difference = export_lib.export(models[method], workdir / 'merged')
  models[f'{method}_merged'] = trained.load(workdir / 'merged')
  rows = _rows(models, {f'{method}_merged': difference})
  (workdir / 'results.json').write_text(json.dumps(rows, indent=2) + '\n')
  show(rows)
  return rows


def _rows(models, differences) -> list[dict]:
  pairs = {name: (m.model, m.params) for name, m in models.items()}
  seconds = benchmark.seconds_per_clip(pairs)
  return [
    {
      'method': name,
      'tunable_params': _tunable(m),
      'top1': trained.evaluate_trained(m)[1].accuracy['top1'],
      'seconds_per_clip': seconds[name],
      'merge_max_diff': differences.get(name),
    }
    for name, m in models.items()
  ]


def _tunable(model: trained.Trained) -> int:
  """Trained parameters that are not folded into the backbone."""
  present = [
    prefix
    for prefix in model.config['trainable']
    if not prefix or prefix.split('/')[0] in model.params
  ]
  return params_lib.count(params_lib.split(model.params, present)[0])


def show(rows: list[dict]) -> None:
  """Prints the rows as a table."""
  table = Table(title='Results', title_justify='left')
  table.add_column('method')
  for name in ('tunable', 'top-1', 'ms per clip', 'max merge difference'):
    table.add_column(name, justify='right')
  for row in rows:
    difference = row['merge_max_diff']
    table.add_row(
      row['method'],
      f'{row["tunable_params"]:,}',
      f'{row["top1"]:.1%}',
      f'{row["seconds_per_clip"] * 1e3:.2f}',
      '-' if difference is None else f'{difference:.1e}',
    )
  writers.console.print(table)
