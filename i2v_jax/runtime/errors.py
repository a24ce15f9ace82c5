"""Errors that a user can mend; any other exception is a bug of ours.

A program prints the first as one sentence, and the second with its traceback.
"""

import difflib
import errno
import os
import reprlib
import signal
import sys
import traceback
from collections.abc import Callable, Iterable

from i2v_jax.runtime import devices, process, signals
from i2v_jax.runtime.console import accept_all_text

BUG = 'This is a bug in i2v_jax; please report it with the lines above.'
FROM_JAX = (
  'This error comes from JAX or its devices, such as a driver that does not '
  'match; it may not be a bug in i2v_jax.'
)
WAY_OUT = 'mend the disk and start the same command again.'
# Faults of a disk, which writing to an open file reports without its name.
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class UserError(ValueError):
  """What a user can mend: one sentence that names the thing and the way out."""


class FileError(UserError, OSError):
  """A file or folder that cannot be read or written as it is."""


class MissingFileError(FileError, FileNotFoundError):
  """A file or folder that is not there."""


class MissingPackageError(UserError, ModuleNotFoundError):
  """A package that is not installed, and what installs it."""


class NonFiniteError(UserError, FloatingPointError):
  """A model, or its training, gives non-finite values."""


def check_choice(name: str, value, known: Iterable) -> None:
  """Raises UserError unless a value is one of those known.

  Args:
    name: of the key or argument.
    value: of any type.
    known: strings or numbers, never True or False.
  """
  known = tuple(known)
  same = value in known if isinstance(value, str | int | float) else False
  if not same or isinstance(value, bool):
    shown = reprlib.repr(value)
    near = suggest(value, known) or '.'
    raise UserError(f'{name} is {shown}; it can be one of {known}{near}')


def suggest(value, known: Iterable, least: float = 0.6) -> str:
  """`; did you mean 'x'?` for the known name closest to a string, or ''.

  Args:
    value: the value given.
    known: names.
    least: similarity, from 0 to 1, of a close match.
  """
  names = [name for name in known if isinstance(name, str)]
  near = difflib.get_close_matches(str(value), names, 1, least)
  return f'; did you mean {near[0]!r}?' if near else ''


def run_guarded(function: Callable, *args) -> int:
  """Calls a function of a program and returns the program's exit code.

  An error that a user can mend prints one sentence on stderr and returns 1; any
  other exception prints its traceback and a request to report it, or that it
  comes from JAX, and returns 1. A run stopped by a signal prints how to resume
  it and returns 0. Elsewhere Ctrl-C prints "stopped" with the text of the
  KeyboardInterrupt and returns 130. With I2V_TRACEBACK exceptions are raised.
  Garbage is collected rarely from then on.
  """
  accept_all_text()
  process.collect_garbage_rarely()
  try:
    return int(function(*args) or 0)
  except signals.Stopped as stopped:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while Python ends
    if text := str(stopped):  # one process prints it for all
      print(text)
    return 0
  except KeyboardInterrupt as stop:
    if os.environ.get('I2V_TRACEBACK'):
      raise
    print('; '.join(['stopped', *map(str, stop.args)]), file=sys.stderr)
    return 130
  except Exception as error:
    if os.environ.get('I2V_TRACEBACK'):
      raise
    _show(error)
    return 1


def _show(error: Exception) -> None:
  if isinstance(error, BrokenPipeError):  # as of `i2v … | head`
    sys.stdout = open(os.devnull, 'w')  # noqa: SIM115 (for the last flush)
  elif problem := explain(error):
    print(f'error: {problem}', file=sys.stderr)
    print('(I2V_TRACEBACK=1 shows where)', file=sys.stderr)
  else:
    show_bug(error)


def show_bug(error: Exception) -> None:
  """Prints the traceback of an error, and whose it is."""
  traceback.print_exception(error)
  # By name, as few programs import JAX.
  names = {kind.__name__ for kind in type(error).__mro__}
  from_jax = names & {'JaxRuntimeError', 'XlaRuntimeError'}
  print(FROM_JAX if from_jax else BUG, file=sys.stderr)


def report_failure(error: Exception) -> str:
  """Returns what failed, for work that continues with its other parts.

  It prints the traceback unless a user can mend the error; with I2V_TRACEBACK
  it prints that of any error.
  """
  problem = explain(error)
  if not problem:
    show_bug(error)
  elif os.environ.get('I2V_TRACEBACK'):
    traceback.print_exception(error)
  return problem or f'{type(error).__name__}: {error}'


def explain(error: Exception) -> str:
  """Returns the sentence for a user who can mend an error, or ''."""
  if isinstance(error, UserError):
    return str(error)
  if isinstance(error, OSError):
    if error.filename is not None:
      return str(error)
    if error.errno in _DISK:
      return f'{error.strerror}; {WAY_OUT}'
  if isinstance(error, AssertionError | RuntimeError):
    if problem := devices.find_missing():
      return problem
    if 'RESOURCE_EXHAUSTED' in (text := str(error)):
      return f'{text.splitlines()[0]}; set a smaller batch_size, or remat.'
  return ''
