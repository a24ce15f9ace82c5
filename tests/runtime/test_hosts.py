"""Hosts meet as told; when one of them stops or dies, the others stop too."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from paths import ROOT

from i2v_jax.runtime import hosts

TOLD = dict(coordinator='node1:1234', num_processes=2, process_id=1)


def test_nothing_given_is_alone():
  assert hosts.Join().alone and not hosts.Join(detect=True).alone
  with hosts.join_hosts(hosts.Join()):
    pass


@pytest.mark.parametrize(
  ('changes', 'text'),
  [
    ({'detect': True}, '--distributed finds the other hosts by itself'),
    ({'coordinator': ''}, r'missing: --coordinator\.'),
    ({'num_processes': None}, r'missing: --num_processes\.'),
    ({'process_id': None}, r'missing: --process_id\.'),
    ({'coordinator': 'node1'}, "HOST:PORT of process 0.*not 'node1'"),
    ({'coordinator': 'node1:0'}, 'HOST:PORT of process 0'),
    ({'coordinator': 'node1:70000'}, 'HOST:PORT of process 0'),
    ({'process_id': 2}, '--process_id is 2.*less than --num_processes, 2'),
    ({'process_id': -1}, '--process_id is -1'),
    ({'num_processes': 0}, 'less than --num_processes, 0'),
    ({'join_seconds': 0}, '--join_seconds is 0; it is at least 1'),
    ({'silent_seconds': 3}, '--silent_seconds is 3; it is at least 4'),
  ],
)
def test_what_does_not_fit_together_is_one_sentence(changes, text):
  hosts.Join(**TOLD)
  with pytest.raises(ValueError, match=text):
    hosts.Join(**TOLD | changes)


def test_two_missing_flags_are_both_named():
  with pytest.raises(
    ValueError, match=r'missing: --coordinator and --num_proc'
  ):
    hosts.Join(process_id=1)


def test_a_port_that_is_taken_is_named():
  with socket.create_server(('', 0)) as taken:
    port = taken.getsockname()[1]
    join = hosts.Join(False, f'localhost:{port}', 1, 0)
    with pytest.raises(
      OSError, match=f'cannot listen at port {port} .*--coordi'
    ):
      hosts._check_port(join)
  hosts._check_port(join)


class Pair:
  """Two hosts on this machine, which have met and do as they are told."""

  def __init__(self, silent_seconds=60):
    with socket.create_server(('', 0)) as server:
      where = f'localhost:{server.getsockname()[1]}'
    limits = ('200', str(silent_seconds))
    self.processes = [
      subprocess.Popen(
        [sys.executable, 'tests/support/one_host.py', where, '2', i, *limits],
        cwd=ROOT,
        env=os.environ | {'PYTHONPATH': str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
      )
      for i in '01'
    ]

  def __enter__(self) -> 'Pair':
    for host in (0, 1):
      self.tell(host, 'sum')
    for process in self.processes:
      assert 'sum 3\n' in iter(process.stdout.readline, '')
    return self

  def __exit__(self, *_):
    for process in self.processes:
      process.kill()
      process.communicate()

  def tell(self, host, what):
    print(what, file=self.processes[host].stdin, flush=True)

  def send(self, host, number):
    os.kill(self.processes[host].pid, number)

  def end(self, host):
    """Exit code of a host that has nothing more to do, and what it says last.

    Threads of JAX may write between the lines, and after them.
    """
    errors = self.processes[host].communicate(timeout=200)[1]
    _, error, last = errors.rpartition('error: ')
    return self.processes[host].returncode, last if error else errors


@pytest.mark.slow
def test_hosts_wait_for_each_other_at_the_end():
  with Pair() as pair:
    pair.processes[0].stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
      pair.processes[0].wait(2)
    pair.tell(1, 'exit 0')
    pair.processes[0].stdin = None
    assert [pair.end(1), pair.end(0)] == [(0, '')] * 2


@pytest.mark.slow
def test_sigterm_ends_a_host_that_does_not_train_yet():
  with Pair() as pair:
    pair.send(1, signal.SIGTERM)
    assert pair.processes[1].wait(60) == -signal.SIGTERM


@pytest.mark.slow
@pytest.mark.parametrize('how', ['SIGKILL', 'SIGSTOP'])
def test_a_lost_host_stops_host_0_which_names_it(how):
  with Pair(silent_seconds=6) as pair:
    pair.tell(0, 'sum')
    pair.send(1, signal.Signals[how])
    code, errors = pair.end(0)
    assert code == 1 and errors.startswith('Host 1 gave no sign of life for')
    pair.send(1, signal.SIGCONT)
    code, errors = pair.end(1)
    if how == 'SIGSTOP':  # it does not go on alone
      assert code == 1 and 'on all hosts: it resumes' in errors


@pytest.mark.slow
@pytest.mark.parametrize('how', ['SIGKILL', 'SIGSTOP'])
def test_without_host_0_the_others_stop(how):
  with Pair(silent_seconds=6) as pair:
    pair.tell(1, 'sum')
    pair.send(0, signal.Signals[how])
    code, errors = pair.end(1)
    assert code == 1 and errors.startswith('JAX ended host 1, as it does when')
    assert 'host 0, through which the hosts talk, is gone' in errors


@pytest.mark.slow
def test_an_error_of_host_0_is_read_on_all():
  with Pair() as pair:
    pair.tell(1, 'sum')
    pair.tell(0, 'raise No space left on device')
    code, errors = pair.end(0)
    assert code == 1 and errors.startswith('No space left on device\n')
    code, errors = pair.end(1)
    wanted = 'Host 0 stopped: No space left on device\nStart the same'
    assert code == 1 and errors.startswith(wanted)


@pytest.mark.slow
def test_a_workdir_of_ones_own_is_refused(tmp_path):
  with Pair() as pair:
    for host in (0, 1):
      pair.tell(host, f'shared {tmp_path / str(host)}')
    found = [pair.end(host) for host in (0, 1)]
  assert [code for code, _ in found] == [1, 1]
  for _, errors in found:
    assert f'Host 1 does not see in {tmp_path / "1"} what host 0' in errors
  assert [p.name for p in tmp_path.rglob('*')] == ['0']


@pytest.mark.slow
def test_who_meets_nobody_says_where():
  command = [
    sys.executable,
    'tests/support/one_host.py',
    'localhost:1',
    '2',
    '1',
    '1',
  ]
  done = subprocess.run(
    [*command, '4'],
    cwd=ROOT,
    env=os.environ | {'PYTHONPATH': str(ROOT)},
    capture_output=True,
    text=True,
    timeout=200,
  )
  last = done.stderr.splitlines()[-1]
  assert (
    done.returncode == 1 and 'Not all hosts have met at localhost:1' in last
  )
