"""The files of AVA: its stamps, its lists of actions, its boxes."""

import pathlib
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import box_tables, listing
from i2v_jax.data.sets.key_frames import Key, Rows
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.text_tables import Table
from i2v_jax.runtime.errors import UserError

FIRST, LAST = 900, 1800  # seconds of a movie, between which it is annotated
_QUOTED = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\''
_ENTRY = re.compile(rf'(?:item|label)\s*\{{((?:{_QUOTED}|[^"\'{{}}])*)\}}')
_NAME = re.compile(rf'\bname\s*:\s*({_QUOTED})')
_ID = re.compile(r'\b(?:label_)?id\s*:\s*(\d{1,9})\b')
_COMMENT = re.compile(r'^\s*#.*$', re.M)
_EXAMPLE = 'label { name: "..." label_id: 1 }'


class Annotated(NamedTuple):
  """The rows of an annotation file, and what names them.

  Attributes:
    rows: its boxes, with one class each.
    persons: of the rows.
    lines: line number of the first row of each video, in order.
  """

  rows: Rows
  persons: Sequence[str]
  lines: dict[str, int]


def parse_stamp(text: str) -> str:
  """Parses a second of a movie: 902, 0902 and 902.0 are all '0902'."""
  found = re.fullmatch(r'\s*0*(\d{1,9})(?:\.0*)?\s*', text)
  if not found:
    raise UserError(f'{text.strip()!r} is not a whole number of seconds')
  if not FIRST <= int(found[1]) <= LAST:
    problem = f'{text.strip()} is outside the annotated part of a movie'
    raise UserError(f'{problem}, {FIRST} to {LAST}')
  return f'{int(found[1]):04d}'


def read_label_map(path: listing.Path) -> dict[int, str]:
  """Reads a list of actions (`.pbtxt`): number -> name.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: an entry has no name or number, or has that of another.
  """
  with listing.open_text(path) as file:
    # Blanks keep the numbers of lines.
    text = _COMMENT.sub(lambda found: ' ' * len(found[0]), file.read())
  find_line = lambda place: text.count('\n', 0, place) + 1
  problems, found, end = Problems(path), {}, 0
  for entry in _ENTRY.finditer(text):
    _check_between(text, end, entry.start(), find_line, problems)
    end, line = entry.end(), find_line(entry.start())
    name, number = _read_entry(entry[1])
    if name is None or number is None:
      problems.add(line, f'an entry without name or number, unlike {_EXAMPLE}')
    elif found.setdefault(number, name) != name:
      problems.add(line, f'number {number} is that of {found[number]!r} too')
  _check_between(text, end, len(text), find_line, problems)
  problems.check()
  if not found:
    raise UserError(f'{path} lists no action: get the official file')
  return found


def _read_entry(text: str) -> tuple[str | None, int | None]:
  name = _NAME.search(text)
  number = _ID.search(re.sub(_QUOTED, '""', text))
  plain = name and re.sub(r'\\(.)', r'\1', name[1][1:-1]).strip()
  return plain or None, int(number[1]) if number else None


def _check_between(text, start, end, find_line, problems: Problems) -> None:
  """Checks that nothing stands between two entries."""
  rest = text[start:end]
  if rest.strip(' \t\r\n,;'):
    place = start + len(rest) - len(rest.lstrip(' \t\r\n,;'))
    shown = rest.split()[0]
    problems.add(find_line(place), f'{shown:.40} is not part of {_EXAMPLE}')


def read_annotated(path: listing.Path, names: dict[int, str]) -> Annotated:
  """Reads an annotation file; the class of action i is i - 1.

  Args:
    path: CSV `video,stamp,x1,y1,x2,y2,action,person`, with or without a
      header; the person may be missing.
    names: of the actions.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: names the first ten lines that are wrong, and counts all.
  """
  columns = ('file', 'time', *box_tables.SIDES, 'label')
  table, problems = box_tables.read(path, columns, ['person']), Problems(path)
  keys = convert_keys(table, problems)
  labels = table.convert('label', _make_label_parser(names), problems, -1)
  boxes = box_tables.convert_boxes(table, problems)
  boxes = box_tables.check_boxes(boxes, table.lines, problems)
  problems.check()
  if not keys:
    raise UserError(f'{path} holds no box: get the official file')
  lines = {}
  for (video, _), line in zip(keys, table.lines, strict=True):
    lines.setdefault(video, line)
  rows = Rows(keys, boxes, np.array(labels, np.int64), np.ones(len(keys)))
  return Annotated(rows, table.columns['person'], lines)


def convert_keys(table: Table, problems: Problems) -> tuple[Key, ...]:
  """Converts the columns `file` and `time` to key frames."""
  videos = table.convert('file', parse_video, problems, '')
  times = table.convert('time', parse_stamp, problems, '')
  same = {}
  pairs = zip(videos, times, strict=True)
  return tuple(same.setdefault(key, key) for key in pairs)


def parse_video(text: str) -> str:
  """Parses the id of a movie."""
  if not text.strip():
    raise UserError('is an empty field')
  return text.strip()


def _make_label_parser(names: dict[int, str]) -> Callable[[str], int]:
  def parse(text: str) -> int:
    digits = re.fullmatch(r'\s*(\d{1,9})\s*', text)
    number = int(text) if digits else 0
    if number not in names:
      raise UserError(f'{text.strip()!r} is not in the list of actions')
    return number - 1

  return parse


def read_excluded(path: pathlib.Path) -> frozenset[Key]:
  """Reads the key frames that are not evaluated: lines `video,stamp`."""
  problems, found = Problems(path), set()
  for line, text in listing.read_lines(path):
    video, _, stamp = text.partition(',')
    try:
      found.add((parse_video(video), parse_stamp(stamp)))
    except UserError as error:
      problems.add(line, f'{error}, unlike -5KQ66BBWC4,0902')
  problems.check()
  return frozenset(found)
