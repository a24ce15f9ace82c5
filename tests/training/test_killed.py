"""Training in processes that are killed, stopped, and run out of disk.

I2V_KILLS says how often it is killed; 20 is the full proof.
"""

import contextlib
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys

import jax
import numpy as np
import orbax.checkpoint as ocp
import processes
import pytest
from paths import ROOT
from test_processes import command
from timeless import read_records

from i2v_jax.training import loop
from i2v_jax.training.workdir import checkpoint, checkpoint_files, status

KILLS = int(os.environ.get('I2V_KILLS', 4))
STEPS = max(90, 6 * KILLS)
LONG = dict(steps=STEPS, checkpoint_every=3, eval_every=10)
pytestmark = pytest.mark.slow


def options(**changes):
  return [f'--config.{key}={value}' for key, value in changes.items()]


def start(argv, **kwargs):
  """In a group of its own, as a shell starts it."""
  return subprocess.Popen(
    argv,
    cwd=ROOT,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    start_new_session=True,
    **kwargs,
  )


def wait_for_steps(process, count):
  """Lines until so many of them tell of a step."""
  lines = []
  for line in process.stdout:
    lines.append(line)
    if sum(line.startswith('step') for line in lines) == count:
      break
  return ''.join(lines)


def everything(workdir):
  """Arrays of the last checkpoint, and all records without their times."""
  with checkpoint.Checkpoints(workdir) as checkpoints:
    step = checkpoints.newest()
    item = ocp.args.StandardRestore()
    args = ocp.args.Composite(params=item, opt_state=item)
    arrays = checkpoints.manager.restore(step, args=args)
  records = read_records(workdir)
  return step, {key: arrays[key] for key in ('params', 'opt_state')}, records


def check_same(found, wanted):
  (step, arrays, records), others = everything(found), everything(wanted)
  assert (step, records) == (others[0], others[2])
  jax.tree.map(np.testing.assert_array_equal, arrays, others[1])


