"""Lists of videos in their many spellings -> paths and labels.

Fields may be separated by blanks, tabs, commas or semicolons and may be quoted,
the first line may name the columns, and paths may be Windows paths.
"""

import csv
import os
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from i2v_jax.data.sets import listing, places, segment_columns
from i2v_jax.data.videos import names
from i2v_jax.runtime.errors import UserError

_CHARS = '\t;,|'  # separators besides blanks
_ENDINGS = ('.txt', '.csv', '.tsv', '.list')  # of the names of lists
_NUMBER = re.compile(r'[+-]?\d+(?:\.0*)?')
_SIMPLE = re.compile(r'([^\s,;|"\']+)[ \t](-?\d+)')
_QUOTED = re.compile(r""""((?:[^"]|"")*)"|'([^']*)\'""")
_JSON = ('{"', '[{', '["', '[[')
_DRIVE = re.compile(r'[a-z]:[\\/]|\\\\', re.I)
# Names of columns without case, blanks and '_', best first.
_PATHS = 'path filepath videopath clippath relativepath file filename video '
_PATHS += 'paths files filenames videos clips '
_PATHS += 'videofile videoname clip clipname name videoid youtubeid id'
_COUNTS = 'numframes totalframes nframes framecount frames'
_LABELS = 'label labels class classid classidx classindex labelid labelidx '
_LABELS += 'target category action activity classname labelname y '
_LABELS += 'classes targets categories actions tag'
_COLUMNS = [text.split() for text in (_PATHS, _COUNTS, _LABELS)]

Split = Callable[[str], tuple[str, ...]]


class Line(NamedTuple):
  """A listed video, as on its line."""

  number: int  # The line number, from 1.
  path: str
  labels: tuple[str, ...]
  text: str  # The complete line.
  frames: int | None = None  # If a column counts them.


def is_list(path: listing.Path) -> bool:
  """Whether a path names a list of videos."""
  return os.fspath(path).lower().endswith(_ENDINGS)


def is_number(label: str) -> bool:
  """Whether a label is an integer; `0.0` is one."""
  return bool(_NUMBER.fullmatch(label))


def is_kinetics(path: listing.Path) -> bool:
  """Whether a list is an annotation file of Kinetics."""
  _, text = next(listing.read_lines(path), (0, ''))
  return {'youtubeid', 'timestart'} <= {
    *_split_header(text, _find_delimiter(text))
  }


def read(path: listing.Path, delimiter: str | None = None) -> list[Line]:
  """Reads the lines of a list, without blank lines and `#` comments.

  Args:
    path: the list.
    delimiter: the separator of fields; None detects it.

  Raises:
    FileNotFoundError: there is no list.
    UserError: a line is invalid, or its path is not on a local disk.
  """
  lines, found = list(listing.read_lines(path)), []
  lines[1:] = [line for line in lines[1:] if not _is_comment(line[1])]
  if not lines:
    return found
  if lines[0][1].startswith(_JSON):
    raise listing.make_line_error(
      path, lines[0][0], 'is JSON: write `path label`'
    )
  split, columns = lambda text: _split_line(text, delimiter), []
  if columns := _find_columns(lines[0][1], delimiter):
    between = delimiter or _find_delimiter(lines[0][1])
    split = _make_splitter(path, between, columns) or split
  if columns or _is_comment(lines[0][1]):
    del lines[0]
  for number, text in lines:
    try:
      video, *labels = split(text)
      counted = len(columns) == 3 and len(labels) == 2
      frames = int(float(labels.pop(0))) if counted else None
      line = Line(number, localize(video), tuple(labels), text, frames)
    except (ValueError, csv.Error) as error:
      raise listing.make_line_error(path, number, str(error)) from error
    found.append(line)
  return found


def check_is_no_table(path: listing.Path) -> None:
  """Raises UserError for a table of segments, which lists files many times."""
  _, text = next(listing.read_lines(path), (0, ''))
  char = _find_delimiter(text)
  if char and segment_columns.has_times(_split_cells(text, char)):
    raise UserError(
      f'{path} lists segments, not videos: give a list with a path in each '
      'line (i2v data bench and check read segments with --source segments)'
    )


def split_end(text: str, count: int) -> list[str]:
  """Splits `count` fields off the end of a line, without quotes."""
  field = rf'[{_CHARS} ]+([^{_CHARS} ]+)'
  found = re.fullmatch(f'(.+?){field * count}', text).groups()
  path, *rest = [part.strip('"') for part in found]
  return [localize(path), *rest]


def read_list(path: listing.Path) -> Iterator[tuple[str, int | None]]:
  """Yields paths, relative to the folder of the list, and labels.

  A label is None unless the line has exactly one number. A table of segments
  raises UserError.
  """
  check_is_no_table(path)
  folder = os.path.dirname(path)
  for line in read(path):
    one = len(line.labels) == 1 and is_number(line.labels[0])
    label = int(float(line.labels[0])) if one else None
    yield os.path.join(folder, line.path), label


def localize(path: str) -> str:
  """Converts a path to the notation of this system."""
  path = path.removeprefix('file://')
  path = os.path.expanduser(path) if path.startswith('~/') else path
  if problem := places.find_problem(path):
    raise UserError(f'{path!r} {problem}')
  if os.sep == '\\':
    return path.rstrip('/\\') or path
  if _DRIVE.match(path):
    way_out = "list it relative to the data root, or to the option 'videos'"
    raise UserError(f'{path!r} is on a Windows drive: {way_out}')
  # A name may hold a backslash, but not in a path that has other separators.
  path = path if '/' in path else path.replace('\\', '/')
  return path.rstrip('/') or path


