"""What a user can mend is one sentence; a bug keeps its traceback."""

import errno
import os
import pickle

import jax
import pytest

from i2v_jax.runtime import errors


def raising(error):
  def function():
    raise error

  return function


@pytest.mark.parametrize(
  'error',
  [
    errors.UserError('steps is -1; raise it.'),
    errors.FileError('x/y could not be written; mend the disk.'),
    errors.MissingFileError('There is no x/y; give another.'),
    errors.MissingPackageError('Reading x needs torch; install it.'),
    errors.NonFiniteError('The loss is not finite; lower the rate.'),
    PermissionError(13, 'Permission denied', 'x/y'),
  ],
)
def test_what_a_user_can_mend_is_one_sentence(error, capsys, monkeypatch):
  monkeypatch.delenv('I2V_TRACEBACK', raising=False)
  assert errors.run_guarded(raising(error)) == 1
  found = capsys.readouterr().err
  assert found == f'error: {error}\n(I2V_TRACEBACK=1 shows where)\n'
  monkeypatch.setenv('I2V_TRACEBACK', '1')
  with pytest.raises(type(error)):
    errors.run_guarded(raising(error))


@pytest.mark.parametrize(
  'error',
  [ValueError('x'), KeyError('x'), OSError('x'), RuntimeError('x')],
)
def test_anything_else_is_a_bug_with_its_traceback(error, capsys, monkeypatch):
  monkeypatch.delenv('I2V_TRACEBACK', raising=False)
  assert errors.run_guarded(raising(error)) == 1
  found = capsys.readouterr().err
  assert found.startswith('Traceback') and 'raise error' in found
  assert found.endswith(f'{errors.BUG}\n') and 'please report' in errors.BUG


def test_too_little_memory_is_no_bug(capsys, monkeypatch):
  monkeypatch.delenv('I2V_TRACEBACK', raising=False)
  error = RuntimeError('RESOURCE_EXHAUSTED: 9 GiB\nof many')
  assert errors.run_guarded(raising(error)) == 1
  found = capsys.readouterr().err
  assert found.startswith('error: RESOURCE_EXHAUSTED: 9 GiB; set a smaller')


@pytest.mark.parametrize('name', ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'EROFS'])
def test_a_fault_of_the_disk_is_no_bug(name, capsys, monkeypatch):
  monkeypatch.delenv('I2V_TRACEBACK', raising=False)
  number = getattr(errno, name)
  error = OSError(number, os.strerror(number))
  assert errors.run_guarded(raising(error)) == 1
  text = f'error: {os.strerror(number)}; mend the disk and start'
  assert capsys.readouterr().err.startswith(text)


def test_an_error_of_jax_may_be_no_bug(capsys, monkeypatch):
  monkeypatch.delenv('I2V_TRACEBACK', raising=False)
  error = jax.errors.JaxRuntimeError('FAILED_PRECONDITION: no driver')
  assert errors.run_guarded(raising(error)) == 1
  found = capsys.readouterr().err
  assert found.startswith('Traceback') and 'no driver' in found
  assert found.endswith(f'{errors.FROM_JAX}\n') and errors.BUG not in found


def test_a_closed_pipe_is_silent(capsys):
  with capsys.disabled():
    assert errors.run_guarded(raising(BrokenPipeError())) == 1
  assert capsys.readouterr().err == ''


def test_errors_cross_processes():
  found = pickle.loads(pickle.dumps(errors.MissingFileError('gone')))
  assert str(found) == 'gone' and isinstance(found, FileNotFoundError)


@pytest.mark.parametrize(
  ('value', 'message'),
  [
    ('zeroi2', r"; did you mean 'zeroi2v'\?"),
    ('other', r"x is 'other'; it can be one of \('aim', 'zeroi2v'\)\.$"),
    (True, 'x is True; it can be'),
    (['aim'], r"x is \['aim'\]; it can be"),
  ],
)
def test_a_choice_is_named_with_the_nearest(value, message):
  with pytest.raises(errors.UserError, match=message):
    errors.check_choice('x', value, ('aim', 'zeroi2v'))
  errors.check_choice('x', 'aim', ('aim', 'zeroi2v'))
