"""The columns of a file of segments, as people name them."""

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from i2v_jax.data.sets import listing
from i2v_jax.runtime.errors import UserError

COLUMNS = ('file', 'start', 'end', 'label', 'split', 'group')
_NEEDED = ('file', 'label')
_ALIASES = {  # column names of others, without case, blanks, '_' and '-'
  'file': ('path', 'filename', 'filepath', 'video', 'videopath', 'videoid'),
  'start': ('begin', 'starttime', 'begintime', 'tstart', 'from'),
  'end': ('stop', 'endtime', 'stoptime', 'tend', 'to'),
  'label': ('labels', 'class', 'classname', 'action', 'category'),
  'split': ('subset',),
}
_TIMES = ('start', 'end', *_ALIASES['start'], *_ALIASES['end'])
_SECONDS = re.compile(r'[\s_(\[-]+(s|secs?|seconds?|ss\.msec)[)\]]?\s*$')
_UNIT = '(?![a-z])|time|sec|frame|ms|milli'  # as in end_frame and endTime
_LIKE = {  # names that may mean a time
  'start': re.compile(f'start|begin|onset|from({_UNIT})'),
  'end': re.compile(f'(end|stop|offset|to)({_UNIT})'),
}


class Columns(NamedTuple):
  """Where the columns of a file are.

  Attributes:
    names: column -> its name in the file.
    rates: of 'start' and 'end', where cells are frame numbers: frames per
      second.
    unused: names of all others.
  """

  names: dict[str, str]
  rates: dict[str, Fraction]
  unused: tuple[str, ...]


def find_columns(path: listing.Path, given: Iterable[str]) -> Columns:
  """Finds the columns among the names that a file gives.

  Raises:
    UserError: one is missing, there twice, or has no valid frame rate; or a
      name that is not known may mean a time.
  """
  given = [name for name in given if name.strip()]
  plain = {name: _split_rate(name) for name in given}
  names, rates = {}, {}
  for column in COLUMNS:
    found = [name for name in given if plain[name][0] == column]
    others = _ALIASES.get(column, ())
    found = found or [name for name in given if plain[name][0] in others]
    if len(found) > 1:
      both = f'{found[0]!r} and {found[1]!r}'
      raise UserError(f'{path} has two columns for {column}, {both}: drop one')
    if found:
      names[column] = found[0]
      if rate := plain[found[0]][1]:
        rates[column] = _parse_rate(path, found[0], rate)
  missing = [column for column in _NEEDED if column not in names]
  if missing:
    problem = f'{path} has no column {missing[0]!r}, only {", ".join(given)}'
    way_out = 'name the columns in the first line, file,start,end,label'
    raise UserError(f'{problem}: {way_out}')
  used = {*names.values()}
  unused = tuple(name for name in given if name not in used)
  _check_times(path, names, unused)
  return Columns(names, rates, unused)


def has_needed(given: Iterable[str]) -> bool:
  """Whether the columns that every file has are among these names."""
  plain = {_split_rate(name)[0] for name in given}
  return all(plain & {name, *_ALIASES[name]} for name in _NEEDED)


def has_times(given: Iterable[str]) -> bool:
  """Whether there are columns for start and end among these names."""
  plain = {_split_rate(name)[0] for name in given}
  return all(plain & {name, *_ALIASES[name]} for name in _LIKE)


def _split_rate(name: str) -> tuple[str, str]:
  """Splits `start:25` into the plain name and the rate, which may be ''."""
  time, colon, rate = name.lower().partition(':')
  time = _simplify(_SECONDS.sub('', time))
  if time in _TIMES:
    return time, (rate.strip() or '0') if colon else ''
  return _simplify(name), ''


def _simplify(name: str) -> str:
  return re.sub(r'[\s_-]', '', name).lower()


def _parse_rate(path, name: str, text: str) -> Fraction:
  try:
    rate = Fraction(text.replace(',', '.'))
  except (ValueError, ZeroDivisionError):
    rate = Fraction(0)
  if rate <= 0:
    problem = f'{path}: column {name!r} gives no frame rate'
    way_out = 'write start:25 for frame numbers at 25 a second'
    raise UserError(f'{problem}: {way_out}')
  return rate


def _check_times(path, names: dict[str, str], unused: Iterable[str]) -> None:
  """Raises UserError where times may be in a column that is not used."""
  missing = [column for column in _LIKE if column not in names]
  for column in missing:
    for name in unused:
      if _LIKE[column].match(name.strip().lower()):
        problem = f'{path} has a column {name!r}, which may hold times'
        way_out = f'call it {column} if it holds seconds or H:MM:SS, '
        way_out += f'{column}:25 for frame numbers at 25 a second; or rename it'
        raise UserError(f'{problem}: {way_out}')
  if len(missing) == 1:
    (found,) = {*_LIKE} - {*missing}
    problem = f'{path} has a column {names[found]!r} and none for {missing[0]}'
    problem += f', only {", ".join([*names.values(), *unused])}'
    way_out = f'name the column {missing[0]}, or add one, with blank cells '
    way_out += 'where a segment has no such limit'
    raise UserError(f'{problem}: {way_out}')
