"""Methods side by side: accuracy, parameters, time and memory.

`compare_overrides` trains a config and its variants by overrides, and merges
it; `compare_methods` trains the variants of a sweep and measures their cost.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from i2v_jax import adapters
from i2v_jax.bench import timing
from i2v_jax.deploy import evaluation, trained
from i2v_jax.deploy.export import export_merged
from i2v_jax.models.build import merge
from i2v_jax.params import cast_params
from i2v_jax.runtime import compilation, files, sharding
from i2v_jax.runtime.console import console, make_progress
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import (
  after_training,
  auto,
  experiment,
  loop,
  memory,
)
from i2v_jax.training.config_files import Variant
from i2v_jax.training.run import Run, prepare_run
from i2v_jax.training.sweeps import sweep


def with_overrides(
  config: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict:
  """A plain config with nested `changes` made; an unknown key raises."""
  config = dict(config)
  if not isinstance(changes, Mapping):
    raise UserError(
      f'compare has {changes!r} for a variant; give a mapping of keys to '
      'values.'
    )
  for key, value in changes.items():
    if key not in config:
      raise UserError(
        f'compare changes {key!r}, which the config does not have.'
      )
    nested = isinstance(value, Mapping) and isinstance(config[key], Mapping)
    config[key] = with_overrides(config[key], value) if nested else value
  return config


def compare_overrides(
  config: Mapping[str, Any], workdir, extend: bool = False
) -> list[dict]:
  """Trains `config.compare`'s variants and the config itself, and merges it.

  The config's own run is in `workdir`, the variants in folders of their names,
  the export in `workdir/merged`. `extend` is that of `train_and_evaluate`.

  Returns:
    The rows of `workdir/results.json`.
  """
  if jax.process_count() > 1:
    raise UserError(
      'A config with `compare` runs in one process; set --config.compare={}.'
    )
  workdir, config = pathlib.Path(workdir), experiment.to_plain(config)
  variants = config.pop('compare')
  main = config | {'compare': {}}
  method = (main['model']['adapter'] or {}).get('name', 'no adapter')
  changed = {name: with_overrides(main, v) for name, v in variants.items()}
  for values in (main, *changed.values()):
    experiment.check_config(values)
  found = {}
  for name, values in changed.items():
    console.rule(name)
    found[name] = loop.train_and_evaluate(values, workdir / name, extend)
    after_training.write_page(workdir / name)
  console.rule(method)
  found[method] = loop.train_and_evaluate(main, workdir, extend)
  console.rule(f'{method}, merged')
  models = {name: trained.load(workdir / name) for name in variants}
  models[method] = trained.load(workdir)
  difference = export_merged(models[method], workdir / 'merged')
  merged, root = f'{method}_merged', main['data']['root']
  # No export keeps where its data are.
  models[merged] = trained.load(workdir / 'merged', root=root)
  _, found[merged] = evaluation.evaluate_trained(models[merged])
  rows = _make_rows(models, found, {merged: difference})
  sweep.finish(rows, workdir, COLUMNS)
  return rows


def _make_rows(models, evaluations, differences) -> list[dict]:
  pairs = {name: (m.model, m.params) for name, m in models.items()}
  seconds = timing.time_clips(pairs)
  return [
    {
      'method': name,
      'tunable_params': experiment.count_trained(m.config, m.params),
      **evaluations[name].accuracy,
      'seconds_per_clip': seconds[name],
      'merge_max_diff': differences.get(name),
    }
    for name, m in models.items()
  ]


COLUMNS = {
  'method': lambda row: row['method'],
  'tunable': sweep.make_cell('tunable_params', ','),
  'top-1': sweep.format_score,
  'ms per clip': sweep.make_cell('seconds_per_clip', '.2f', 1e3),
  'max merge difference': sweep.make_cell('merge_max_diff', '.1e'),
}


def compare_methods(
  variants: Sequence[Variant], workdir, rounds: int = 10
) -> list[dict]:
  """Trains the variants of a sweep as `i2v sweep` does, and measures them.

  Measured are the training step, on a batch of the config's size, and the
  forward pass of one clip, both on random clips; times are medians over rounds
  in which every method has one turn. Memory of the training step is what XLA
  plans, its FLOPs are what XLA counts.

  Returns:
    The rows of `workdir/results.json`: those of the sweep with
    `train_seconds_per_clip`, `train_flops_per_clip`, `train_peak_bytes` and
    `seconds_per_clip`; and for each method that merges, a row
    `'NAME, merged'` with the last one only.
  """
  with compilation.cache_in(workdir):
    rows = sweep.train_all(variants, workdir)
    console.rule('measurements')
    runs = _prepare_runs(
      [v for v, row in zip(variants, rows, strict=True) if not row['error']],
      workdir,
    )
    measured = _measure_training(runs, rounds)
  seconds = timing.time_clips(_merge_all(runs), rounds)
  for name, value in seconds.items():
    measured.setdefault(name, {})['seconds_per_clip'] = value
  found = []
  for row in rows:
    merged = merged_name(row['name'])
    found.append(row | measured.get(row['name'], {}))
    if merged in measured:
      found.append({'name': merged} | measured[merged])
  conditions = runs and f'{_describe_conditions(runs, rounds)} {ONE_CLIP}'
  sweep.finish(found, workdir, METHOD_COLUMNS, conditions or '')
  return found


def compare_steps(
  variants: Sequence[Variant], workdir, rounds: int = 10
) -> list[dict]:
  """Measures the training steps of a sweep, and trains nothing.

  Returns:
    The rows of `workdir/steps.json`: `name`, `train_seconds_per_clip`,
    `train_flops_per_clip` and `train_peak_bytes`.
  """
  runs = _prepare_runs(variants, workdir)
  measured = _measure_training(runs, rounds)
  rows = [{'name': name} | found for name, found in measured.items()]
  files.write_json(pathlib.Path(workdir) / 'steps.json', rows)
  sweep.print_table(rows, STEP_COLUMNS, _describe_conditions(runs, rounds))
  return rows


def _prepare_runs(variants, workdir) -> dict[str, Run]:
  workdir = pathlib.Path(workdir)
  runs = {}
  for variant in variants:
    folder = workdir / variant.folder
    config = auto.settle(variant.config, folder)
    runs[variant.name] = prepare_run(config, folder)
  return runs


merged_name = '{}, merged'.format

ONE_CLIP = 'Inference: one clip at a time.'
METHOD_COLUMNS = {
  'method': lambda row: row['name'] if 'error' in row else '  merged',
  'tunable': sweep.make_cell('tunable_params', ','),
  'top-1': sweep.format_score,
  'train\nms/clip': sweep.make_cell('train_seconds_per_clip', '.2f', 1e3),
  'inference\nms/clip': sweep.make_cell('seconds_per_clip', '.2f', 1e3),
  'train peak\nMiB': sweep.make_cell('train_peak_bytes', ',.1f', 2**-20),
}
STEP_COLUMNS = {
  'method': lambda row: row['name'],
  'ms/clip': sweep.make_cell('train_seconds_per_clip', ',.2f', 1e3),
  'GFLOP/clip': sweep.make_cell('train_flops_per_clip', ',.2f', 1e-9),
  'peak MiB': sweep.make_cell('train_peak_bytes', ',.1f', 2**-20),
}


def _measure_training(runs: Mapping[str, Run], rounds: int) -> dict[str, dict]:
  """Seconds per clip and memory of every method's training step."""
  steps, measured = {}, {}
  bar, advance = make_progress(len(runs), 'compile', 'methods')
  with bar:
    for name, run in runs.items():
      steps[name], measured[name] = _compile_step(run)
      advance()
  for name, seconds in timing.alternate(steps, rounds).items():
    per_clip = float(np.median(seconds)) / runs[name].config['batch_size']
    measured[name]['train_seconds_per_clip'] = per_clip
  return measured


