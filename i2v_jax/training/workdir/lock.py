"""The lock of a work directory, which one trainer at a time holds."""

import contextlib
import os
import pathlib
import socket
import tempfile

from i2v_jax.data.sets import places
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import FileError
from i2v_jax.runtime.hosts import call_on_first

LOCK = 'train.lock'


def make_writable(workdir) -> pathlib.Path:
  """Makes a folder if need be; raises OSError if it is not writable."""
  places.check_writable('--workdir', workdir)
  workdir = pathlib.Path(workdir)
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=workdir).close()
  except OSError as error:
    raise FileError(
      f'Cannot write to the workdir {workdir} ({error.strerror}); choose '
      'another --workdir.'
    ) from error
  return workdir


class Lock:
  """One trainer at a time, of any number of processes; the first holds it.

  The operating system releases it when that process ends, however it ends. A
  file system that does not share locks with other machines (some NFS mounts)
  shows it to this machine only.

  Args:
    workdir: the folder.

  Raises:
    OSError: at `with`, if another process holds it, which is named, or the file
      system has no locks.
  """

  def __init__(self, workdir):
    self.path = pathlib.Path(workdir) / LOCK
    self._file = None

  def __enter__(self) -> 'Lock':
    call_on_first(self._take)
    return self

  def _take(self) -> None:
    file = self.path.open('a+', encoding='utf-8')
    try:
      files.lock(file)
    except BlockingIOError as error:
      file.seek(0)
      owner = file.read().strip() or 'another process'
      file.close()
      raise FileError(
        f'{self.path.parent} is being trained by {owner}; wait for it, stop '
        'it, or choose another --workdir.'
      ) from error
    except OSError as error:
      file.close()
      raise FileError(
        f'{self.path} cannot be locked ({error.strerror}); choose a --workdir '
        'on a file system with locks.'
      ) from error
    with files.explain_errors(self.path):
      file.truncate(0)
      file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
      file.flush()
    self._file = file

  def check(self) -> None:
    """Raises OSError if the folder, or the lock in it, is gone."""
    if self._file:
      with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(self._file.fileno()), self.path.stat()):
          return
      raise FileError(
        f'The workdir {self.path.parent} was moved or removed while it was '
        'trained; nothing more can be saved there.'
      )

  def __exit__(self, *_) -> None:
    if self._file:
      self._file.close()
