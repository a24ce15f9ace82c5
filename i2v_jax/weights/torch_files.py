"""Reads files of torch without running code in them.

The only place that imports torch, and only when such a file is opened.
"""

import pathlib
import pickle
import warnings
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from i2v_jax.runtime.errors import MissingPackageError, UserError
from i2v_jax.weights import wrapping

# Classes that published checkpoints name next to their arrays. `Inert`, which
# keeps nothing and does nothing, takes their place.
BOOKKEEPING = (
  'argparse.Namespace',
  'builtins.getattr',
  'mmengine.logging.history_buffer.HistoryBuffer',
  'numpy._core.multiarray._reconstruct',
  'numpy._core.multiarray.scalar',
  'numpy.core.multiarray._reconstruct',
  'numpy.core.multiarray.scalar',
  'numpy.dtype',
  'numpy.ndarray',
)


class Inert:
  """Takes the place of a class and drops its arguments."""

  def __new__(cls, *args, **kwargs):
    return super().__new__(cls)

  def __init__(self, *args, **kwargs):
    pass

  def __setstate__(self, state):
    pass


class TorchArrays(Mapping):
  """Tensors by key, as numpy arrays; bfloat16 becomes float32."""

  def __init__(self, tensors: Mapping):
    self._tensors = tensors

  def __getitem__(self, key: str) -> np.ndarray:
    return _to_numpy(self._tensors[key])

  def take(self, key: str) -> np.ndarray:
    """Returns an array for the last time, floats as float32."""
    tensor = self._tensors[key]
    self._tensors[key] = None  # frees half-precision arrays once converted
    return _to_numpy(tensor.float() if tensor.is_floating_point() else tensor)

  def __iter__(self) -> Iterator[str]:
    return iter(self._tensors)

  def __len__(self) -> int:
    return len(self._tensors)


def _to_numpy(tensor) -> np.ndarray:
  is_bfloat16 = str(tensor.dtype) == 'torch.bfloat16'
  return (tensor.float() if is_bfloat16 else tensor).detach().numpy()


def is_script(names: Collection[str]) -> bool:
  """Whether a zip archive of these files is TorchScript."""
  return any(name.endswith('/constants.pkl') for name in names)


def read_tensors(
  path: pathlib.Path, names: Collection[str], which: str
) -> tuple[Mapping, dict]:
  """Reads the tensors of a checkpoint or of a TorchScript archive.

  Args:
    path: the file.
    names: members of the file, if it is a zip archive.
    which: `ema` or `raw`, where a checkpoint has both; '' takes `ema`.

  Returns:
    Arrays by key, and other fields of `files.Weights`.

  Raises:
    ModuleNotFoundError: torch is not installed.
    UserError: the file would run code, or holds no tensors.
  """
  torch = _import_torch(path)
  if script := is_script(names):
    with warnings.catch_warnings():
      warnings.simplefilter('ignore', DeprecationWarning)
      saved = torch.jit.load(str(path), map_location='cpu').state_dict()
  else:
    saved = _load(torch, path)
  is_tensor = lambda value: isinstance(value, torch.Tensor)
  tensors, lines, kind = wrapping.find_state_dict(saved, which, is_tensor)
  if not tensors:
    raise UserError(f'{path} holds no named tensors{_list_keys(saved)}.')
  metadata = {'torchscript': True} if script else {}
  if isinstance(saved, Mapping) and isinstance(saved.get('arch'), str):
    metadata['arch'] = saved['arch']
  fields = dict(metadata=metadata, taken_from=lines, kind=kind)
  return TorchArrays(tensors), fields


def _list_keys(saved) -> str:
  if not (isinstance(saved, Mapping) and saved):
    return ''
  return f', only {", ".join(map(str, [*saved][:8]))}'


def _import_torch(path):
  try:
    import torch
  except ModuleNotFoundError as error:
    raise MissingPackageError(
      f'{path} is a file of torch and torch is not installed; install '
      "'i2v_jax[torch]', or convert the file to safetensors elsewhere."
    ) from error
  return torch


def _load(torch, path):
  stand_ins = [(Inert, name) for name in BOOKKEEPING]
  try:
    with torch.serialization.safe_globals(stand_ins):
      return torch.load(path, map_location='cpu', weights_only=True)
  except pickle.UnpicklingError as error:
    raise UserError(
      f'{path} was not opened: reading it would run code in it; ask its '
      f'authors for a plain state dict ({_find_reason(error)}).'
    ) from error
  except (EOFError, RuntimeError) as error:
    reason = str(error).partition('\n')[0].partition('. ')[0]
    raise UserError(
      f'{path} is incomplete, or not a file of torch ({reason}); copy or '
      'download it again.'
    ) from error


def _find_reason(error: Exception) -> str:
  """Finds the line of torch's long message that names the culprit."""
  lines = [line.strip() for line in str(error).splitlines()]
  fields = [line for line in lines if 'Unsupported' in line or 'GLOBAL' in line]
  return (fields or lines)[0].partition(' was not an allowed')[0]
