"""Keeps what a sweep found: its `results.json`, smaller, with times.

python docs/results/collect.py runs/graded-heads docs/results/graded_heads.json
"""

import argparse
import json
import pathlib

import numpy as np

from i2v_jax.training.sweeps.folders import name_folder

KEPT = ('name', 'tunable_params', 'reported', 'top1', 'top1_deviation')
KEPT += ('difference', 'difference_low', 'difference_high')


def collect(workdir) -> dict:
  """Collects the rows of a sweep: accuracies, and minutes of training."""
  workdir = pathlib.Path(workdir)
  conditions = json.loads((workdir / 'conditions.json').read_text())
  rows = json.loads((workdir / 'results.json').read_text())
  return {
    'command': conditions['command'],
    'rows': [_keep(row, workdir) for row in rows],
  }


def _keep(row: dict, workdir: pathlib.Path) -> dict:
  runs = row.get('seeds') or [row]
  minutes = [_count_minutes(workdir / name_folder(r['name'])) for r in runs]
  found = {k: row[k] for k in KEPT if k in row}
  found = {
    k: round(x, 5) if isinstance(x, float) else x for k, x in found.items()
  }
  found['seeds'] = [round(run['top1'], 4) for run in runs]
  return found | {'minutes': round(float(np.sum(minutes)), 2)}


def _count_minutes(folder: pathlib.Path) -> float:
  """Minutes of the steps of a run at their median, which no pause changes."""
  lines = (folder / 'metrics.jsonl').read_text().splitlines()
  records = [r for r in map(json.loads, lines) if 'step_seconds' in r]
  median = np.median([record['step_seconds'] for record in records])
  return float(records[-1]['step'] * median) / 60


def write(found: dict, path) -> None:
  """Writes a line for each row, so that changes can be read."""
  rows = ',\n'.join(f'  {json.dumps(row)}' for row in found['rows'])
  command = json.dumps(found['command'])
  text = f'{{"command": {command},\n "rows": [\n{rows}\n ]}}\n'
  pathlib.Path(path).write_text(text, encoding='utf-8')


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('workdir')
  parser.add_argument('out')
  args = parser.parse_args()
  write(collect(args.workdir), args.out)
