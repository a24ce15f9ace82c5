"""Checkpoints as files: which of a workdir are whole, and what the others lack.

Knows nothing of arrays, so that anything may look while training goes on.
"""

import hashlib
import pathlib
import shutil
from collections.abc import Callable

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import FileError, UserError

ITEMS = ('params', 'opt_state', 'metadata')
DIGEST = 'digest.json'  # of a checkpoint: file -> its SHA-256, when written
ORBAX = '_CHECKPOINT_METADATA'  # its own, rewritten after there is a digest
UNFINISHED = '.orbax-checkpoint-tmp'  # what Orbax renames when all is written
BROKEN = 'broken_checkpoints'  # where those go that are in the way


def checkpoints_folder(workdir) -> pathlib.Path:
  return pathlib.Path(workdir).absolute() / 'checkpoints'


def find_steps(workdir) -> list[int]:
  """Steps of the checkpoints that were written to their end, oldest first."""
  folder = checkpoints_folder(workdir)
  if not folder.is_dir():
    return []
  return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal())


def seal(folder: pathlib.Path) -> None:
  """Writes down what the files of a checkpoint are, before its renaming."""
  found = {
    str(path.relative_to(folder)): _sha256(path)
    for item in ITEMS
    for path in sorted((folder / item).rglob('*'))
    if path.is_file()
  }
  files.write_json(folder / DIGEST, found)


def find_missing(folder: pathlib.Path) -> str:
  """Says what a checkpoint lacks, '' if nothing; reads no arrays.

  Of those that were written before there was a digest, only that all their
  parts are there.
  """
  for item in ITEMS:
    if not (folder / item).is_dir():
      return f'{item} is missing'
  for name in (DIGEST, ORBAX):
    if _read_object(folder / name) is None:
      return f'{name} cannot be read'
  for name in _read_object(folder / DIGEST):
    if not (folder / name).is_file():
      return f'{name} is missing'
  return ''


def find_damage(folder: pathlib.Path) -> str:
  """Says what is wrong with a checkpoint, '' if nothing; reads all of it."""
  if problem := find_missing(folder):
    return problem
  for name, digest in _read_object(folder / DIGEST).items():
    try:
      if _sha256(folder / name) != digest:
        return f'{name} is not what was written'
    except OSError as error:
      return f'{name} cannot be read ({error.strerror})'
  return ''


def _read_object(path: pathlib.Path) -> dict | None:
  """Reads a JSON object: {} without the file, None if it is damaged."""
  try:
    return files.read_json(path)
  except FileNotFoundError:
    return {}
  except (OSError, UserError):
    return None


def find_newest(
  workdir, problem_of: Callable[[pathlib.Path], str] = find_damage
) -> tuple[int | None, dict[int, str]]:
  """The newest step that is whole, and what is wrong with those after it.

  Args:
    workdir: of the run.
    problem_of: `damage`, or `missing`, which is quick and sees less.

  Raises:
    OSError: there are checkpoints, and all are broken.
  """
  broken = {}
  for step in reversed(find_steps(workdir)):
    problem = problem_of(checkpoints_folder(workdir) / str(step))
    if not problem:
      return step, broken
    broken[step] = problem
  if broken:
    step = max(broken)
    raise FileError(
      f'No checkpoint in {checkpoints_folder(workdir)} is whole; of step '
      f'{step} {broken[step]}. Bring them back from a copy, or choose another '
      '--workdir to begin anew.'
    )
  return None, {}


def describe_broken(broken: dict[int, str], whole: int) -> str:
  """One line that says what is used in place of what."""
  found = '; '.join(f'of step {s}: {text}' for s, text in broken.items())
  return f'a checkpoint is broken ({found}); falling back to step {whole}'


def clear(workdir) -> str:
  """Puts aside what is in the way of going on; only for who holds the lock.

  What a killed process had begun to write is removed, broken checkpoints after
  the newest whole one are moved to `broken_checkpoints`.

  Returns:
    A line for people, or ''.

  Raises:
    OSError: there are checkpoints, and all are broken.
  """
  folder = checkpoints_folder(workdir)
  for path in folder.glob(f'*{UNFINISHED}*'):
    shutil.rmtree(path)
  whole, broken = find_newest(workdir)
  for step in broken:
    _put_aside(folder / str(step), folder.parent / BROKEN)
  return describe_broken(broken, whole) if broken else ''


def _put_aside(path: pathlib.Path, to: pathlib.Path) -> None:
  to.mkdir(exist_ok=True)
  count = len(list(to.glob(f'{path.name}*')))
  path.rename(to / (f'{path.name}-{count}' if count else path.name))


def _sha256(path: pathlib.Path) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()
