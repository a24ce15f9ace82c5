"""An output that grows by one video at a time, and is resumed after a kill.

Next to it is `NAME.progress`, JSON lines: the model and options it was begun
with, then a record of each video that is done, with the length of the output
after it. What a kill leaves behind that is cut off.
"""

import contextlib
import json
import os
import pathlib
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError

SUFFIX = '.progress'
_VERSION = 1


def count_begun(path: files.Path) -> int:
  """Counts the videos of an output that are done or in progress."""
  progress = pathlib.Path(f'{path}{SUFFIX}')
  return progress.read_bytes().count(b'\n') if progress.exists() else 0


class Journal:
  """The output and its progress, open for writing; a context manager.

  Args:
    path: of the output.
    begun: JSON facts of model and options, which must be those it was begun
      with.
    clips: all videos, in the order of the output.
    head: bytes at the start of the output.

  Attributes:
    done: number of videos that are done.
    bad: number of those that could not be read.
    row: the `row` of the last record, 0 if there is none.

  Raises:
    UserError: the output was begun with another model, other options or another
      list, or is no output of this program; or another process writes it.
  """

  def __init__(
    self,
    path: files.Path,
    begun: Mapping[str, Any],
    clips: Sequence[str],
    head: bytes = b'',
  ):
    self.path = pathlib.Path(path)
    self._file = self.path.with_name(self.path.name + SUFFIX)
    self.done = self.bad = self.row = 0
    self._check_unknown()
    with contextlib.ExitStack() as stack, files.explain_errors(self.path):
      self._progress = stack.enter_context(open(self._file, 'a+b'))
      self._lock()
      end = self._resume(begun, clips)
      self.path.touch()
      self._out = stack.enter_context(open(self.path, 'r+b'))
      self._cut(end, head)
      self._stack = stack.pop_all()

  def __enter__(self) -> 'Journal':
    return self

  def __exit__(self, *_) -> None:
    self._stack.close()

  def append(self, data: bytes, record: Mapping[str, Any]) -> None:
    """Adds a video: first to the output, then to the progress.

    Args:
      data: of the output.
      record: JSON; `file`, `row`, and `error`, which is '' of a good video.
    """
    with files.explain_errors(self.path):
      self._out.write(data)
      self._out.flush()
      self._write(dict(record) | {'end': self._out.tell()})
    self._count(record)

  def remove(self) -> None:
    """Removes the output and its progress, when another file replaces them."""
    self.path.unlink()
    self._file.unlink()

  def read_records(self) -> Iterator[dict[str, Any]]:
    """Reads the records of all videos that are done."""
    with open(self._file, 'rb') as file:
      next(file)
      yield from map(json.loads, file)

  def _check_unknown(self) -> None:
    if self.path.exists() and not self._file.exists():
      raise UserError(
        f'{self.path} exists, but not {self._file.name}, which says what it '
        'holds; give another --out, or remove it.'
      )

  def _lock(self) -> None:
    try:
      files.lock(self._progress)
    except BlockingIOError:
      raise UserError(
        f'{self.path} is being written by another process; wait for it, or '
        'give another --out.'
      ) from None

  def _resume(self, begun: Mapping, clips: Sequence[str]) -> int:
    """Counts what is done; returns the length of the output after it."""
    begun = json.loads(json.dumps({'version': _VERSION} | dict(begun)))
    self._progress.seek(0)
    lines = [x for x in self._progress if x.endswith(b'\n')]
    self._progress.truncate(sum(map(len, lines)))
    if not lines:
      self._write(begun)
      return 0
    self._check_same(json.loads(lines[0]), begun)
    end = 0
    for number, line in enumerate(lines[1:]):
      record = json.loads(line)
      self._check_clip(number, record['file'], clips)
      self._count(record)
      end = record['end']
    return end

  def _cut(self, end: int, head: bytes) -> None:
    """Cuts off what was written of a video that is not done."""
    if self._out.seek(0, os.SEEK_END) < end:
      raise UserError(
        f'{self.path} is shorter than {self._file.name} says, so it was '
        'changed; remove both, or give another --out.'
      )
    self._out.truncate(end)
    self._out.seek(end)
    if not self.done:
      self._out.write(head)

  def _check_same(self, found: Mapping, wanted: Mapping) -> None:
    for key in [*wanted, *found]:
      if found.get(key) != wanted.get(key):
        before, now = _find_difference(found.get(key), wanted.get(key))
        raise UserError(
          f'{self.path} was begun with another {key} ({before}, now {now}); '
          f'give another --out, or remove it and {self._file.name}.'
        )

  def _check_clip(self, number: int, file: str, clips: Sequence[str]) -> None:
    here = clips[number] if number < len(clips) else 'nothing'
    if here != file:
      raise UserError(
        f'{self.path} was begun with another list of videos: number '
        f'{number + 1} was {file}, now it is {here}; give another --out.'
      )

  def _count(self, record: Mapping[str, Any]) -> None:
    self.done += 1
    self.bad += bool(record['error'])
    self.row = record['row']

  def _write(self, value: Mapping[str, Any]) -> None:
    self._progress.write(json.dumps(value).encode() + b'\n')
    self._progress.flush()


def _find_difference(before, now) -> tuple[str, str]:
  """Finds what differs between two facts: of objects, the keys that do."""
  if isinstance(before, Mapping) and isinstance(now, Mapping):
    keys = [k for k in {**before, **now} if before.get(k) != now.get(k)]
    before, now = ({k: x.get(k) for k in keys} for x in (before, now))
  return reprlib.repr(before), reprlib.repr(now)
