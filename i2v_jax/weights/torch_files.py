"""Reads what torch saves, without running what may be in it.

The only place that imports torch, and only when such a file is opened.
"""

import pathlib
import pickle
import warnings
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from i2v_jax.runtime.errors import MissingPackageError, UserError
from i2v_jax.weights import wrapping

# Classes that published checkpoints mention beside their arrays. They are
# stood in for by one that keeps nothing and does nothing.
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
  """Takes the place of a class; whatever it is given is dropped."""

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
    return _numpy(self._tensors[key])

  def take(self, key: str) -> np.ndarray:
    """An array that will not be asked for again, floats as float32."""
    tensor = self._tensors[key]
    self._tensors[key] = None  # halves go as soon as they are converted
    return _numpy(tensor.float() if tensor.is_floating_point() else tensor)

  def __iter__(self) -> Iterator[str]:
    return iter(self._tensors)

  def __len__(self) -> int:
    return len(self._tensors)


def _numpy(tensor) -> np.ndarray:
  is_bfloat16 = str(tensor.dtype) == 'torch.bfloat16'
  return (tensor.float() if is_bfloat16 else tensor).detach().numpy()


def is_script(names: Collection[str]) -> bool:
  """Whether a zip archive of these files is TorchScript."""
  return any(name.endswith('/constants.pkl') for name in names)


def read(
  path: pathlib.Path, names: Collection[str], which: str
) -> tuple[Mapping, dict]:
  """The tensors of a checkpoint or of a TorchScript archive.

  Args:
    path: the file.
    names: what is in it, if it is a zip archive.
    which: `ema` or `raw`, where a checkpoint has both; averaged ones if ''.

  Returns:
    Arrays by key, and other fields of `files.Weights`.

  Raises:
    ModuleNotFoundError: torch is not installed.
    UserError: the file wants to run code, or holds no tensors.
  """
  torch = _torch(path)
  if script := is_script(names):
    with warnings.catch_warnings():
      warnings.simplefilter('ignore', DeprecationWarning)
      saved = torch.jit.load(str(path), map_location='cpu').state_dict()
  else:
    saved = _load(torch, path)
  is_tensor = lambda value: isinstance(value, torch.Tensor)
  tensors, lines, kind = wrapping.state_dict(saved, which, is_tensor)
  if not tensors:
    raise UserError(f'{path} holds no tensors by name{_keys(saved)}.')
  metadata = {'torchscript': True} if script else {}
  if isinstance(saved, Mapping) and isinstance(saved.get('arch'), str):
    metadata['arch'] = saved['arch']
  told = dict(metadata=metadata, taken_from=lines, kind=kind)
  return TorchArrays(tensors), told


def _keys(saved) -> str:
  if not (isinstance(saved, Mapping) and saved):
    return ''
  return f', only {", ".join(map(str, [*saved][:8]))}'


def _torch(path):
  try:
    import torch
  except ModuleNotFoundError as error:
    raise MissingPackageError(
      f"{path} is a file of torch's and torch is not installed; install "
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
      f'{path} was not opened: to read it would mean to run code that is in '
      f'it. Ask its authors for a plain state dict. ({_reason(error)})'
    ) from error
  except (EOFError, RuntimeError) as error:
    reason = str(error).partition('\n')[0].partition('. ')[0]
    raise UserError(
      f'{path} is not complete, or not of torch ({reason}); copy or download '
      'it again.'
    ) from error


def _reason(error: Exception) -> str:
  """The line of torch's page of advice that names the culprit."""
  lines = [line.strip() for line in str(error).splitlines()]
  told = [line for line in lines if 'Unsupported' in line or 'GLOBAL' in line]
  return (told or lines)[0].partition(' was not an allowed')[0]
