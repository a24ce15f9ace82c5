"""Refuses paths in remote stores, and archives, before anything is read."""

import functools
import os
import re
from collections.abc import Callable, Mapping

from i2v_jax.data.videos import names
from i2v_jax.runtime.errors import UserError

_URL = re.compile(r'(?!file:)[a-z][a-z0-9+.-]+:/{1,2}(?=[^/])', re.I)
_MOUNTS = {'gs': 'gcsfuse', 's3': 'mountpoint-s3 or s3fs', 'hdfs': 'hdfs-fuse'}


def find_problem(path: str | os.PathLike[str]) -> str:
  """Says why a path cannot be read from a disk, and the way out, or ''."""
  path = os.fspath(path)
  if found := _URL.match(path):
    scheme = found[0].partition(':')[0].lower()
    if scheme in ('http', 'https', 'ftp', 'ftps'):
      return 'is an address on the web: download it, and give its path'
    mount = f' (by {_MOUNTS[scheme]})' if scheme in _MOUNTS else ''
    way_out = f'mount it{mount} or copy it to a disk, and give that path'
    return f'is in a remote store: {way_out}'
  if names.is_archive(path) and not os.path.isdir(path):
    return 'is an archive: unpack it, and give the path of its contents'
  return ''


def check(what: str, *paths: str | os.PathLike[str]) -> None:
  """Raises UserError for the first path that is remote, or an archive.

  Args:
    what: name of the paths in the message, such as 'data.root'; may be ''.
    *paths: files and folders to be read.
  """
  for path in paths:
    if reason := find_problem(path):
      raise UserError(f'{what} {os.fspath(path)} {reason}'.lstrip())


def check_data(root: str | os.PathLike[str], options: Mapping) -> None:
  """Checks the root of a data set, and options that are paths."""
  check('the data root', root)
  for name, value in options.items():
    if isinstance(value, str):
      check(f'the data option {name},', value)


def check_writable(what: str, path: str | os.PathLike[str]) -> None:
  """Raises UserError for an output in a remote store; see `check`."""
  if found := _URL.match(os.fspath(path)):
    mount = _MOUNTS.get(found[0].partition(':')[0].lower())
    way_out = f'mount it{f" (by {mount})" if mount else ""} and give that path'
    problem = 'is in a remote store, where nothing can be written'
    raise UserError(f'{what} {os.fspath(path)} {problem}: {way_out}')


def check_arguments(function: Callable) -> Callable:
  """Makes a subcommand refuse remote paths and archives before it runs."""

  @functools.wraps(function)
  def call(args):
    given = vars(args)
    check('--workdir', given.get('workdir') or '')
    check_writable('--out', given.get('out') or '')
    for name in ('clips', 'clip', 'other', 'paths', 'path', 'against', 'root'):
      values = given.get(name)
      values = values if isinstance(values, list) else [values]
      check('', *(value for value in values if isinstance(value, str)))
    if isinstance(given.get('source'), list):  # FORMAT ROOT
      check('', given['source'][1])
    return function(args)

  return call
