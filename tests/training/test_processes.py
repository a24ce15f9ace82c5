"""Training in processes of its own: killed, on 8 devices, on 2 hosts."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
import quick
from flax.traverse_util import flatten_dict
from ml_collections import ConfigDict
from paths import ROOT

from i2v_jax.data.sets import digits as digits_lib
from i2v_jax.deploy import evaluation, trained
from i2v_jax.training import loop


def command(digits, workdir, *changes, config=quick.FLAGS):
  return [
    sys.executable,
    '-m',
    'i2v_jax.main',
    *config,
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
  loop.train_and_evaluate(
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
    for r in map(
      json.loads, (tmp_path / name / 'metrics.jsonl').open(encoding='utf-8')
    )
  }
  assert records('whole') == records('killed')  # the same data, in order


def start_two(argv):
  """Two hosts on this machine."""
  with socket.create_server(('', 0)) as server:
    where = f'localhost:{server.getsockname()[1]}'
  told = [f'--coordinator={where}', '--num_processes=2']
  pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
  return [
    subprocess.Popen([*argv, *told, f'--process_id={i}'], cwd=ROOT, **pipes)
    for i in (0, 1)
  ]


def eight_then_two(argv, workdir):
  """On 8 devices; then, without the last checkpoint, on by two hosts."""
  flags = f'{os.environ["XLA_FLAGS"]} --xla_force_host_platform_device_count=8'
  environment = os.environ | {'XLA_FLAGS': flags}
  done = subprocess.run(
    argv, cwd=ROOT, env=environment, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  assert jax.device_count() == 1 and 'on 8 cpu device(s)' in done.stdout
  yield
  shutil.rmtree(workdir / 'checkpoints' / '3')
  shutil.rmtree(workdir / 'eval')
  pair = start_two(argv)
  (first, error), _ = [process.communicate() for process in pair]
  assert [process.returncode for process in pair] == [0, 0], error
  assert 'on 2 cpu device(s)' in first and 'resumed at step 2 of 3' in first
  yield


@pytest.mark.slow
def test_eight_devices_equal_one_and_two_processes_go_on(
  smoke_run, digits, tmp_path
):
  argv = command(digits, tmp_path, '--config.checkpoint_every=2')
  for _ in eight_then_two(argv, tmp_path):
    check_same(tmp_path, smoke_run)


@pytest.mark.slow
def test_what_is_cut_over_eight_devices_two_processes_go_on_with(
  digits, tmp_path
):
  """Frozen and trained parameters, and with these the optimiser's state."""
  sizes = ('weights=random', 'model.backbone.width=512')
  sizes += ('model.backbone.depth=2', 'optimizer.lr=3e-4', 'checkpoint_every=2')
  sizes = [f'--config.{size}' for size in sizes]
  whole, cut = tmp_path / 'whole', tmp_path / 'cut'
  subprocess.run(command(digits, whole, *sizes), cwd=ROOT, check=True)
  mesh = ('--config.mesh.frozen=data', '--config.mesh.trained=data')
  for _ in eight_then_two(command(digits, cut, *sizes, *mesh), cut):
    check_same(cut, whole)


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


@pytest.fixture(scope='module')
def bad_digits(tmp_path_factory):
  """16 + 11 clips, of which one each cannot be read."""
  root = tmp_path_factory.mktemp('data') / 'digits'
  digits_lib.generate(str(root), num_train=16, num_val=11)
  for split in ('train', 'val'):
    sorted((root / split).rglob('*.mp4'))[3].write_bytes(b'no video')
  return root


@pytest.mark.slow
def test_two_processes_skip_go_on_and_equal_one(
  smoke_config, bad_digits, tmp_path
):
  """An uneven last batch, a bad video on one host, both killed, then either."""
  config = smoke_config(steps=8, checkpoint_every=2)
  with config.unlocked():
    config.data.update(root=str(bad_digits), on_bad_video='skip')
    config.compare = ConfigDict()
  whole, pair, alone = (tmp_path / name for name in ('whole', 'pair', 'alone'))
  loop.train_and_evaluate(config, whole)
  options = ('steps=8', 'checkpoint_every=2', 'data.on_bad_video=skip')
  options = [f'--config.{option}' for option in options]
  argv = command(bad_digits, pair, *options)
  processes = start_two(argv)
  for line in processes[0].stdout:  # that of step 2 is whole before 4 is begun
    if line.startswith('step       5'):
      break
  for process in processes:
    process.kill()
  for process in processes:
    process.communicate()
  shutil.copytree(pair, alone)
  loop.train_and_evaluate(config, alone)
  check_same(alone, whole)

  local = ['bash', 'launch/local.sh', '--', *argv[3:]]
  environment = os.environ | {'PYTHON': sys.executable}
  done = subprocess.run(
    local, cwd=ROOT, env=environment, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  assert 'resumed at step' in done.stdout and 'of 11 videos' in done.stdout
  check_same(pair, whole)
  _, found = evaluation.evaluate_trained(trained.load(pair))
  lengths = np.load(pair / 'eval' / 'scores.npz')['seconds']
  np.testing.assert_array_equal(lengths, found.seconds)
  starts = (pair / 'starts.jsonl').read_text(encoding='utf-8').splitlines()
  assert [json.loads(line)['step'] > 0 for line in starts] == [False, True]
  wanted = np.load(whole / 'eval' / 'scores.npz')['scores']
  np.testing.assert_allclose(found.scores, wanted, rtol=0, atol=1e-5)
  assert np.isnan(wanted).all(axis=1).sum() == 1 == len(found.bad)


@pytest.mark.slow
def test_a_bad_video_of_one_host_ends_both(bad_digits, tmp_path):
  pair = start_two(command(bad_digits, tmp_path, '--config.steps=400'))
  errors = [process.communicate()[1] for process in pair]
  assert [process.returncode for process in pair] == [1, 1]
  reads = [error.startswith('error: Host') for error in errors].index(False)
  assert f'error: Host {reads} stopped: ' in errors[1 - reads]
  for error in errors:
    assert '.mp4' in error and 'on_bad_video' in error
