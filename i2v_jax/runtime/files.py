"""Files: atomic writes, JSON whose damage is one sentence, locks."""

import contextlib
import json
import logging
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import IO, Any

from i2v_jax.runtime.errors import WAY_OUT, FileError, UserError

try:
  import fcntl
except ModuleNotFoundError:  # Windows
  fcntl = None
try:
  import msvcrt
except ModuleNotFoundError:  # anything else
  msvcrt = None

Path = str | os.PathLike[str]
UNFINISHED = 'unfinished'  # in a folder that may hold files of two writes
_LOG = logging.getLogger(__name__)
_WRONG_PATH = (IsADirectoryError, NotADirectoryError, PermissionError)
_FAR = 1 << 30  # beyond the text: Windows lets nobody else read a locked byte


def write(path: Path, text: str) -> None:
  """Replaces a file; its OSError names the file and the way out."""
  with explain_errors(path):
    replace(path, text)


def write_json(path: Path, value: Any) -> None:
  """Writes a value as indented JSON, as `write` does."""
  write(path, json.dumps(value, indent=2) + '\n')


def replace(path: Path, text: str) -> None:
  """Writes a file of UTF-8, replacing any of that name atomically.

  Bytes that were not UTF-8 when read (`surrogateescape`) are kept.
  """
  with replacing(path) as new:
    new.write_bytes(text.encode(errors='surrogateescape'))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[pathlib.Path]:
  """Yields a temporary path, which is renamed to `path` at the end."""
  path = pathlib.Path(path)
  new = path.with_name(f'{path.name}.new')
  yield new
  new.replace(path)


@contextlib.contextmanager
def replacing_folder(folder: Path) -> Iterator[pathlib.Path]:
  """Yields an empty folder whose files replace those of `folder` at the end.

  Until all are written, `folder` keeps the files it had. If the process dies
  while they are renamed, `check_finished` refuses the folder.

  Raises:
    OSError: a file cannot be written; says which folder.
  """
  folder = pathlib.Path(folder)
  new, mark = folder / '.new', folder / UNFINISHED
  with explain_errors(folder):
    existed = folder.is_dir()
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
      yield new
      mark.touch()
      for file in sorted(new.iterdir()):
        file.replace(folder / file.name)
      mark.unlink()
    finally:
      shutil.rmtree(new, ignore_errors=True)
      if not existed and not any(folder.iterdir()):
        folder.rmdir()


def check_finished(folder: Path) -> None:
  """Raises UserError if writing a folder was interrupted between two files."""
  if (pathlib.Path(folder) / UNFINISHED).exists():
    raise UserError(
      f'Writing {folder} was interrupted, so its files may belong to two '
      'different models; write it again.'
    )


def read_json(path: Path, keys: Sequence[str] = (), kind: type = dict) -> Any:
  """Reads a JSON file that this library wrote.

  Args:
    path: the file.
    keys: required keys; `a.b` is key `b` of the object `a`.
    kind: of the value, `dict` or `list`.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: it is damaged, or lacks a key; names the file.
  """
  try:
    found = json.loads(pathlib.Path(path).read_bytes())
  except ValueError as error:
    raise UserError(
      f'{path} is damaged ({error}); bring it back from a copy, or write it '
      'again.'
    ) from error
  check_keys(found, keys, path, kind)
  return found


def check_keys(value: Any, keys: Sequence[str], what, kind=dict) -> None:
  """Raises UserError naming `what` unless `value` is of `kind` with `keys`."""
  if not isinstance(value, kind):
    raise UserError(
      f'{what} is damaged (it holds no JSON '
      f'{"object" if kind is dict else "list"}); bring it back from a copy, or '
      'write it again.'
    )
  for key in keys:
    node = value
    for name in key.split('.'):
      if not (isinstance(node, dict) and name in node):
        raise UserError(
          f'{what} has no {key}: it is damaged, or not what this version '
          'writes; bring it back from a copy, or write it again.'
        )
      node = node[name]


@contextlib.contextmanager
def explain_errors(path: Path) -> Iterator[None]:
  """Raises errors of writing a file as one sentence."""
  try:
    yield
  except FileError:  # of one file of a folder
    raise
  except OSError as error:
    reason = error.strerror or repr(error)
    wrong = isinstance(error, _WRONG_PATH)
    way_out = 'choose another path.' if wrong else WAY_OUT
    text = f'{path} could not be written ({reason}); {way_out}'
    raise FileError(text) from error


def lock(file: IO) -> None:
  """Locks an open file until it is closed, or this process ends.

  Where Python has no locks, it warns.

  Raises:
    BlockingIOError: another process has locked it.
    OSError: the file system has no locks.
  """
  if fcntl:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  elif msvcrt:
    _lock_byte(file)
  else:
    _LOG.warning(
      '%s is not locked, as this Python has neither fcntl nor msvcrt; start '
      'only one process that writes there',
      file.name,
    )


def _lock_byte(file: IO) -> None:
  os.lseek(file.fileno(), _FAR, os.SEEK_SET)
  try:
    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
  except PermissionError as error:
    raise BlockingIOError(*error.args) from error
  finally:
    os.lseek(file.fileno(), 0, os.SEEK_SET)


def find_cache_folder() -> pathlib.Path | None:
  """Finds the folder of caches: `$XDG_CACHE_HOME/i2v_jax`, or `~/.cache/…`.

  None if neither is known. What is in it may be deleted at any time.
  """
  root = os.environ.get('XDG_CACHE_HOME', '')
  if not os.path.isabs(root):  # which the standard says to ignore
    root = os.path.expanduser('~/.cache')
  return pathlib.Path(root, 'i2v_jax') if os.path.isabs(root) else None