def test_killed_at_any_moment_it_ends_the_same(smoke_config, digits, tmp_path):
  whole, killed = tmp_path / 'whole', tmp_path / 'killed'
  loop.train_and_evaluate(smoke_config(**LONG), whole)
  argv, draw = command(digits, killed, *options(**LONG)), random.Random(0)
  count = 0  # of those that had not ended before
  for number in range(KILLS):
    process = start(argv)
    if number % 5 < 4:  # else while it starts
      wait_for_steps(process, draw.randint(1, STEPS // 2 // KILLS + 1))
    try:
      process.wait(draw.uniform(0, 0.3 if number % 5 < 4 else 8))
    except subprocess.TimeoutExpired:
      os.kill(process.pid, signal.SIGKILL)
      count += 1
    process.communicate()
  assert count > KILLS // 2
  output = start(argv).communicate()[0]
  assert KILLS < 3 or 'resumed at step' in output
  check_same(killed, whole)


def test_a_killed_run_on_swin_ends_the_same(smoke_config, digits, tmp_path):
  name, arg = 'aim_k400', 'variant=Swin-B,preset=release,smoke'
  whole, killed = tmp_path / 'whole', tmp_path / 'killed'
  short = dict(steps=30, checkpoint_every=4)
  loop.train_and_evaluate(smoke_config(name, arg, **short), whole)
  flags = [f'--config=configs/{name}.py:{arg}']
  argv = command(digits, killed, *options(**short), config=flags)
  process = start(argv)
  wait_for_steps(process, 20)
  os.kill(process.pid, signal.SIGKILL)
  process.communicate()
  assert 'resumed at step' in start(argv).communicate()[0]
  check_same(killed, whole)


def test_a_run_at_work(smoke_config, digits, tmp_path):
  """Told of, not trained by another, stopped with its whole group, gone on."""
  workdir, config = tmp_path / 'run', dict(steps=2000, checkpoint_every=400)
  argv = command(
    digits, workdir, *options(**config), '--config.loader.workers=2'
  )
  process = start(argv)
  wait_for_steps(process, 2)
  workers = processes.below(process.pid)
  assert len(workers) == 2
  told = ('starting', 'running')  # a sign is written now and then
  assert any(word in status.make_report(workdir)[1] for word in told)
  with pytest.raises(OSError, match=f'trained by process {process.pid} on'):
    loop.train_and_evaluate(smoke_config(**config), workdir)
  os.killpg(process.pid, signal.SIGINT)
  for pid in workers:  # as a cluster does, which knows every process
    os.kill(pid, signal.SIGTERM)
  output = process.communicate()[0]
  assert process.returncode == 0 and 'Traceback' not in output
  assert 'worker process' not in output
  assert shlex.split(output.splitlines()[-1]) == argv
  assert any('stopped (SIGINT)' in line for line in status.make_report(workdir))
  assert f'{everything(workdir)[0]} of 2000 is saved' in output

  again = start(argv)
  assert 'resumed at step' in wait_for_steps(again, 1)
  os.kill(again.pid, signal.SIGKILL)
  again.communicate()
  assert any('crashed (its process' in x for x in status.make_report(workdir))
  records = everything(workdir)[2]
  steps = [record['step'] for record in records]
  assert steps == list(range(1, len(steps) + 1))


def slurm(number):
  return os.environ | {
    'SLURM_JOB_ID': str(20000 + os.getpid() % 1000),  # decides the port
    'SLURM_STEP_NODELIST': 'localhost',
    'SLURM_NTASKS': '2',
    'SLURM_STEP_NUM_TASKS': '2',
    'SLURM_PROCID': str(number),
    'SLURM_LOCALID': str(number),
  }


def test_two_processes_stop_at_the_same_step(digits, tmp_path):
  """Only the second is reported; both end, and resume without a trace."""
  changes = dict(LONG, steps=400, eval_every=0, checkpoint_every=500)
  argv = command(digits, tmp_path / 'run', *options(**changes))
  argv.append('--distributed')
  pair = [start(argv, env=slurm(number)) for number in (0, 1)]
  wait_for_steps(pair[0], 3)
  pair[1].send_signal(signal.SIGTERM)
  first, second = (process.communicate()[0] for process in pair)
  assert [process.returncode for process in pair] == [0, 0], first + second
  assert 'a signal to another process; to resume, start the same' in first
  step, _ = checkpoint_files.find_newest(tmp_path / 'run')
  assert 3 <= step < 400 and f'step {step} of 400 is saved' in first
  lines = status.make_report(tmp_path / 'run')
  assert lines[1].startswith('0 (') and lines[2].startswith('1 (')
  assert all(f' {step}/400 ' in line for line in lines[1:3])


def test_a_disk_that_fills_up_ends_the_run_with_a_sentence(digits, tmp_path):
  """A real one of 4 MiB, for those who may mount it."""
  disk = tmp_path / 'disk'
  disk.mkdir()
  mount = ['mount', '-t', 'tmpfs', '-o', 'size=4m', 'none', str(disk)]
  if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
    pytest.skip('mounting a file system takes root')
  try:
    argv = command(
      digits, disk / 'run', *options(steps=400, checkpoint_every=2)
    )
    process = start(argv)
    wait_for_steps(process, 10)  # of step 6 a checkpoint is whole
    with contextlib.suppress(OSError):
      (disk / 'filler').write_bytes(bytes(2**22))
    output = process.communicate()[0]
    assert process.returncode == 1 and 'Traceback' not in output, output
    assert 'No space left' in output
    (disk / 'filler').unlink()
    again = start(argv)
    assert 'resumed at step' in wait_for_steps(again, 4)
    os.kill(again.pid, signal.SIGKILL)
    again.communicate()
  finally:
    subprocess.run(['umount', '-l', str(disk)], check=True)


def test_a_workdir_that_vanishes_ends_the_run(digits, tmp_path):
  workdir = tmp_path / 'run'
  argv = command(digits, workdir, *options(steps=4000, checkpoint_every=5))
  process = start(argv)
  wait_for_steps(process, 3)
  shutil.move(workdir, tmp_path / 'elsewhere')
  output = process.communicate()[0]
  assert process.returncode == 1 and 'Traceback' not in output, output
  assert 'was moved or removed' in output


def test_a_killed_sweep_trains_no_variant_twice(sweep_file, digits, tmp_path):
  changes = (f'data.root={digits}', 'steps=12', 'checkpoint_every=2')

  def command(folder):
    argv = [sys.executable, '-m', 'i2v_jax.cli', 'sweep', '--seeds=2']
    argv += [f'--config={sweep_file()}:', f'--workdir={tmp_path / folder}']
    return argv + [f'--set={change}' for change in changes]

  def read(folder):
    return json.loads((tmp_path / folder / 'results.json').read_text('utf-8'))

  whole = start(command('whole')).communicate()[0]
  killed = start(command('killed'))
  wait_for_steps(killed, whole.count('\nstep') * 5 // 8)  # in the third of four
  os.kill(killed.pid, signal.SIGKILL)
  killed.communicate()
  assert not (tmp_path / 'killed/results.json').exists()
  output = start(command('killed')).communicate()[0]
  assert output.count('finished before') == 2
  assert 'resumed at step' in output
  assert read('killed') == read('whole')
