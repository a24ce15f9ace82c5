"""Workdirs of runs that never were, for reports: what training writes."""

import json
import pathlib
import shutil

import numpy as np
from paths import ROOT

from i2v_jax.data.sets.split import Split
from i2v_jax.runtime import files
from i2v_jax.training.evaluation import assessment, evaluate

CURSED = '<script>alert(1)</script>'
NAMES = (
  CURSED,
  'salt & "pepper"',
  "it's {{ 7 * 7 }}",
  'قفز فوق الحصان',
  'walking very slowly ' * 9,
  'dive',
)
COMMAND = (
  'python -m i2v_jax.main --config configs/quickstart.py:smoke '
  '--config.optimizer.lr=0.01 --workdir runs/q'
)


def make_run(workdir, names=NAMES, examples=60, steps=40, task='single'):
  """Makes the workdir of a finished run, and the data it was evaluated on.

  Returns:
    The `Split`, whose first video of each class exists.
  """
  workdir = pathlib.Path(workdir)
  workdir.mkdir(parents=True, exist_ok=True)
  split = _make_split(workdir.parent / 'data', names, examples, task)
  config = json.loads(
    (ROOT / 'tests/golden/from_44cb18a/run/config.json').read_text()
  )
  config['data'] |= {'root': str(workdir.parent / 'data'), 'format': 'folder'}
  files.write_json(workdir / 'config.json', config)
  _write_training(workdir, names, examples, steps)
  _write_evaluation(workdir, split)
  return split


def _make_split(root, names, examples, task) -> Split:
  rng = np.random.default_rng(0)
  count = len(names)
  labels = rng.integers(0, count, examples)
  labels[:count] = np.arange(count)
  ids = [f'val/{label}/{n:05d}.mp4' for n, label in enumerate(labels)]
  for n in range(min(count, 6)):  # the others are missing
    (root / ids[n]).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(_find_clip(n), root / ids[n])
  paths = tuple(str(root / id) for id in ids)
  if task == 'single':
    return Split(paths, labels, tuple(names), tuple(ids))
  targets = rng.random((examples, count)) < 0.2
  targets[np.arange(examples), labels] = True
  none = np.full(examples, -1)
  return Split(paths, none, tuple(names), tuple(ids), targets=targets)


def _find_clip(number: int) -> pathlib.Path:
  clips = sorted((ROOT / 'tests/golden/from_44cb18a/digits').rglob('*.mp4'))
  return clips[number % len(clips)]


def make_scores(split: Split) -> np.ndarray:
  """Makes scores that are mostly right, float32 [n, classes]."""
  rng = np.random.default_rng(1)
  n, classes = len(split), len(split.class_names)
  logits = rng.normal(size=(n, classes))
  if split.targets is not None:
    logits += 3 * split.targets - 2
    return (1 / (1 + np.exp(-logits))).astype(np.float32)
  logits[np.arange(n), split.labels] += 2.5
  logits[np.arange(n), (split.labels ^ 1) % classes] += 1.5
  p = np.exp(logits)
  return (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


def _write_evaluation(workdir, split: Split) -> None:
  scores = make_scores(split)
  scores[-1] = np.nan  # it could not be read
  fitted = assessment.fit(scores, split, 'val')
  facts = {
    'unit': 'videos',
    'listed': len(split),
    'missing': 0,
    'decoded': len(split) - 1,
    'failed': 1,
    'views': '1 clips x 1 crops',
    'frames': '8x1',
    'split_sha256': split.fingerprint(),
    'step': 40,
    'task': 'single' if split.targets is None else 'multi',
  }
  bad = {split.ids[-1]: 'moov atom not found <b>'}
  seconds = np.random.default_rng(2).uniform(1, 20, len(split))
  seconds = seconds.astype(np.float32)
  found = evaluate.Evaluation(scores, {}, facts, bad, seconds)
  found = evaluate.use_calibration(found, split, fitted)
  evaluate.write_evaluation(found, split, workdir / 'eval')


def _write_training(workdir, names, examples, steps) -> None:
  lines = []
  for step in range(1, steps + 1):
    record = {
      'step': step,
      'time': 1.7e9 + step,
      'accuracy': 0.3 + step / steps / 2,
      'grad_norm': 1 / step + 0.123456789012345,
      'loss': 2 / step + 0.1,
      'lr': 1e-3 * (1 - step / steps),
      'skipped': float(step > 20),
      'step_seconds': 0.25,
      'data_seconds': 0.05 + 0.01 * (step % 3),
    }
    lines.append(record)
    if step % 20 == 0:
      lines.append({'step': step, 'time': 1.7e9 + step, 'val/top1_1view': 0.5})
  text = ''.join(json.dumps(line) + '\n' for line in lines)
  files.write(workdir / 'metrics.jsonl', text)
  start = {'time': 1.7e9, 'steps': steps, 'command': COMMAND, 'jax': '0.8.0'}
  rows = [start | {'step': 0}, start | {'step': steps // 2}]
  text = ''.join(json.dumps(row) + '\n' for row in rows)
  files.write(workdir / 'starts.jsonl', text)
  classes = [[name, examples + n] for n, name in enumerate(names)]
  split = {'format': 'folder', 'root': str(workdir.parent / 'data')}
  split |= {'unit': 'videos', 'missing': 1, 'missing_ids': ['gone & lost.mp4']}
  split |= {'classes': classes, 'sha256': '0123456789abcdef'}
  data = {
    'train': split | {'split': 'train', 'listed': 10 * examples},
    'val': split | {'split': 'val', 'listed': examples},
  }
  files.write_json(workdir / 'data.json', data)
  costs = {'parameters': 86_000_000, 'tunable_params': 14_000_000}
  costs |= {'view_macs': 1.41e11, 'batch_size': 64, 'devices': 1, 'hosts': 1}
  costs |= {'train_peak_bytes': 9_400_000_000, 'device_kind': 'cpu'}
  files.write_json(workdir / 'costs.json', costs)
  _write_beat(workdir, steps)


def _write_beat(workdir, steps: int) -> None:
  beat = json.loads(
    (ROOT / 'tests/golden/from_44cb18a/run/heartbeat-0.json').read_text()
  )
  beat |= {'step': steps, 'steps': steps, 'data_share': 0.2}
  beat |= {'peak_bytes': 1_234_567_890, 'peak_of': 'process'}
  files.write_json(workdir / 'heartbeat-0.json', beat)
