"""Workers answer, fail, hang and die without taking anyone along."""

import concurrent.futures
import operator
import os
import signal
import subprocess
import sys
import threading
import time

import cursed
import numpy as np
import pytest
from paths import ROOT
from processes import alive, open_files

from i2v_jax.data.loading import workers
from i2v_jax.data.videos import decode


def test_values_and_large_arrays_come_back_as_they_are():
  with workers.Pool(operator.mul, 1) as pool:
    large = np.arange(3_000_000)
    np.testing.assert_array_equal(pool.call(large, 2), large * 2)
    found = pool.call(large[::-2], 1)
    np.testing.assert_array_equal(found, large[::-2])
    assert found.flags.writeable
    assert pool.call('ab', 2) == 'abab'
    assert pool.call(np.empty((0, 3)), 2).shape == (0, 3)


def test_calls_run_at_the_same_time_in_different_processes(tmp_path):
  with (
    concurrent.futures.ThreadPoolExecutor(3) as threads,
    workers.Pool(cursed.meet, 3, seconds=60) as pool,
  ):
    # Each waits for the others, so one after the other none would return.
    calls = [threads.submit(pool.call, tmp_path, n, 3) for n in range(3)]
    assert len({call.result(timeout=100) for call in calls}) == 3


def test_an_error_is_the_functions_own_and_says_where(tmp_path):
  with workers.Pool(decode.probe, 1) as pool:
    for _ in range(2):
      with pytest.raises(FileNotFoundError, match='no such video') as raised:
        pool.call(str(tmp_path / 'none.mp4'))
      assert 'decode.py' in raised.value.__notes__[0]
    (tmp_path / 'empty.mp4').touch()
    with pytest.raises(decode.DecodeError, match=r'empty\.mp4'):
      pool.call(str(tmp_path / 'empty.mp4'))


def test_a_call_that_hangs_costs_itself_only():
  with workers.Pool(time.sleep, 1, seconds=0.5) as pool:
    before = pool.pids
    with pytest.raises(workers.WorkerError, match=r'longer than 0\.5 s'):
      pool.call(1000)
    assert pool.call(0) is None
    assert pool.pids != before and not alive(before[0])


@pytest.mark.parametrize(
  ('function', 'arguments', 'how'),
  [
    (os._exit, (3,), 'ended with code 3'),
    (sys.exit, (3,), 'ended with code 3'),
    (os.abort, (), 'ended by SIGABRT'),
  ],
)
def test_a_call_that_kills_its_worker_is_named(function, arguments, how):
  lost = pytest.raises(workers.WorkerError, match=f'died of it: {how}')
  with workers.Pool(function, 1) as pool, lost:
    pool.call(*arguments)


def test_a_worker_killed_from_outside_is_replaced(caplog):
  with workers.Pool(operator.neg, 2) as pool:
    for pid in pool.pids:
      os.kill(pid, signal.SIGKILL)
    assert [pool.call(number) for number in range(4)] == [0, -1, -2, -3]
  assert (
    caplog.messages
    == ['a worker process ended by SIGKILL; another replaces it'] * 2
  )


def test_nothing_is_left_behind():
  before = open_files()
  pool = workers.Pool(time.sleep, 2)
  with concurrent.futures.ThreadPoolExecutor(3) as threads:
    waiting = [threads.submit(pool.call, 1000) for _ in range(3)]
    while pool._free.qsize():  # until both have begun
      threading.Event().wait(0.01)
    pids = pool.pids
    pool.close()
    for call in waiting:
      with pytest.raises(workers.WorkerError, match='closed'):
        call.result()
  pool.close()
  assert not any(map(alive, pids)) and open_files() == before
  with pytest.raises(workers.WorkerError, match='closed'):
    pool.call(0)


def test_workers_end_with_a_parent_that_is_killed():
  code = (
    'import threading, time\n'
    'from i2v_jax.data.loading import workers\n'
    'pool = workers.Pool(time.sleep, 2)\n'
    'pool.call(0)\n'
    'threading.Thread(target=pool.call, args=[1000]).start()\n'
    'print(*pool.pids, flush=True)\n'
    'time.sleep(1000)\n'
  )
  command = [sys.executable, '-c', code]
  with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
  limit = time.monotonic() + 30
  while any(map(alive, pids)) and time.monotonic() < limit:
    threading.Event().wait(0.01)
  assert not any(map(alive, pids))


def test_an_error_of_the_function_is_never_taken_for_a_lost_worker(tmp_path):
  with workers.Pool(cursed.fail, 1) as pool:
    (pid,) = pool.pids
    for error in (EOFError('the end'), OSError(5, 'no luck'), cursed.Empty()):
      with pytest.raises(type(error)):
        pool.call(error)
    with pytest.raises(TypeError, match='result cannot be sent'):
      pool.call(None)
    assert pool.pids == [pid] and alive(pid)


def test_time_is_limited_while_arguments_are_sent():
  with workers.Pool(operator.neg, 1, seconds=0.5) as pool:
    pool.call(1)
    os.kill(pool.pids[0], signal.SIGSTOP)
    with pytest.raises(workers.WorkerError, match=r'longer than 0\.5 s'):
      pool.call(np.zeros(10_000_000))


def test_a_worker_that_cannot_start_is_no_lost_call(monkeypatch, capfd):
  monkeypatch.setattr(sys, 'path', ['/nowhere', str(ROOT)])
  with workers.Pool(cursed.meet, 1) as pool:
    for _ in range(2):
      with pytest.raises(RuntimeError, match='cannot start, it ended with'):
        pool.call(1)
  assert "No module named 'cursed'" in capfd.readouterr().err


def test_the_current_folder_takes_no_modules_place(tmp_path, monkeypatch):
  (tmp_path / 'struct.py').write_text('raise SystemExit(1)', encoding='utf-8')
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, 'path', [*sys.path, tmp_path])  # not a str: ignored
  with workers.Pool(operator.neg, 1) as pool:
    assert pool.call(1) == -1


def test_a_pool_has_workers():
  with pytest.raises(ValueError, match='at least 1 worker, not 0'):
    workers.Pool(time.sleep, 0)
