"""`i2v weights bench`: what loading costs, beside reading the bytes."""

import multiprocessing
import os
import statistics
import time

from i2v_jax.runtime import process
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights import folders, image


def measure(source, rounds: int = 5, **told) -> list[tuple[str, str]]:
  """Rows of `(what, value)`: seconds and peak memory of `load_image_model`.

  Reading and loading take turns, each in a process of its own; imports are not
  counted in the seconds, all memory of the process in the peak.

  Args:
    source: a file or folder, with one file of weights.
    rounds: how often; the numbers are medians.
    **told: further arguments of `load_image_model`.
  """
  path = image.open_source(source).what
  if not os.path.isfile(path) or path.endswith(folders.INDEX):
    raise UserError(f'{path} is not one file of weights; name one.')
  turns = [
    [_apart(f, path, told) for f in (_read, _load, _peak)] for _ in '.' * rounds
  ]
  reads, loads, peaks = zip(*turns, strict=True)
  read, load = statistics.median(reads), statistics.median(loads)
  peak = None if None in peaks else statistics.median(peaks)
  size = os.path.getsize(path)
  return [
    ('file', path),
    ('size', f'{size / 1e6:.1f} MB'),
    ('reading its bytes', f'{read:.2f} s'),
    ('loading', f'{load:.2f} s, {load / read:.2f} of reading'),
    ('peak memory', _peak_text(peak, size)),
  ]


def _peak_text(peak: float | None, size: int) -> str:
  if peak is None:
    return 'unknown on this system'
  return f'{peak / 1e6:.1f} MB, {peak / size:.2f} of the size'


def _apart(measured, path, told) -> float:
  """What is measured, in a fresh process."""
  with multiprocessing.get_context('spawn').Pool(1) as pool:
    return pool.apply(measured, (path, told))


def _read(path, told) -> float:
  del told
  start = time.perf_counter()
  with open(path, 'rb', buffering=0) as file:
    file.read()
  return time.perf_counter() - start


def _load(path, told) -> float:
  image.open_source(path)  # which imports torch, where a file needs it
  start = time.perf_counter()
  image.load_image_model(path, **told)
  return time.perf_counter() - start


def _peak(path, told) -> int | None:
  image.load_image_model(path, **told)
  return process.read_peak_bytes()