def parse_path(text: str) -> str:
  """Converts the path in a cell; raises UserError if it is empty."""
  if not text.strip():
    raise UserError('is an empty field')
  return localize(text.strip())


def _is_comment(text: str) -> bool:
  """Whether a line is a comment; a video may be called `#1.mp4`."""
  video = re.search(rf'\.({"|".join(names.VIDEOS)})\b', text, re.I)
  return text.startswith('#') and not (video or re.match(r'#\S+\s+\d+$', text))


def _find_delimiter(header: str) -> str:
  """Finds the separator of a header's columns; '' means blanks."""
  return next((char for char in _CHARS if char in header), '')


def _split_cells(text: str, delimiter: str) -> list[str]:
  """Splits a line of CSV."""
  reader = csv.reader([text], delimiter=delimiter, skipinitialspace=True)
  return [cell.strip() for cell in next(reader)]


def _split_header(header: str, delimiter: str) -> list[str]:
  """Splits a header into names without case, quotes, blanks and '_'."""
  header = header.lstrip('# ')  # as NumPy writes it
  cells = header.split(delimiter) if delimiter else header.split()
  return [re.sub(r'[\s_"\'-]', '', cell).lower() for cell in cells]


def _find_columns(header: str, delimiter: str | None) -> list[int]:
  """Finds the columns of path, frame count and label; [] without a header."""
  words = _split_header(header, delimiter or _find_delimiter(header))
  found = [
    next((words.index(word) for word in known if word in words), None)
    for known in _COLUMNS
  ]
  if found[0] is None or (found[2] is None and len(words) > 1):
    return []
  return [place for place in found if place is not None]


def _make_splitter(path, delimiter: str, columns: list[int]) -> Split | None:
  """Makes the splitter for a header; None if blanks separate columns."""
  if not delimiter:
    if columns != [*range(len(columns))]:
      problem = 'the columns are not path and label: separate them by commas'
      raise listing.make_line_error(path, 1, problem)
    return None

  def split(text: str) -> tuple[str, ...]:
    cells = _split_cells(text, delimiter)
    if len(cells) <= max(columns):
      raise UserError(f'has {len(cells)} fields, fewer than the first line')
    return tuple(cells[place] for place in columns)

  return split


def _split_line(text: str, delimiter: str | None) -> tuple[str, ...]:
  """Splits a line of a list without a header into path and labels."""
  if delimiter is None and (found := _SIMPLE.fullmatch(text)):
    return found.groups()
  separator = _make_separator(delimiter)
  if delimiter is None:
    text = text.rstrip(f'{_CHARS} ')  # of empty columns
  if quoted := _QUOTED.match(text):
    rest = text[quoted.end() :]
    between = re.match(separator, rest)
    if between or not rest:
      path = (quoted[1] or quoted[2]).replace('""', '"')
      labels = (
        _split_labels(rest[between.end() :], between[0]) if between else ()
      )
      return path, *labels
  numbered = re.fullmatch(_make_numbered_pattern(separator), text, re.I)
  ended = re.fullmatch(_make_video_pattern(separator), text, re.I)
  # In `a.mp4 class 1` the number is part of the label.
  of_label = numbered and ended and not names.has_video_extension(numbered[1])
  of_label = of_label and re.match(r'["\w]', ended[3])
  if found := (not of_label and numbered) or ended:
    return found[1], *_split_labels(found[3], found[2])
  return _split_plain(text, delimiter)


def _make_separator(delimiter: str | None) -> str:
  if delimiter is None:
    return rf'\s*[{_CHARS}]\s*|\s+'
  return rf'\s*{re.escape(delimiter)}\s*' if delimiter.strip() else r'\s+'


def _make_numbered_pattern(separator: str) -> str:
  """Makes the pattern of a path followed by integers only."""
  number = rf'"?{_NUMBER.pattern}"?'
  return rf'(.+?)({separator})({number}(?:(?:{separator}){number})*)'


def _make_video_pattern(separator: str) -> str:
  """Makes the pattern of a path with a video extension and a label."""
  return rf'(.+?\.(?:{"|".join(sorted(names.VIDEOS))}))({separator})(.+)'


def _split_labels(text: str, between: str) -> list[str]:
  """Splits the labels after the path and its separator, `between`."""
  words = [word.strip('"') for word in re.split(rf'[{_CHARS} ]+', text)]
  if all(map(is_number, words)):
    return words
  char = next((char for char in between if char not in ' '), ' ')
  return _split_cells(text, char) if char != ' ' else [text.strip('"')]


def _split_plain(text: str, delimiter: str | None) -> tuple[str, ...]:
  """Splits a lone path, or a path without extension and a class name."""
  if names.has_video_extension(text):
    return (text,)
  for char in [delimiter] if delimiter else _CHARS:
    if text.count(char) == 1:
      return tuple(part.strip().strip('"') for part in text.split(char))
  words = text.split()
  if delimiter or len(words) == 1:
    return (text,)
  if len(words) > 2:
    raise UserError(
      f'{text!r} may end in a label of several words: set the delimiter, or '
      'put quotes around the path'
    )
  return tuple(words)
