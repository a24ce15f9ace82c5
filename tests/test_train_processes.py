"""Training in processes of its own: killed, on 8 devices, on 2 hosts."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from i2v_jax import train, trained

ROOT = pathlib.Path(__file__).parents[1]


def command(digits, workdir, *changes):
  return [
    sys.executable,
    '-m',
    'i2v_jax.main',
    '--config=configs/quickstart.py:smoke',
    f'--config.data.root={digits}',
    '--config.compare={}',
    f'--workdir={workdir}',
    *changes,
  ]


def final_state(workdir):
  """Every array of the newest checkpoint, and what was seen."""
  run = trained.load(workdir)
  return flatten_dict(jax.device_get(run.params), sep='/'), run.identity


def check_same(found, wanted):
  """Parameters and scores of two workdirs, to rounding."""
  params = [final_state(workdir)[0] for workdir in (found, wanted)]
  for path, value in params[1].items():
    np.testing.assert_allclose(
      params[0][path], value, rtol=0, atol=2e-6, err_msg=path
    )
  scores = [
    np.load(workdir / 'eval' / 'scores.npz')['scores']
    for workdir in (found, wanted)
  ]
  np.testing.assert_allclose(*scores, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_resumes_after_kill_bit_for_bit(smoke_config, digits, tmp_path):
  train.train_and_evaluate(
    smoke_config(steps=20, checkpoint_every=4), tmp_path / 'whole'
  )
  options = ('--config.steps=20', '--config.checkpoint_every=4')
  killed = command(digits, tmp_path / 'killed', *options)
  process = subprocess.Popen(
    killed, cwd=ROOT, stdout=subprocess.PIPE, text=True
  )
  for line in process.stdout:  # killed somewhere behind a checkpoint
    if line.startswith('step') and int(line.split()[1]) >= 10:
      break
  os.kill(process.pid, signal.SIGKILL)
  process.wait()
  again = subprocess.run(
    killed, cwd=ROOT, check=True, capture_output=True, text=True
  )
  assert 'resumed at step' in again.stdout
  (wanted, identity), (found, other) = (
    final_state(tmp_path / name) for name in ('whole', 'killed')
  )
  assert identity == other and identity['step'] == 20
  for path, value in wanted.items():
    np.testing.assert_array_equal(found[path], value, err_msg=path)
  records = lambda name: {
    (r['step'], r.get('loss'), r.get('val/top1'))
    for r in map(json.loads, (tmp_path / name / 'metrics.jsonl').open())
  }
  assert records('whole') == records('killed')  # the same data, in order


@pytest.mark.slow
def test_eight_devices_equal_one(smoke_run, digits, tmp_path):
  flags = f'{os.environ["XLA_FLAGS"]} --xla_force_host_platform_device_count=8'
  done = subprocess.run(
    command(digits, tmp_path),
    cwd=ROOT,
    check=True,
    capture_output=True,
    text=True,
    env=os.environ | {'XLA_FLAGS': flags},
  )
  assert jax.device_count() == 1 and 'on 8 cpu device(s)' in done.stdout
  check_same(tmp_path, smoke_run)


@pytest.mark.slow
def test_two_processes_equal_one(smoke_run, digits, tmp_path):
  """Two hosts of SLURM on this machine: batches and scores are the same."""
  slurm = {
    'SLURM_JOB_ID': str(10000 + os.getpid() % 1000),  # decides the port
    'SLURM_STEP_NODELIST': 'localhost',
    'SLURM_NTASKS': '2',
    'SLURM_STEP_NUM_TASKS': '2',
  }
  processes = [
    subprocess.Popen(
      [*command(digits, tmp_path), '--distributed'],
      cwd=ROOT,
      env=os.environ | slurm | {'SLURM_PROCID': i, 'SLURM_LOCALID': i},
      stdout=subprocess.PIPE,
      text=True,
    )
    for i in '01'
  ]
  first, second = (p.communicate()[0] for p in processes)
  assert [p.returncode for p in processes] == [0, 0]
  assert 'on 2 cpu device(s)' in first and 'step' not in second
  check_same(tmp_path, smoke_run)
