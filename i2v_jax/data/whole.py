"""Files written whole or not at all, and what is said if they cannot be."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

Path = str | os.PathLike[str]


def write(path: Path, text: str) -> None:
  """As `replace`, with an OSError that names the file and the way out."""
  with told(path):
    replace(path, text)


def replace(path: Path, text: str) -> None:
  """Puts a file of UTF-8 in the place of one of that name, if there is one.

  Bytes that were no UTF-8 when they were read (`surrogateescape`) stay as they
  were.
  """
  path = pathlib.Path(path)
  beside = path.with_name(f'{path.name}.new')
  beside.write_bytes(text.encode(errors='surrogateescape'))
  beside.replace(path)


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
  """What goes wrong while a file is written, as one sentence."""
  try:
    yield
  except OSError as error:
    reason = error.strerror or repr(error)
    raise OSError(
      f'{path} could not be written ({reason}); mend the disk and start the '
      'same command again.'
    ) from error
