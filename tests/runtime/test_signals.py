"""Signals while a run is at work: nothing is lost, and it can be gone on."""

import os
import shlex
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from paths import ROOT
from timeless import read_records

from i2v_jax.deploy import trained
from i2v_jax.runtime import errors, signals
from i2v_jax.training import loop, nonfinite
from i2v_jax.training.evaluation import split_scores
from i2v_jax.training.workdir import checkpoint
from i2v_jax.training.workdir.heartbeat import Heartbeat


def tell(number=signal.SIGTERM):
  """A signal to this process; its handler runs before this returns."""
  os.kill(os.getpid(), number)


@pytest.mark.parametrize('number', signals.SIGNALS)
def test_a_signal_ends_waiting_and_nothing_else(number, capfd):
  reached = []
  stopped = pytest.raises(signals.Stopped, match=number.name)
  with stopped, signals.Stopping() as stop:
    tell(number)
    reached.append(stop.requested)
    with stop.interruptible():
      reached.append('not')
  assert reached == [number.name]
  with stopped, signals.Stopping() as stop, stop.interruptible():
    tell(number)
    reached.append('not')
  assert reached == [number.name]
  assert f'{number.name}: stopping as soon as' in capfd.readouterr().err


def test_items_end_with_the_one_that_is_worked_on():
  done = []
  with pytest.raises(signals.Stopped), signals.Stopping() as stop:
    for item in stop.over(range(5)):
      if item == 2:
        tell()
      done.append(item)
  assert done == [0, 1, 2]


def test_the_end_of_the_items_is_no_stop_but_a_check_is():
  with pytest.raises(signals.Stopped), signals.Stopping() as stop:
    stop.check()
    assert list(stop.over(range(3))) == [0, 1, 2]
    tell()
    stop.check()


def test_signals_mean_what_they_meant_before(monkeypatch):
  before = [signal.getsignal(number) for number in signals.SIGNALS]
  with signals.Stopping():
    assert signal.getsignal(signal.SIGTERM) != before[1]
  assert [signal.getsignal(n) for n in signals.SIGNALS] == before
  signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup does
  try:
    with signals.Stopping() as stop:
      tell(signal.SIGINT)
      assert not stop.requested
  finally:
    signal.signal(signal.SIGINT, before[0])


def test_another_thread_takes_no_signals():
  found = []

  def work():
    with signals.Stopping() as stop:
      found.extend(stop.over(range(2)))

  thread = threading.Thread(target=work)
  thread.start()
  thread.join()
  assert found == [0, 1]


COMPILING = """
import hashlib, sys
from i2v_jax.runtime import signals
signals.AGAIN = float(sys.argv[1])
with signals.Stopping():
  print('ready', file=sys.stderr, flush=True)
  hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)  # C code of hours
"""


@pytest.mark.parametrize(('name', 'code'), [('SIGINT', 130), ('SIGTERM', 143)])
def test_a_second_signal_ends_at_once_even_in_c_code(name, code):
  process = subprocess.Popen(
    [sys.executable, '-c', COMPILING, '0'],
    cwd=ROOT,
    stderr=subprocess.PIPE,
    text=True,
  )
  lines = [process.stderr.readline()]
  for _ in range(2):
    process.send_signal(signal.Signals[name])
    lines.append(process.stderr.readline())
  process.communicate()
  assert process.returncode == code
  assert lines[1].startswith(f'{name}: stopping as soon as')
  assert lines[2] == f'{name} again: stopped at once\n'


def test_the_same_signal_from_two_sides_is_one():
  process = subprocess.Popen(
    [sys.executable, '-c', COMPILING, '1e9'],
    cwd=ROOT,
    stderr=subprocess.PIPE,
    text=True,
  )
  process.stderr.readline()
  for _ in range(2):
    process.send_signal(signal.SIGTERM)
  assert process.stderr.readline().startswith('SIGTERM: stopping')
  process.kill()
  assert process.communicate()[1] == ''


def test_the_command_is_the_one_that_was_typed(monkeypatch, tmp_path):
  monkeypatch.setattr(sys, 'argv', ['/x/i2v_jax/main.py', '--a=b c', "--d='"])
  typed = ['python3', '-m', 'i2v_jax.main', '--a=b c', "--d='"]
  monkeypatch.setattr(sys, 'orig_argv', typed)
  assert shlex.split(signals.format_command()) == typed
  script = tmp_path / 'i2v'
  script.write_text('', encoding='utf-8')
  script.chmod(0o755)
  monkeypatch.setenv('PATH', str(tmp_path))
  monkeypatch.setattr(sys, 'argv', [str(script), 'sweep', '--set=a=(1, 2)'])
  assert signals.format_command() == "i2v sweep '--set=a=(1, 2)'"


