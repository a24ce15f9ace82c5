"""Checkpoints: whole or passed over, whatever happens to disk and clock."""

import asyncio
import json
import shutil
import sys
import time
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorstore

from i2v_jax.deploy import trained
from i2v_jax.runtime import hosts, sharding
from i2v_jax.training import loop
from i2v_jax.training.train_step import TrainState
from i2v_jax.training.workdir import checkpoint
from i2v_jax.training.workdir import checkpoint_files as files

PLACE = sharding.replicated(sharding.make_mesh())


def state_of(step):
  params = {'kernel': jnp.full((300, 8), step, jnp.float32)}
  opt_state = {'mu': params, 'count': jnp.int32(step)}
  return TrainState(jnp.int32(step), params, opt_state)


def save(workdir, *steps, trains=True):
  with checkpoint.Checkpoints(workdir, trains=trains) as checkpoints:
    for step in steps:
      checkpoints.save(state_of(step), {'step': step})


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
  """A workdir with the checkpoints of steps 4 and 6."""
  workdir = tmp_path_factory.mktemp('saved')
  save(workdir, 2, 4, 6)
  return workdir


@pytest.fixture
def workdir(saved, tmp_path):
  return shutil.copytree(saved, tmp_path / 'run')


def newest_file(workdir, item):
  """The largest file of an item of step 6."""
  found = (workdir / 'checkpoints' / '6' / item).rglob('*')
  return max((p for p in found if p.is_file()), key=lambda p: p.stat().st_size)


def test_the_two_newest_are_kept_and_come_back_as_they_were(workdir):
  assert files.find_steps(workdir) == [4, 6]
  like = {'params': state_of(0).params, 'opt_state': state_of(0).opt_state}
  with checkpoint.Checkpoints(workdir) as checkpoints:
    assert checkpoints.newest() == 6
    assert checkpoints.metadata(4) == {'step': 4}
    found = checkpoints.restore(6, like, PLACE)
  wanted = {'params': state_of(6).params, 'opt_state': state_of(6).opt_state}
  jax.tree.map(np.testing.assert_array_equal, found, wanted)


def truncate(path):
  path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scramble(path):
  path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


def flip(path):
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 1
  path.write_bytes(data)


@pytest.mark.parametrize('item', files.ITEMS)
@pytest.mark.parametrize(
  ('harm', 'said'),
  [
    (lambda path: path.unlink(), 'is missing'),
    (truncate, 'is not what was written'),
    (scramble, 'is not what was written'),
    (flip, 'is not what was written'),
    (lambda path: shutil.rmtree(path.parent), 'is missing'),
  ],
)
def test_a_broken_one_is_passed_over_by_name(workdir, item, harm, said):
  harm(newest_file(workdir, item))
  step, broken = files.find_newest(workdir)
  assert step == 4 and list(broken) == [6]
  assert broken[6].startswith(item) and broken[6].endswith(said)


@pytest.mark.parametrize('name', [files.DIGEST, files.ORBAX])
@pytest.mark.parametrize('text', ['[]', '3', '{', '', '"\\ud800'])
def test_what_is_no_object_of_json_is_damage(workdir, name, text):
  (workdir / 'checkpoints' / '6' / name).write_text(text, encoding='utf-8')
  wanted = (4, {6: f'{name} cannot be read'})
  assert files.find_newest(workdir) == wanted
  assert files.find_newest(workdir, files.find_missing) == wanted


def test_a_checkpoint_may_be_without_what_orbax_notes(workdir):
  (workdir / 'checkpoints' / '6' / files.ORBAX).unlink()
  assert files.find_newest(workdir) == (6, {})
  with checkpoint.Checkpoints(workdir) as checkpoints:
    assert checkpoints.metadata(6) == {'step': 6}


def test_a_trainer_goes_on_from_the_one_before_and_saves_again(workdir, capsys):
  truncate(newest_file(workdir, 'params'))
  (workdir / 'checkpoints' / f'8{files.UNFINISHED}' / 'params').mkdir(
    parents=True
  )
  with checkpoint.Checkpoints(workdir, trains=True) as checkpoints:
    assert checkpoints.latest_step() == 4
    checkpoints.save(state_of(6), {'step': 6})
  (line,) = capsys.readouterr().out.splitlines()
  assert 'step 6: params/' in line and 'falling back to step 4' in line
  assert (workdir / files.BROKEN / '6').is_dir()
  assert files.find_newest(workdir) == (6, {})
  assert not list((workdir / 'checkpoints').glob(f'*{files.UNFINISHED}'))
  scramble(newest_file(workdir, 'metadata'))
  save(workdir, 6)
  assert {p.name for p in (workdir / files.BROKEN).iterdir()} == {'6', '6-1'}


def test_a_reader_says_so_and_changes_nothing(workdir, capsys):
  scramble(newest_file(workdir, 'opt_state'))
  before = sorted(workdir.rglob('*'))
  with checkpoint.Checkpoints(workdir) as checkpoints:
    assert checkpoints.newest() == 4
  assert 'falling back to step 4' in capsys.readouterr().out
  assert sorted(workdir.rglob('*')) == before


