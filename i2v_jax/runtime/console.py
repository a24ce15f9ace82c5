"""Output on terminals and in files whose encoding lacks some characters."""

import sys


def accept_all_text() -> None:
  """Lets stdout escape what its encoding lacks, as stderr does anyway."""
  if getattr(sys.stdout, 'errors', None) == 'strict':
    sys.stdout.reconfigure(errors='backslashreplace')


def encodable(text: str, instead: str) -> str:
  """The text, or another one where stdout cannot show it."""
  try:
    text.encode(sys.stdout.encoding or 'utf-8')
  except UnicodeEncodeError:
    return instead
  return text
