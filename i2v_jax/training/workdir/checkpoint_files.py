"""Checkpoints as files: which ones are complete, and what the others lack.

Reads no arrays, so that any program may look while a run trains.
"""

import hashlib
import pathlib
import shutil
from collections.abc import Callable

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import FileError, UserError

ITEMS = ('params', 'opt_state', 'metadata')
DRAWN = 'drawn'  # a further item of models that have such parameters
DIGEST = 'digest.json'  # of a checkpoint: file -> its SHA-256 when written
ORBAX = '_CHECKPOINT_METADATA'  # of Orbax, rewritten after the digest
CALIBRATION = 'calibration.json'  # fitted after training, not in the digest
UNFINISHED = '.orbax-checkpoint-tmp'  # suffix that Orbax removes at the end
BROKEN = 'broken_checkpoints'  # folder for damaged checkpoints


def checkpoints_folder(workdir) -> pathlib.Path:
  return pathlib.Path(workdir).absolute() / 'checkpoints'


def find_steps(workdir) -> list[int]:
  """Finds the steps of all finished checkpoints, oldest first."""
  folder = checkpoints_folder(workdir)
  if not folder.is_dir():
    return []
  return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal())


def has_drawn(workdir, step: int) -> bool:
  """Whether a checkpoint holds frozen parameters; older ones have none."""
  return (checkpoints_folder(workdir) / str(step) / DRAWN).is_dir()


def write_calibration(workdir, step: int, fitted: dict) -> None:
  """Adds what was fitted after training to a finished checkpoint."""
  folder = checkpoints_folder(workdir) / str(step)
  files.write_json(folder / CALIBRATION, fitted)


def read_calibration(workdir, step: int) -> dict:
  """Reads what `write_calibration` wrote; {} if nothing was fitted.

  Raises:
    UserError: the file is damaged; says that the run fits it again.
  """
  file = checkpoints_folder(workdir) / str(step) / CALIBRATION
  try:
    return files.read_json(file, ('temperature', 'thresholds'))
  except FileNotFoundError:
    return {}
  except UserError as error:
    raise UserError(
      f'{file} is damaged; start the command that trained the run again, which '
      'has ended and only repeats the fit.'
    ) from error


def seal(folder: pathlib.Path) -> None:
  """Writes the digests of a checkpoint, before its renaming."""
  found = {
    str(path.relative_to(folder)): _sha256(path)
    for item in (*ITEMS, DRAWN)
    for path in sorted((folder / item).rglob('*'))
    if path.is_file()
  }
  files.write_json(folder / DIGEST, found)


def find_missing(folder: pathlib.Path) -> str:
  """Names what a checkpoint lacks, or returns ''; reads no arrays.

  Checkpoints older than the digest are only checked for their parts.
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
  """Names the damage of a checkpoint, or returns ''; reads all files."""
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
  workdir, find_problem: Callable[[pathlib.Path], str] = find_damage
) -> tuple[int | None, dict[int, str]]:
  """Finds the newest complete step, and what is wrong with later ones.

  Args:
    workdir: folder of the run.
    find_problem: `find_damage`, or the quicker `find_missing`.

  Raises:
    OSError: there are checkpoints, and all are damaged.
  """
  broken = {}
  for step in reversed(find_steps(workdir)):
    problem = find_problem(checkpoints_folder(workdir) / str(step))
    if not problem:
      return step, broken
    broken[step] = problem
  if broken:
    step = max(broken)
    raise FileError(
      f'No checkpoint in {checkpoints_folder(workdir)} is complete; of step '
      f'{step} {broken[step]}. Bring them back from a copy, or choose another '
      '--workdir to start again.'
    )
  return None, {}


def describe_broken(broken: dict[int, str], newest: int) -> str:
  """Describes damaged checkpoints, and the one used instead, in one line."""
  found = '; '.join(f'of step {s}: {text}' for s, text in broken.items())
  return f'a checkpoint is broken ({found}); falling back to step {newest}'


def clear(workdir) -> str:
  """Moves unfinished and damaged checkpoints away.

  Call it only while holding the lock. Unfinished files of a killed process
  are removed; damaged checkpoints after the newest complete one are moved to
  `broken_checkpoints`.

  Returns:
    A line that reports damaged ones, or ''.

  Raises:
    OSError: there are checkpoints, and all are damaged.
  """
  folder = checkpoints_folder(workdir)
  for path in folder.glob(f'*{UNFINISHED}*'):
    shutil.rmtree(path)
  newest, broken = find_newest(workdir)
  for step in broken:
    _put_aside(folder / str(step), folder.parent / BROKEN)
  return describe_broken(broken, newest) if broken else ''


def _put_aside(path: pathlib.Path, to: pathlib.Path) -> None:
  to.mkdir(exist_ok=True)
  count = len(list(to.glob(f'{path.name}*')))
  path.rename(to / (f'{path.name}-{count}' if count else path.name))


def _sha256(path: pathlib.Path) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()
