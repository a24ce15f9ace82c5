"""Rows, lines and records of annotations, and how to find their files.

Nothing here looks at a video: a row says where one may be and gives its label;
`sources` finds it.
"""

import codecs
import json
import os
import pathlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TextIO

from i2v_jax.data.sets.key_frames import KeyFrames
from i2v_jax.data.sets.segment_entries import Annotated
from i2v_jax.runtime.errors import MissingFileError, UserError, check_choice

Path = str | os.PathLike[str]
_MARKS = {  # UTF-32 first: its mark begins with that of UTF-16
  codecs.BOM_UTF32_LE: 'utf-32',
  codecs.BOM_UTF32_BE: 'utf-32',
  codecs.BOM_UTF16_LE: 'utf-16',
  codecs.BOM_UTF16_BE: 'utf-16',
}


class Row(NamedTuple):
  """A listed video: folders and names to try in order, and its label."""

  folders: tuple[str, ...]  # Relative to the root, or absolute.
  names: tuple[str, ...]  # Without an extension, any video extension will do.
  label: int  # -1 if unlabelled.
  line: int = 0  # Of the list; 0 if no line lists it.
  frames: int | None = None  # Of a folder of frames, if the list says.


class Listing(NamedTuple):
  """The contents of an annotation.

  Attributes:
    class_names: in label order.
    rows: the videos.
    file: the list; '' if not the lines of a single file.
    left_out: files in the folders that do not count as videos.
    notes: sentences about how it was read.
    key_frames: where examples are key frames with boxes; labels of rows are -1.
    videos: name of each row in the keys of `key_frames`, or in the entries of
      `annotated`.
    unboxed: names of those that have truth, but no box to classify.
    official: number of videos of the published split; 0 if unknown.
    annotated: where examples are spans of videos; labels of rows are -1.
  """

  class_names: tuple[str, ...]
  rows: list[Row]
  file: str = ''
  left_out: tuple[str, ...] = ()
  notes: tuple[str, ...] = ()
  key_frames: KeyFrames | None = None
  videos: tuple[str, ...] = ()
  unboxed: tuple[str, ...] = ()
  official: int = 0
  annotated: Annotated | None = None


def make_line_error(path: Path, line: int, problem: str) -> ValueError:
  """Makes the error for an invalid line."""
  return UserError(f'{path}, line {line}: {problem}')


def name_some(names: Sequence[str]) -> str:
  """Names the first three of several names, for a message."""
  return ', '.join(map(repr, names[:3])) + ', ...' * (len(names) > 3)


def open_text(path: Path) -> TextIO:
  """Opens text in UTF-8, or in UTF-16 or UTF-32 with a byte-order mark.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: it is not text.
  """
  if not os.path.isfile(path):
    raise MissingFileError(f'{path} does not exist; check the path')
  with open(path, 'rb') as file:
    start = file.read(4096)
  for mark, encoding in _MARKS.items():
    if start.startswith(mark):
      return open(path, encoding=encoding)
  if b'\0' in start:
    raise UserError(f'{path} is not text: save it as UTF-8')
  # A byte-order mark is not part of the first path; paths may be any bytes.
  return open(path, encoding='utf-8-sig', errors='surrogateescape')


def is_text(text: str) -> bool:
  """Whether no part of a text was bytes that are not UTF-8."""
  return not any('\ud800' <= char <= '\udfff' for char in text)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
  """Yields (line number from 1, stripped line), without blank lines."""
  with open_text(path) as file:
    for number, line in enumerate(file, start=1):
      if line.strip():
        yield number, line.strip()


def read_json(path: Path) -> Any:
  """Reads a JSON file; raises UserError naming the line that is invalid."""
  with open_text(path) as file:
    try:
      return json.load(file)
    except json.JSONDecodeError as error:
      raise make_line_error(
        path, error.lineno, f'not json: {error.msg}'
      ) from error


def iterate_records(
  path: Path, value: Any, keys: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
  """Yields (where, record) for a JSON list of objects that have `keys`."""
  if not isinstance(value, list):
    raise UserError(f'{path}: expected a list, not {type(value).__name__}')
  for number, record in enumerate(value, start=1):
    where = f'{path}, record {number}'
    if not isinstance(record, dict) or not all(key in record for key in keys):
      raise UserError(f'{where}: expected an object with {", ".join(keys)}')
    yield where, record


def choose_bases(
  defaults: tuple[str, ...], videos: str | None, split: str
) -> tuple[str, ...]:
  """Returns the folders of videos: `videos` if given, else `defaults`."""
  return (videos.replace('{split}', split),) if videos else defaults


def list_folders(
  root: Path, defaults: Iterable[str], annotations: str | None
) -> list[pathlib.Path]:
  """Lists the folders of annotations, as `choose_bases` does for videos."""
  names = defaults if annotations is None else (annotations,)
  return [pathlib.Path(root, name) for name in names]


def find_file(
  root: Path,
  names: Collection[str],
  annotations: str | None,
  defaults: Iterable[str] = ('', 'annotations'),
) -> pathlib.Path:
  """Finds the one file of these names in these folders, or raises."""
  places = list_folders(root, defaults, annotations)
  found = [p / name for p in places for name in names if (p / name).is_file()]
  if not found:
    more = ' or the like' if len(names) > 4 else ''
    raise make_missing_error(' or '.join([*names][:4]) + more, places)
  if len(found) > 1:
    message = f'{found[0]} and {found[1]} could both be meant'
    raise UserError(f"{message}: keep one or set the option 'annotations'")
  return found[0]


def make_missing_error(
  what: str, places: Iterable[pathlib.Path]
) -> FileNotFoundError:
  """Makes the error for annotations that are in none of `places`."""
  message = f'no {what} in {" or ".join(map(str, places))}'
  way_out = "put it there or set the option 'annotations' to its folder"
  return MissingFileError(f'{message}: {way_out}')


def check_names(names: Sequence[str], where: Path) -> tuple[str, ...]:
  """Returns class names; raises UserError if one is empty or repeated."""
  if isinstance(names, str) or not isinstance(names, Sequence):
    raise UserError(f'{where}: class names must be a list, not {names!r:.40}')
  seen = set()
  for name in names:
    if not isinstance(name, str) or not name.strip() or name in seen:
      problem = f'{where}: class name {name!r} is empty or appears twice'
      raise UserError(f'{problem}: every class needs a name of its own')
    seen.add(name)
  return tuple(names)


def check_split(name: str, split: str, known: Collection[str]) -> None:
  """Raises UserError for a split that format `name` does not have."""
  check_choice(f'the split of {name}', split, known)


def check_count(
  where: Path, names: Collection, expected: Sequence[int]
) -> None:
  """Raises UserError unless the number of classes is one of those expected."""
  if len(names) not in expected:
    counts = ' or '.join(map(str, expected))
    message = f'{where}: {len(names)} classes instead of {counts}'
    raise UserError(f"{message}: get the complete file or set 'num_classes'")


def check_numbers(path: Path, numbers: Sequence[int], first: int) -> None:
  """Raises UserError unless class numbers count up from `first`."""
  if list(numbers) != list(range(first, first + len(numbers))):
    message = f'{path}: class numbers are not {first}, {first + 1}, ...'
    raise UserError(f'{message}: get the official file')
