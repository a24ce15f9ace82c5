"""What was trained on what: command, config, data, unreadable videos."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from i2v_jax.training.report.origins import find_origins
from i2v_jax.training.report.run_files import SPLITS, RunFiles


def describe(run: RunFiles) -> dict[str, Any]:
  """Makes the values of the section."""
  command = run.starts[-1]['command'] if run.starts else ''
  found = find_origins(run.config, command) if run.config else None
  return {
    'command': command,
    'starts': run.starts,
    'origins': found,
    'model': describe_model(run.config),
    'splits': [_describe_split(run, name) for name in run.data],
    'classes': list_classes(run.data),
    'bad': run.bad,
  }


def describe_model(config: Mapping[str, Any]) -> str:
  """Describes method and image model in a few words, '' without a config."""
  model = config.get('model') or {}
  image = model.get('backbone') or {}
  if not image:
    return ''
  adapter = (model.get('adapter') or {}).get('name', '')
  method = adapter or 'a head on the frozen model'
  size = image.get('variant') or (
    f'of {image.get("depth")} blocks, {image.get("width")} wide'
  )
  frames, pixels = model.get('num_frames'), image.get('image_size')
  return (
    f'{method}, {image.get("family", "")} ViT {size}, {frames} frames of '
    f'{pixels} x {pixels} pixels'
  ).replace('swin ViT', 'swin')


def list_classes(data: Mapping[str, dict]) -> list[tuple]:
  """Lists classes by label, and how many of each split; None: it has none."""
  counts = [dict(data[name]['classes']) for name in SPLITS if name in data]
  names = dict.fromkeys(name for known in counts for name in known)
  return [(name, [known.get(name) for known in counts]) for name in names]


def _describe_split(run: RunFiles, name: str) -> dict[str, Any]:
  known = run.data[name]
  counts = np.array([count for _, count in known['classes']] or [0])
  return dict(known) | {
    'role': {'train': 'training', 'val': 'validation'}[name],
    'smallest': int(counts.min()),
    'median': float(np.median(counts)),
    'largest': int(counts.max()),
    'empty': int((counts == 0).sum()),
    'missing_ids': known.get('missing_ids', []),
  }
