"""Windows of many videos in batches of one size, which compile once."""

import collections
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading import window_stream
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.loading.window_stream import End, Window
from i2v_jax.data.loading.windows import WindowReader
from i2v_jax.runtime import sharding

# Pixels of a batch on one device: a CPU is busy with few, and padding costs it.
CPU_PIXELS, PIXELS = 2**20, 2**26


class Program(NamedTuple):
  """What a device computes of windows.

  Attributes:
    compute: views, arrays `B x V x …`, to numbers `B x …`.
    mesh: devices over which windows are sharded.
    size: B, windows of a batch.
  """

  compute: Callable[[Any], jax.Array]
  mesh: jax.sharding.Mesh
  size: int


class Scored(NamedTuple):
  """What was computed of a video.

  Attributes:
    path: of the video.
    seconds: float64 [n, 2], start and end of its windows.
    values: [n, …], a row for each.
    error: why the video is bad, whose rows are none; '' if it is not.
    row: of the batch, with which the next video begins.
  """

  path: str
  seconds: np.ndarray
  values: np.ndarray
  error: str
  row: int


def choose_size(batch_size: int, spec: ClipSpec, mesh) -> int:
  """Chooses the windows of a batch: about `batch_size` views, or fewer.

  A device gets at most `PIXELS`, a CPU `CPU_PIXELS`, but one window or more.

  Args:
    batch_size: of the config.
    spec: how views are made.
    mesh: devices over which windows are sharded.
  """
  count = mesh.shape['data']
  on_cpu = mesh.devices.flat[0].platform == 'cpu'
  pixels = sum(math.prod(shape[:-1]) for shape in spec.shapes.values())
  views = min(batch_size // count, (CPU_PIXELS if on_cpu else PIXELS) // pixels)
  return max(views // spec.views, 1) * count


def score(
  paths: Iterable[str],
  reader: WindowReader,
  program: Program,
  parallel: Parallelism,
  row: int = 0,
  progress: Callable[[float], Any] = lambda share: None,
) -> Iterator[Scored]:
  """Computes what a program says of the windows of each video, in order.

  Batches are filled with windows of one video after another, and the last one
  is padded. While one is computed the next is filled, but its numbers are used
  as soon as they are there.

  Args:
    paths: of the videos.
    reader: what to read of each.
    program: what to compute.
    parallel: threads and workers that read.
    row: of the first batch, with which the first video begins; those before are
      padding, so that rows are where they were before an interruption.
    progress: called with shares of a video, which add up to 1.
  """
  ahead = program.size if reader.windows is None else 0
  stream = window_stream.read_windows(paths, reader, parallel, ahead)
  batches = _fill(stream, program.size, row, progress)
  started = (batch and _start(program, *batch) for batch in batches)
  found = []
  for events, values in _run_ahead(started):
    values = values if values is None else np.asarray(values)
    for place, event in events:
      if isinstance(event, Window):
        found.append((event.start, event.end, values[place]))
      else:
        yield _collect(event, [] if event.error else found, place)
        found = []


def _fill(stream, size: int, row: int, progress) -> Iterator[tuple | None]:
  """Fills batches: yields arrays, or None, and what happened by their end.

  What happened is a list of (row, event), whose views are in the arrays. After
  each window that does not fill a batch it yields None.
  """
  arrays, events, left = None, [], 1.0
  for event in stream:
    if isinstance(event, End):
      events.append((row, event))
      progress(left)
      left = 1.0
      if arrays is None:  # nothing to wait for
        yield None, events
        events = []
      continue
    if arrays is None:
      arrays = {
        name: np.zeros((size, *x.shape), x.dtype)
        for name, x in event.views.items()
      }
    for name, x in event.views.items():
      arrays[name][row] = x
    events.append((row, event._replace(views={})))
    progress(1 / event.count)
    left -= 1 / event.count
    row += 1
    if row < size:
      yield None
    else:
      yield arrays, events
      arrays, events, row = None, [], 0
  if events:
    yield arrays, events


def _start(program: Program, arrays, events: list) -> tuple:
  """Starts a batch, which is computed meanwhile."""
  if arrays is None:
    return events, None
  with jax.set_mesh(program.mesh):
    return events, program.compute(sharding.put(arrays, program.mesh))


def _run_ahead(batches: Iterator[tuple | None]) -> Iterator[tuple]:
  """Yields each batch when it is computed, or when the next has started.

  None among the batches is a moment to look whether one is computed.
  """
  waiting, started = collections.deque(), 0
  for batch in batches:
    if batch is not None:
      waiting.append(batch)
      started += batch[1] is not None
    while waiting and (started > 1 or _is_ready(waiting[0][1])):
      started -= waiting[0][1] is not None
      yield waiting.popleft()
  yield from waiting


def _is_ready(values: jax.Array | None) -> bool:
  return values is None or values.is_ready()


def _collect(end: End, found: list[tuple], row: int) -> Scored:
  starts, ends, values = zip(*found, strict=True) if found else ((), (), ())
  seconds = np.array([starts, ends], np.float64).T
  return Scored(end.path, seconds, np.array(values), end.error, row)