def test_a_run_that_stopped_ends_with_0_and_others_with_130(capsys):
  before = signal.getsignal(signal.SIGINT)

  def stop():
    with signals.Stopping() as stop, stop.interruptible():
      tell()

  def interrupt():
    raise KeyboardInterrupt('3 of 4 done')

  try:
    assert errors.run_guarded(stop) == 0
  finally:
    signal.signal(signal.SIGINT, before)
  first, second = capsys.readouterr().out.splitlines()
  assert first == 'stopped by SIGTERM; to resume:'
  assert second == f'  {signals.format_command()}'
  assert errors.run_guarded(interrupt) == 130
  assert capsys.readouterr().err == 'stopped; 3 of 4 done\n'


def state_of(workdir):
  params = flatten_dict(trained.load(workdir).params, sep='/')
  return params, read_records(workdir)


def check_same(found, wanted):
  (one, records), (two, others) = map(state_of, (found, wanted))
  assert records == others
  for path, value in two.items():
    np.testing.assert_array_equal(one[path], value, err_msg=path)


MOMENTS = {  # what is at work when the signal comes -> step that is saved
  'prepare_run': (loop, 0),
  '_report': (loop.Trainer, 1),
  '_evaluate_one_view': (loop.Trainer, 2),
  'save': (checkpoint.Checkpoints, 2),
  '_write': (loop.Trainer, 3),
  '_start': (split_scores, 2),
}


QUICK = '_evaluate_one_view'


@pytest.mark.parametrize(
  'moment',
  [
    QUICK,
    *(pytest.param(m, marks=pytest.mark.slow) for m in MOMENTS if m != QUICK),
  ],
)
def test_what_goes_on_afterwards_ends_the_same(
  moment, smoke_config, whole_run, tmp_path, monkeypatch
):
  config = smoke_config(checkpoint_every=2, eval_every=2)
  module, step = MOMENTS[moment]
  original = getattr(module, moment)

  def told(*args, **kwargs):
    tell()
    return original(*args, **kwargs)

  with monkeypatch.context() as patch:
    patch.setattr(module, moment, told)
    with pytest.raises(signals.Stopped):
      loop.train_and_evaluate(config, tmp_path)
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    assert (checkpoints.latest_step() or 0) == step
  loop.train_and_evaluate(config, tmp_path)
  check_same(tmp_path, whole_run)


def in_the_step(patch):
  """The step that gives no numbers is not yet looked at."""
  original = Heartbeat.stepped

  def told(beat, step):
    original(beat, step)
    if step == 5:
      tell()

  patch.setattr(Heartbeat, 'stepped', told)


def in_the_trace(patch):
  """A state is given away when the signal comes."""
  original = nonfinite.trace

  def told(run, batches, step_fn, step):
    def step_and_tell(*args):
      tell()
      return step_fn(*args)

    return original(run, batches, step_and_tell, step)

  patch.setattr(nonfinite, 'trace', told)


@pytest.mark.parametrize(
  ('moment', 'every'),
  [
    (in_the_trace, 0),
    pytest.param(in_the_trace, 3, marks=pytest.mark.slow),
    pytest.param(in_the_step, 0, marks=pytest.mark.slow),
    pytest.param(in_the_step, 3, marks=pytest.mark.slow),
  ],
)
def test_numbers_that_are_none_are_told_whatever_is_signalled(
  moment, every, diverging_config, tmp_path, monkeypatch
):
  moment(monkeypatch)
  text = (
    'at step 5: where it began was not looked for, because of SIGTERM. Nothing '
    f'was saved since step {every}.'
  )
  with pytest.raises(FloatingPointError, match=text):
    loop.train_and_evaluate(diverging_config(every), tmp_path)


@pytest.fixture(scope='module')
def whole_run(smoke_config, tmp_path_factory):
  """Never stopped at all: what the others have to become."""
  config = smoke_config(checkpoint_every=2, eval_every=2)
  workdir = tmp_path_factory.mktemp('whole')
  loop.train_and_evaluate(config, workdir)
  return workdir
