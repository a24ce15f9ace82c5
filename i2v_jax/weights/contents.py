"""Recognises files that are not weights by their first bytes."""

import pathlib

from i2v_jax.runtime.errors import UserError

# First bytes -> kind of file, and the way out.
OTHER = (
  (b'version https://git-lfs', 'a git-lfs pointer; run `git lfs pull` there'),
  (b'<!doctype', 'a web page; open its address in a browser to see why'),
  (b'<html', 'a web page; open its address in a browser to see why'),
  (b'<?xml', 'the error message of a server; download the file again'),
  (b'\x89hdf', 'HDF5, as Keras writes it; take a file of torch or safetensors'),
  (b'gguf', 'GGUF, for llama.cpp; take a file of torch or safetensors'),
  (b'\x1f\x8b', 'gzip; unpack it'),
  (b'{', 'JSON; name the file of weights that it belongs to'),
)


def read_head(path: pathlib.Path) -> bytes:
  """Reads the first bytes of a file; raises UserError if it is not weights."""
  with path.open('rb') as file:
    head = file.read(512)
  if not head:
    raise UserError(f'{path} is empty; copy or download it again.')
  if not any(head):
    raise UserError(
      f'{path} begins with zeros only, as after an interrupted download; '
      'download it again.'
    )
  if head[8:9] == b'{':  # safetensors, whose first bytes are a number
    return head
  text = head.removeprefix(b'\xef\xbb\xbf').lstrip().lower()
  for begin, what in OTHER:
    if text.startswith(begin):
      raise UserError(f'{path} is {what}.')
  return head
