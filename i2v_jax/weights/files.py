"""Opens files of weights of any format; arrays are read by key, on access.

First bytes and keys decide the format of a file, never its name.
"""

import dataclasses
import json
import pathlib
import zipfile
import zlib
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any

import ml_dtypes
import numpy as np
from safetensors import safe_open

from i2v_jax.runtime.errors import MissingFileError, UserError
from i2v_jax.weights import contents, folders, torch_files
from i2v_jax.weights.arrays import Arrays

DTYPES = {  # of safetensors -> of numpy
  'F64': 'f8',
  'F32': 'f4',
  'F16': 'f2',
  'BF16': ml_dtypes.bfloat16,
  'I64': 'i8',
  'I32': 'i4',
  'I16': 'i2',
  'I8': 'i1',
  'U8': 'u1',
  'BOOL': '?',
}


@dataclasses.dataclass(frozen=True)
class Weights:
  """The arrays of a file and what is known about them.

  Attributes:
    what: name of the source in errors.
    arrays: arrays by key, read on access.
    metadata: safetensors: its metadata, decoded where it is JSON;
      TorchScript: `torchscript`; timm's trainer: `arch`.
    config: config files of the folder, by Hugging Face, OpenCLIP or timm.
    taken_from: lines that say which of several weights these are.
    others: keys of the file that belong to other models.
    kind: `ema` or `raw`, where the file distinguishes them.
    resampling: kind of `positions.KINDS`, in place of the library's own.
  """

  what: str
  arrays: Arrays
  metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  taken_from: tuple[str, ...] = ()
  others: tuple[str, ...] = ()
  kind: str = ''
  resampling: str = ''


class SafeTensors(Mapping):
  """The arrays of a safetensors file, read on access.

  Read straight into place: the library maps the file, and copying from the
  map takes twice as long and, for a while, twice the memory.
  """

  def __init__(self, path):
    with safe_open(str(path), 'numpy') as file:  # checks the file
      self.metadata = file.metadata() or {}
    with open(path, 'rb') as file:
      size = int.from_bytes(file.read(8), 'little')
      self._entries = json.loads(file.read(size))
    self._entries.pop('__metadata__', None)
    self._path, self._start = path, 8 + size

  def __getitem__(self, key: str) -> np.ndarray:
    entry = self._entries[key]
    if entry['dtype'] not in DTYPES:
      raise UserError(
        f'{key!r} of {self._path} is of {entry["dtype"]}; known: '
        f'{sorted(DTYPES)}.'
      )
    begin, end = entry['data_offsets']
    dtype = np.dtype(DTYPES[entry['dtype']])
    array = np.fromfile(
      self._path,
      dtype,
      count=(end - begin) // dtype.itemsize,
      offset=self._start + begin,
    )
    return array.reshape(entry['shape'])

  def __iter__(self) -> Iterator[str]:
    return iter(self._entries)

  def __len__(self) -> int:
    return len(self._entries)


class Npz(Mapping):
  """The arrays of an `.npz`, read on access."""

  def __init__(self, path):
    self._path, self._file = path, np.load(path)

  def __getitem__(self, key: str) -> np.ndarray:
    try:
      return self._file[key]
    except (ValueError, zipfile.BadZipFile, zlib.error) as error:
      raise UserError(
        f'{key!r} of {self._path} cannot be read ({error}); copy or download '
        'the file again.'
      ) from error

  def __iter__(self) -> Iterator[str]:
    return iter(self._file)

  def __len__(self) -> int:
    return len(self._file)


def open_weights(source, which: str = '') -> Weights:
  """Opens a file or a folder.

  Args:
    source: a path, or a mapping of key to array, which is taken as it is.
    which: `ema` or `raw`, where a checkpoint has both; '' takes `ema`.

  Raises:
    FileNotFoundError: the source does not exist, or the folder has no weights.
    UserError: the file does not hold weights, or would run code.
  """
  if isinstance(source, Mapping):
    return Weights('The mapping', Arrays(source, 'The mapping'))
  path = pathlib.Path(source).expanduser()
  if not path.exists():
    raise MissingFileError(
      f'No weights at {path}; weights are a folder, a file (.safetensors, '
      '.npz, .pt, .pth), or hf:ORG/NAME.'
    )
  file, lines = folders.choose_file(path) if path.is_dir() else (path, ())
  arrays, fields = _open(file, which)
  return Weights(
    str(file),
    Arrays(arrays, str(file)),
    fields.pop('metadata', {}),
    folders.read_configs(file.parent),
    (*lines, *fields.pop('taken_from', ())),
    **fields,
  )


def _open(path: pathlib.Path, which: str) -> tuple[Mapping, dict]:
  """Returns arrays by key, and fields of `Weights`."""
  if path.name.endswith(folders.INDEX):
    return _open_shards(path, which)
  head = contents.read_head(path)
  if head[8:9] == b'{':
    return _open_safetensors(path)
  if head[:2] == b'PK':
    names = _list_names(path)
    if all(name.endswith('.npy') for name in names):
      return Npz(path), {}
    return torch_files.read_tensors(path, names, which)
  if head[:1] == b'\x80':  # a pickle, as torch wrote before 1.6
    return torch_files.read_tensors(path, (), which)
  raise UserError(
    f'{path} is not a file of weights: neither safetensors, nor .npz, nor '
    'written by torch.save.'
  )


def _list_names(path: pathlib.Path) -> list[str]:
  try:
    with zipfile.ZipFile(path) as archive:
      return archive.namelist()
  except zipfile.BadZipFile as error:
    raise UserError(
      f'{path} begins like an .npz or a file of torch and is incomplete; copy '
      'or download it again.'
    ) from error


def _open_safetensors(path: pathlib.Path) -> tuple[Mapping, dict]:
  try:
    arrays = SafeTensors(path)
  except Exception as error:  # safetensors raises its own untyped error
    raise UserError(
      f'{path} is not a safetensors file, or is incomplete ({error}); copy or '
      'download it again.'
    ) from error
  metadata = {k: _decode(v) for k, v in arrays.metadata.items()}
  return arrays, {'metadata': metadata}


def _open_shards(index: pathlib.Path, which: str) -> tuple[Mapping, dict]:
  shards = folders.read_table(index).get('weight_map')
  names = [*shards.values()] if isinstance(shards, dict) else []
  if not (names and all(isinstance(name, str) for name in names)):
    raise UserError(f'{index} has no weight_map that names files.')
  names = sorted(set(names))
  missing = [n for n in names if not (index.parent / n).is_file()]
  if missing:
    raise MissingFileError(f'{index} names {missing}, which do not exist.')
  shards = [_open(index.parent / name, which)[0] for name in names]
  return ChainMap(*shards), {}


def _decode(text: str):
  try:
    return json.loads(text)
  except json.JSONDecodeError:
    return text
