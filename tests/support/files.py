"""Makes the files of small data sets."""

import json


def touch(root, *names):
  """Empty files, with the folders they lie in."""
  for name in names:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).touch()


def write(root, files):
  """Text as it is, anything else as JSON: `{name: content}`."""
  for name, content in files.items():
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (root / name).write_bytes(text.encode())
