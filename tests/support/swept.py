"""A folder of a sweep that never was, for its report."""

import json
import pathlib

from i2v_jax.training.sweeps.folders import name_folder

CURSED = '<script>alert(1)</script>'
# Tunable parameters and top-1; many share a place.
METHODS = {
  'linear probe': (260, 0.235),
  'LoRA, relocation': (74_116, 1.0),
  'ZeroI2V': (34_436, 0.998),
  'linear, channel shift': (34_436, 1.0),
  'GELU, relocation': (34_436, 0.995),
  'AIM': (26_436, 1.0),
  'ST-Adapter': (17_924, 1.0),
  'ST-Adapter, relocation': (17_924, 1.0),
  'full fine-tuning': (213_892, 0.265),
  'שיטה $x$ & "אחרת"': (900, 0.695),
  'a very long name of a method that nobody would give ' * 3: (50_000, 0.4),
}


def make_rows() -> list[dict]:
  """Makes rows as a comparison writes them, with one that failed."""
  rows = []
  for number, (name, (tunable, top1)) in enumerate(METHODS.items()):
    rows.append(
      {
        'name': name,
        'parameters': 179_456 + tunable,
        'tunable_params': tunable,
        'view_macs': 2_000_000 + 50_000 * number,
        'reported': 77.25 if number == 2 else None,
        'error': None,
        'top1': top1,
        'top5': 1.0,
        'train_seconds_per_clip': 0.001 + number / 1e3,
        'train_peak_bytes': (number + 12) * 2**20,
        'seconds_per_clip': 0.002,
      }
    )
  rows.append({'name': 'ZeroI2V, merged', 'seconds_per_clip': 0.00195})
  unknown = dict.fromkeys(('parameters', 'tunable_params', 'view_macs'))
  error = 'batch_size is 0; <b>it</b> is at least 1.'
  return [*rows, {'name': CURSED, 'reported': None, 'error': error} | unknown]


def make_sweep(folder, rows=None) -> pathlib.Path:
  """Makes the folder of a sweep, in which two runs have a report."""
  folder = pathlib.Path(folder)
  folder.mkdir(parents=True, exist_ok=True)
  rows = make_rows() if rows is None else rows
  (folder / 'results.json').write_text(json.dumps(rows))
  conditions = {
    'caption': 'On 1 cpu device(s), medians of 10 rounds in turn.',
    'command': 'i2v compare --config configs/quickstart.py --set "a=<b>"',
    'time': 1.75e9,
  }
  (folder / 'conditions.json').write_text(json.dumps(conditions))
  for name in ('AIM', 'LoRA, relocation'):
    run = folder / name_folder(name)
    run.mkdir(exist_ok=True)
    (run / 'report.html').write_text('<!doctype html><title>a run</title>')
  return folder
