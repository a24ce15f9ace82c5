"""`i2v weights bench`: the cost of loading next to reading the bytes."""

import multiprocessing
import os
import statistics
import time

from i2v_jax.runtime import process
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights import folders, image


def measure(source, rounds: int = 5, **choices) -> list[tuple[str, str]]:
  """Measures seconds and peak memory of `load_image_model`.

  Reading and loading take turns, each in a process of its own. The seconds
  leave out imports; the peak includes all memory of the process.

  Args:
    source: one file of weights, or a folder with one.
    rounds: number of measurements, whose medians are reported.
    **choices: further arguments of `load_image_model`.

  Returns:
    Rows of `(name, value)`.
  """
  path = image.open_source(source).what
  if not os.path.isfile(path) or path.endswith(folders.INDEX):
    raise UserError(f'{path} is not a single file of weights; name one.')
  turns = [
    [
      _run_apart(f, path, choices)
      for f in (_measure_reading, _measure_loading, _measure_peak)
    ]
    for _ in range(rounds)
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
    ('peak memory', _describe_peak(peak, size)),
  ]


def _describe_peak(peak: float | None, size: int) -> str:
  if peak is None:
    return 'unknown on this system'
  return f'{peak / 1e6:.1f} MB, {peak / size:.2f} of the size'


def _run_apart(measure, path, choices) -> float:
  """Runs a measurement in a fresh process."""
  with multiprocessing.get_context('spawn').Pool(1) as pool:
    return pool.apply(measure, (path, choices))


def _measure_reading(path, choices) -> float:
  del choices
  start = time.perf_counter()
  with open(path, 'rb', buffering=0) as file:
    file.read()
  return time.perf_counter() - start


def _measure_loading(path, choices) -> float:
  image.open_source(path)  # which imports torch, where a file needs it
  start = time.perf_counter()
  image.load_image_model(path, **choices)
  return time.perf_counter() - start


def _measure_peak(path, choices) -> int | None:
  image.load_image_model(path, **choices)
  return process.read_peak_bytes()
