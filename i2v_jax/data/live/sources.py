"""What a source is, and the name it is shown by."""

import os
import re
import stat
import urllib.parse
from typing import NamedTuple

from i2v_jax.data.videos.frame_files import is_frame_folder
from i2v_jax.runtime.errors import MissingFileError, UserError, suggest

STDIN = '-'
_TLS = 'http,https,httpproxy,tcp,tls,crypto'
# FFmpeg's protocols that an address may use: never `file`, whatever a playlist
# or a redirection says.
PROTOCOLS = {
  'http': _TLS,
  'https': _TLS,
  'rtsp': 'rtp,udp,tcp',
  'rtsps': 'rtp,srtp,udp,tcp,tls',
  'tcp': 'tcp',
  'udp': 'udp',
}
_CAMERA = re.compile(r'/dev/(video\d+|v4l/.+)')


class Source(NamedTuple):
  """Where frames come from.

  Attributes:
    kind: `file`, `folder`, `camera`, `address` or `stdin`.
    path: as it is opened.
    name: as it is shown, without the password of an address.
  """

  kind: str
  path: str
  name: str


def find_sources(names: list[str]) -> list[Source]:
  """Finds what each source is; several of one name are numbered.

  Raises:
    FileNotFoundError: a file or camera is not there.
    UserError: it is none of these, or stdin is named twice.
  """
  if names.count(STDIN) > 1:
    raise UserError('stdin (-) is named twice; one stream comes from there.')
  found = [find_source(name) for name in names]
  shown = [source.name for source in found]
  return [
    source._replace(
      name=f'{source.name} #{shown[:number].count(source.name) + 1}'
    )
    if shown.count(source.name) > 1
    else source
    for number, source in enumerate(found)
  ]


def find_source(source: str) -> Source:
  """Finds what a source is.

  Raises:
    FileNotFoundError: a file or camera is not there.
    UserError: it is none of these.
  """
  if source == STDIN:
    return Source('stdin', source, 'stdin')
  scheme, colon, _ = source.partition('://')
  if colon:
    return _find_address(source, scheme.lower())
  if is_frame_folder(source):
    return Source('folder', source, source)
  try:
    mode = os.stat(source).st_mode
  except FileNotFoundError as error:
    what = 'camera' if _CAMERA.fullmatch(source) else 'file or folder'
    raise MissingFileError(f'{source}: no such {what}.') from error
  if stat.S_ISCHR(mode):
    return Source('camera', source, source)
  if stat.S_ISREG(mode):
    return Source('file', source, source)
  raise UserError(
    f'{source} is no video, camera or folder of numbered frames; name one of '
    'these, or - for stdin.'
  )


def _find_address(source: str, scheme: str) -> Source:
  if scheme not in PROTOCOLS:
    near = suggest(scheme, PROTOCOLS) or '.'
    raise UserError(
      f'{_hide_secrets(source)} begins with {scheme}://; an address can begin '
      f'with one of {", ".join(PROTOCOLS)}{near}'
    )
  return Source('address', source, _hide_secrets(source))


def _hide_secrets(address: str) -> str:
  """The address without user, password and query, in printable characters.

  A password may hold characters that ought to be quoted, so all up to the last
  @ is left out. After a ? or # that @ may stand in a query: nothing is shown.
  """
  scheme, _, rest = address.partition('://')
  secret, _, rest = rest.rpartition('@')
  if re.search(r'[?#]', secret):
    rest = '...'
  rest = re.split(r'[?#]', rest, maxsplit=1)[0]
  shown = urllib.parse.unquote(f'{scheme}://{rest}', errors='replace')
  return ''.join(c if c.isprintable() else _quote(c) for c in shown)


def _quote(character: str) -> str:
  return urllib.parse.quote(character, safe='', errors='surrogatepass')
