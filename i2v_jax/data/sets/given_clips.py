"""Videos that a user names: files, folders, patterns, lists, addresses."""

import glob
import os
import sys
import urllib.parse
from collections.abc import Iterable
from typing import NamedTuple

from i2v_jax.data.sets import folders, list_lines, listing, places
from i2v_jax.runtime.errors import MissingFileError, UserError

STDIN = '-'
_LISTS = ('.txt', '.csv')


class Given(NamedTuple):
  """Paths of videos, and sentences about files that are none."""

  clips: list[str]
  notes: list[str]


def list_clips(paths: Iterable[listing.Path]) -> Given:
  """Lists videos in the order in which they are named.

  A folder stands for all videos in and below it, by name, unless it is a folder
  of frames, which is a video; a pattern with `*`, `?` or `[` for what matches
  it, by name; `@FILE`, and a file in .txt or .csv, for the videos it lists, one
  a line; `-` for those that stdin lists; `file:` addresses are decoded.

  Raises:
    FileNotFoundError: a pattern or list is not there.
    UserError: a folder, pattern or list holds no video, or a list segments; or
      a path is on the web, in a remote store or an archive.
  """
  found = Given([], [])
  for path in paths:
    _add(os.fspath(path), found)
  if not found.clips:
    raise UserError('No video is named; give files, folders or a list.')
  return found


def choose_part(clips: list[str], part: str) -> list[str]:
  """Chooses every N-th video from the I-th on, for the part `I/N`.

  Raises:
    UserError: there is no such part, or no video in it.
  """
  index, _, count = part.partition('/')
  good = all(x.isascii() and x.isdigit() for x in (index, count))
  if not (good and 1 <= int(index) <= int(count)):
    raise UserError(
      f'--part is I/N, such as 1/2 and 2/2 for two hosts, not {part!r}.'
    )
  chosen = clips[int(index) - 1 :: int(count)]
  if not chosen:
    raise UserError(f'--part {part} is empty: there are {len(clips)} videos.')
  return chosen


def _add(path: str, found: Given) -> None:
  path = decode_address(path)
  if path == STDIN:
    lines = os.fsdecode(sys.stdin.buffer.read()).split('\n')
    _add_listed(lines, 'stdin', '', found)
  elif path.startswith('@') and not os.path.exists(path):
    _add_list(decode_address(path[1:]), found)
  elif path.lower().endswith(_LISTS) and not os.path.isdir(path):
    _add_list(path, found)
  elif glob.has_magic(path) and not os.path.exists(path):
    matches = sorted(glob.glob(path, recursive=True))
    if not matches:
      raise MissingFileError(f'{path}: nothing matches this pattern.')
    for match in matches:
      _add_found(match, found)
  else:
    _add_found(path, found)


def decode_address(path: str) -> str:
  """Decodes a `file:` address to a path; any other path is returned as it is.

  Raises:
    UserError: it is on another host.
  """
  if not path.lower().startswith('file:'):
    return path
  address = urllib.parse.urlsplit(path)
  if address.netloc not in ('', 'localhost'):
    raise UserError(
      f'{path} is on the host {address.netloc!r}; give the path of a file on '
      'this one, as file:///videos/a.mp4.'
    )
  return urllib.parse.unquote(address.path, errors='surrogateescape')


def _add_list(path: str, found: Given) -> None:
  list_lines.check_is_no_table(path)
  is_address = lambda line: line.text.lower().startswith('file:')
  lines = [
    line.text if is_address(line) else line.path
    for line in list_lines.read(path)
  ]
  _add_listed(lines, path, os.path.dirname(path), found)


def _add_listed(
  lines: list[str], where: str, folder: str, found: Given
) -> None:
  """Adds the videos of a list, whose paths are relative to a folder."""
  lines = [line for line in (line.strip(' \t\r') for line in lines) if line]
  if not lines:
    raise UserError(f'{where} lists no video; write a path a line.')
  for line in lines:
    _add_found(os.path.join(folder, decode_address(line)), found)


def _add_found(path: str, found: Given) -> None:
  places.check('', path)
  videos, left_out = folders.find_videos(path)
  if not videos:
    raise UserError(
      f'{path} holds no video, but {len(left_out)} other files; name a video, '
      'or a folder of videos.'
    )
  if left_out:
    found.notes.append(f'{path}: {folders.describe_left_out(left_out)}')
  found.clips.extend(videos)