def test_without_any_whole_one_nothing_is_begun_anew(workdir):
  scramble(newest_file(workdir, 'params'))
  (workdir / 'checkpoints' / '4' / files.DIGEST).write_text(
    '{', encoding='utf-8'
  )
  for trains in (True, False):
    with pytest.raises(OSError, match=r'No checkpoint .* of step 6 params'):
      checkpoint.Checkpoints(workdir, trains=trains).newest()
  assert files.find_steps(workdir) == [4, 6]


def test_those_of_before_there_were_digests_count(workdir):
  (workdir / 'checkpoints' / '6' / files.DIGEST).unlink()
  assert files.find_newest(workdir) == (6, {})
  shutil.rmtree(workdir / 'checkpoints' / '6' / 'opt_state')
  assert files.find_newest(workdir) == (4, {6: 'opt_state is missing'})


def test_clocks_that_jump_do_not_matter(tmp_path, monkeypatch):
  for step, jump in ((2, 0), (4, -9e8), (6, 9e8), (8, -1e9)):
    now = time.time() + jump
    with monkeypatch.context() as patch:
      patch.setattr(time, 'time', lambda now=now: now)
      patch.setattr(time, 'time_ns', lambda now=now: int(now * 1e9))
      save(tmp_path, step)
  assert files.find_steps(tmp_path) == [6, 8]
  assert files.find_newest(tmp_path) == (8, {})


def test_a_full_disk_is_told_and_leaves_what_was_there(workdir, full_disk):
  checkpoints = checkpoint.Checkpoints(workdir, trains=True)
  text = r'step 8 could not be written .* step 6 is complete\. Mend the disk'
  with pytest.raises(OSError, match=text):
    checkpoints.save(state_of(8), {'step': 8})
    checkpoints.close()
  assert files.find_newest(workdir) == (6, {}) and files.find_steps(
    workdir
  ) == [
    4,
    6,
  ]


def test_a_place_that_cannot_be_written_to_is_told(workdir):
  checkpoints = checkpoint.Checkpoints(workdir, trains=True)
  (workdir / 'checkpoints').rename(workdir / 'away')
  (workdir / 'checkpoints').write_text('', encoding='utf-8')
  with pytest.raises(OSError, match=r'step 8 could not be .* there is none'):
    checkpoints.save(state_of(8), {'step': 8})
    checkpoints.close()


def test_a_trained_model_is_that_of_the_newest_whole_checkpoint(
  smoke_run, tmp_path, capsys
):
  workdir = shutil.copytree(smoke_run, tmp_path / 'run')
  shutil.copytree(workdir / 'checkpoints/3', workdir / 'checkpoints/4')
  path = workdir / 'checkpoints/4' / files.DIGEST
  digests = json.loads(path.read_text(encoding='utf-8'))
  (path.parent / next(iter(digests))).unlink()
  assert trained.load(workdir).identity['step'] == 3
  assert 'falling back to step 3' in capsys.readouterr().out


def test_hosts_that_see_different_checkpoints_do_not_go_on(
  smoke_config, tmp_path, monkeypatch
):
  monkeypatch.setattr(hosts, 'ask_first', lambda question: 2)
  with pytest.raises(OSError, match=r'step 2, and host 0 another; wait until'):
    loop.train_and_evaluate(smoke_config(), tmp_path)


def test_only_what_a_disk_does_is_a_matter_of_the_disk(workdir, monkeypatch):
  def fail(*args, **kwargs):
    raise TypeError('metadata of another type')

  with checkpoint.Checkpoints(workdir, trains=True) as checkpoints:
    monkeypatch.setattr(checkpoints.manager, 'save', fail)
    with pytest.raises(TypeError, match='of another type'):
      checkpoints.save(state_of(8), {'step': 8})


@pytest.mark.parametrize(
  ('error', 'of_disk'),
  [
    (OSError('No space left'), True),
    (ValueError('Failed to write [OS error 28: No space left]'), True),
    (ValueError("File too large [os_error_code='27']"), True),
    (ValueError('a tree of another shape'), False),
  ],
)
def test_tensorstore_spells_errors_of_the_disk_in_two_ways(error, of_disk):
  assert checkpoint._is_of_disk(error) == of_disk


def test_writes_that_end_after_a_failed_one_print_nothing(monkeypatch):
  """Awaited ones do, as the event loop is closed; other notices remain."""
  told = []
  monkeypatch.setattr(sys, 'unraisablehook', told.append)

  def end_late():
    promise, write = tensorstore.Promise.new()
    events = asyncio.new_event_loop()
    awaited = {asyncio.ensure_future(write, loop=events)}
    events.run_until_complete(asyncio.wait(awaited, timeout=1e-3))
    events.close()
    promise.set_result(0)

  end_late()
  assert str(told.pop().exc_value) == 'Event loop is closed'
  checkpoint._drop_late_notices.__wrapped__()
  end_late()
  assert not told
  closed = RuntimeError('Event loop is closed')
  others = [
    types.SimpleNamespace(object=None, exc_value=ValueError('other')),
    types.SimpleNamespace(object=np.zeros(2), exc_value=closed),
  ]
  for other in others:
    sys.unraisablehook(other)
  assert told == others