def _compile_step(run: Run):
  """A training step that continues from call to call, and its costs."""
  shapes = memory.make_batch_shapes(run.config, run.model, run.mesh)
  batch = _random_batch(shapes, run.model.num_classes)
  batch = sharding.put(batch, run.mesh)
  state = jax.tree.map(jnp.copy, run.state)  # which the step donates
  compiled = memory.compile_step(run)

  def call():
    nonlocal state
    state, _ = compiled(state, run.frozen, batch)
    return state

  peak = compilation.read_peak_bytes(compiled)
  per_clip = _count_flops(run, compiled)
  return call, {'train_peak_bytes': peak, 'train_flops_per_clip': per_clip}


def _count_flops(run: Run, compiled) -> float | None:
  """FLOPs of a training step per clip, or None where XLA does not count."""
  size = run.config['batch_size']
  if run.config['accumulate'] == 1:
    flops = (compiled.cost_analysis() or {}).get('flops')
    return flops and flops * run.mesh.size / size
  # XLA counts the body of a loop once, so count the batch in one part.
  in_one = dict(run.config) | {'accumulate': 1}
  lowered, _ = memory.lower_step(in_one, run.mesh, run.model.num_classes)
  return 2 * compilation.count_xla_macs(lowered) / size


def _random_batch(shapes: Mapping, num_classes: int) -> dict[str, Any]:
  rng = np.random.default_rng(0)

  def draw(x):
    if x.dtype == jnp.uint8:
      return rng.integers(0, 256, x.shape, np.uint8)
    return rng.standard_normal(x.shape, np.float32).astype(x.dtype)

  size = shapes['label'].shape
  label = rng.integers(0, num_classes, size, np.int32)
  known = {'label': label, 'mask': np.ones(size, np.float32)}
  for name in {'targets', 'box_labels'} & set(shapes):  # yes or no
    known[name] = rng.integers(0, 2, shapes[name].shape, np.uint8)
  return jax.tree.map(draw, dict(shapes)) | known


def _merge_all(runs: Mapping[str, Run]) -> dict:
  """`(model, params)` of every method, also merged where it can be."""
  models = {}
  for name, run in runs.items():
    models[name] = run.model, run.params
    if adapters.can_merge(run.model.adapter):
      models[merged_name(name)] = merge(run.model, run.params)
  return {
    name: (model, cast_params(params, model.image_model.dtype))
    for name, (model, params) in models.items()
  }


def _describe_conditions(runs: Mapping[str, Run], rounds: int) -> str:
  """The caption: what was measured, and how."""
  if not runs:
    return ''
  sizes = sorted({run.config['batch_size'] for run in runs.values()})
  return (
    f'On {len(jax.devices())} {jax.default_backend()} device(s), medians of '
    f'{rounds} rounds in turn. Training: a step on a batch of '
    f'{" or ".join(map(str, sizes))}.'
  )
