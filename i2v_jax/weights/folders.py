"""Which file of a folder holds the weights, and its config files."""

import json
import pathlib

from i2v_jax.runtime.errors import MissingFileError, UserError

INDEX = '.index.json'  # what lists of shards end in
# What a folder may hold its weights in, best first.
NAMES = (
  'model.safetensors',
  'model.safetensors' + INDEX,
  'open_clip_model.safetensors',
  'pytorch_model.bin',
  'pytorch_model.bin' + INDEX,
  'open_clip_pytorch_model.bin',
)
CONFIGS = ('config.json', 'open_clip_config.json', 'preprocessor_config.json')
# What holds keys and values of its own in them.
TABLES = (
  'model_args',
  'model_cfg',
  'preprocess_cfg',
  'pretrained_cfg',
  'vision_cfg',
  'vision_config',
)
# Ends of other names; an .npz is often not weights, so it is tried last.
ENDS = (('.safetensors', '.bin', '.pt', '.pth', '.tar', '.ckpt'), ('.npz',))


def choose(folder: pathlib.Path) -> tuple[pathlib.Path, tuple[str, ...]]:
  """The file with the weights of a folder, and a line if there are others.

  Raises:
    FileNotFoundError: there is none, or several without a usual name.
  """
  usual = [name for name in NAMES if (folder / name).is_file()]
  if usual:
    others = f'; {", ".join(usual[1:])} ignored' if usual[1:] else ''
    return folder / usual[0], (usual[0] + others,) * bool(others)
  files = sorted(path for path in folder.iterdir() if path.is_file())
  for ends in ENDS:
    found = [path for path in files if path.name.endswith(ends)]
    if len(found) == 1:
      return found[0], ()
    if found:
      names = ', '.join(path.name for path in found)
      raise MissingFileError(f'{folder} holds {names}; name the file itself.')
  raise MissingFileError(
    f'{folder} holds none of {", ".join(NAMES)}; name the file itself.'
  )


def config(folder: pathlib.Path) -> dict:
  """All config files of a folder as one; they have no keys in common."""
  found = {}
  for name in CONFIGS:
    if (folder / name).is_file():
      found |= _known(table(folder / name), folder / name)
  return found


def _known(found: dict, path: pathlib.Path) -> dict:
  """What a file says; null is said nowhere."""
  found = {k: v for k, v in found.items() if v is not None}
  for key in found.keys() & {*TABLES}:
    if not isinstance(found[key], dict):
      raise UserError(
        f'{path} has {key} {found[key]!r}; it can be a table of keys and '
        'values.'
      )
    found[key] = _known(found[key], path)
  return found


def table(path: pathlib.Path) -> dict:
  """A JSON file of keys and values; raises UserError for another."""
  try:
    found = json.loads(path.read_text('utf-8-sig'))
  except ValueError as error:
    raise UserError(f'{path} is not JSON: {error}.') from error
  if not isinstance(found, dict):
    raise UserError(f'{path} holds no table of keys and values.')
  return found
