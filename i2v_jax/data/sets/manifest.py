"""The manifest of a check: a header, then a line of JSON for each video.

Training can require it, so that it reads only files that were decoded to their
end before.
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from i2v_jax.data.sets import listing, sources
from i2v_jax.data.videos import frame_files
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import MissingFileError, UserError

VERSION = 1
NAME = 'manifest.jsonl'


def stamp(path: str) -> dict[str, int] | None:
  """Returns `bytes` and `mtime_ns` of a video, which change if it is replaced.

  Returns None if it does not exist.
  """
  try:
    return frame_files.stamp(path)
  except OSError:
    return None


def write(path: listing.Path, header: Mapping, records: Iterable[Mapping]):
  """Writes a manifest atomically."""
  lines = ({'manifest': VERSION} | dict(header), *records)
  files.write(path, ''.join(json.dumps(line) + '\n' for line in lines))


def read(path: listing.Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
  """Reads the header and the records of a manifest.

  Raises:
    FileNotFoundError: there is none.
    UserError: a line is not that of a manifest, or its version is another.
  """
  lines = []
  for number, text in listing.read_lines(path):
    try:
      found = json.loads(text)
    except json.JSONDecodeError as error:
      raise listing.make_line_error(path, number, 'not json') from error
    if lines and not (isinstance(found, dict) and 'id' in found):
      raise listing.make_line_error(
        path, number, f'not the record of a video: {text:.40}'
      )
    lines.append(found)
  header = lines[0] if lines else None
  if not isinstance(header, dict) or header.get('manifest') != VERSION:
    raise UserError(
      f'{path} is not a manifest of version {VERSION}: write one with i2v data '
      'check'
    )
  return header, lines[1:]


def require(path: listing.Path, splits: Iterable[sources.Split]) -> None:
  """Raises UserError unless all videos were checked and are good.

  A good video was decoded to its end and still has the size and modification
  time of that moment. Files are not opened.
  """
  try:
    header, records = read(os.path.expanduser(path))
  except FileNotFoundError as error:
    problem = f'data.manifest {path} does not exist'
    raise MissingFileError(f'{problem}; {_WAY_OUT}') from error
  if header.get('format') == '':
    problem = f'data.manifest {path} lists files without labels'
    raise UserError(
      f'{problem}: write it by i2v data check with --source or --config'
    )
  checked = {record['id']: record for record in records}
  for split in (split.list_videos() for split in splits):
    for video, place in zip(split.ids, split.paths, strict=True):
      if problem := _find_problem(checked.get(video), place):
        raise UserError(f'{video!r} {problem} {path}: {_WAY_OUT}')


_WAY_OUT = (
  'repair or drop bad videos and run i2v data check again, or set '
  "data.manifest='' to train on unchecked videos"
)


def _find_problem(record: Mapping | None, path: str) -> str:
  if record is None:
    return 'is not in the manifest'
  if not record['ok']:
    return f'is bad ({record["reason"]}), says the manifest'
  if stamp(path) != {key: record[key] for key in ('bytes', 'mtime_ns')}:
    return 'has changed since it was checked for the manifest'
  return ''
