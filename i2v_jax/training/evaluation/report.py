"""The report of an evaluation: its facts, its file, and a line of it."""

import importlib.metadata
import pathlib
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

import i2v_jax
from i2v_jax.data.loading import bad_videos
from i2v_jax.data.sets import csv_files, split_facts
from i2v_jax.runtime import files


def make_fingerprint(loader, normalization, model, decoded) -> dict:
  """Makes the facts of an evaluation that identify it: JSON values."""
  split, spec = loader.split, loader.spec
  return {
    'unit': split.unit,
    'listed': split_facts.count_listed(split),
    'missing': len(split.missing),
    'decoded': int(decoded.sum()),
    'failed': int((~decoded).sum()),
    'views': f'{spec.clips} clips x {spec.crops} crops',
    'frames': f'{spec.num_frames}x{spec.stride}'
    if spec.sampling in ('dense', 'key_frame')
    else f'{spec.num_frames} uniform',
    'image_size': spec.image_size,
    'short_side': spec.test_short_side or spec.image_size,
    'normalization': normalization,
    'split_sha256': split.fingerprint(),
    'decoder': f'PyAV {importlib.metadata.version("av")}',
    'dtype': jnp.dtype(model.image_model.dtype).name,
    'i2v_jax': i2v_jax.__version__,
  }


def write_report(
  evaluation, folder: pathlib.Path, more: Mapping[str, Any] | None = None
) -> None:
  """Writes `report.json`, and `bad_videos.csv` or removes an older one."""
  report = {'accuracy': evaluation.accuracy} | evaluation.fingerprint
  files.write_json(folder / 'report.json', report | dict(more or {}))
  bad = folder / 'bad_videos.csv'
  if evaluation.bad:
    csv_files.write(bad, bad_videos.COLUMNS, evaluation.bad.items())
  else:
    bad.unlink(missing_ok=True)


def describe_calibration(found: Mapping[str, Any]) -> str:
  """Describes what was fitted, and whether it was on the same split, or ''."""
  if 'temperature' not in found:
    return ''
  before, after = (
    found[key] for key in ('calibration_error', 'calibration_error_calibrated')
  )
  text = (
    f'calibration error {before:.2%}, {after:.2%} with the temperature '
    f'{found["temperature"]:.3g} fitted on {found["fitted_on"]}'
  )
  if not found['fitted_here']:
    return text
  return (
    f'{text}; this is that split, so that what depends on temperature or '
    'thresholds is better here than on other videos'
  )


def format_summary(evaluation) -> str:
  """Formats an `evaluate.Evaluation` as one line."""
  facts = evaluation.fingerprint
  failed = facts['listed'] - facts['decoded']
  same = facts.get('identical_crops', 0)
  unit = facts['unit']
  note = f'; all crops of {same} {unit} are the same, as they are square'
  return (
    f'{_format_accuracy(evaluation)}  '
    f'counted exactly {facts["decoded"]} of {facts["listed"]} {unit} '
    f'({failed} unreadable), {facts["views"]}{note if same else ""}'
  )


def _format_accuracy(evaluation) -> str:
  found = evaluation.accuracy
  if 'mAP' in found:
    return (
      f'mAP {found["mAP"]:.2%}  F1 {found["f1_micro"]:.2%} of all decisions, '
      f'{found["f1_macro"]:.2%} mean class'
    )
  few = evaluation.scores.shape[1] <= 5  # the first five are all there are
  top5 = '' if few else f'top-5 {found["top5"]:.2%}  '
  return (
    f'top-1 {found["top1"]:.2%}  {top5}mean class {found["mean_class"]:.2%}'
  )
