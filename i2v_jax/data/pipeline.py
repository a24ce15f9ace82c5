"""Splits to batches of uint8 clips, with grain.

The order is a pure function of (seed, epoch, index), and so are the clip and
the augmentation an index gets, whatever the number of threads, workers or
hosts. A position in the data is one number: how many examples came before.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator

import grain
import numpy as np

from i2v_jax.data.loader import PADDING, Loader
from i2v_jax.data.watch import Watch
from i2v_jax.data.workers import Pool, WorkerError


@dataclasses.dataclass(frozen=True)
class Parallelism:
  """How batches are made: 0 workers and 0 threads is plain and debuggable.

  Attributes:
    threads: clips made at once in this process (decoding frees the GIL).
    workers: processes that make a clip each instead; 0 for none.
    shard: this host, of `num_shards`.
    num_shards: hosts; each makes its part of every batch.
    stall_seconds: without a batch, after which a warning says what is being
      read; 0 for never.
  """

  threads: int = 2
  workers: int = 0
  shard: int = 0
  num_shards: int = 1
  stall_seconds: float = 60

  def __post_init__(self):
    for name in ('threads', 'workers', 'stall_seconds'):
      if not getattr(self, name) >= 0:
        raise ValueError(
          f'loader.{name} is {getattr(self, name)}; it can be 0 or more.'
        )


def train_batches(
  loader: Loader,
  batch_size: int,
  *,
  seed: int,
  start: int,
  stop: int,
  parallel: Parallelism,
  repeats: int = 1,
) -> Iterator[dict]:
  """Batches of steps `start` to `stop` of an endless shuffled stream.

  Args:
    loader: of the training split.
    batch_size: over all hosts; each host gets its share.
    seed: decides order, clips and augmentation.
    start: steps done already; the data goes on where they ended.
    stop: total steps.
    parallel: threads, workers and host.
    repeats: clips that are made of a video, one after the other in the stream
      (repeated augmentation, Hoffer et al. 2020).

  Raises:
    ValueError: the batch does not spread over the hosts or the repeats.
  """
  if repeats < 1 or batch_size % repeats:
    raise ValueError(
      f'A batch of {batch_size} does not hold {repeats} clips of each video; '
      'choose a divisor.'
    )
  share = _Share(batch_size, start, stop, parallel)
  order = grain.MapDataset.range(len(loader.split)).shuffle(seed=seed).repeat()
  chosen = grain.MapDataset.range(stop * batch_size)
  chosen = chosen.map(lambda position: order[position // repeats])
  stream = lambda make: chosen.random_map(make, seed=seed)
  reader = _Reader(loader, loader.train, (), parallel)
  return _batches(stream, reader, share, parallel)


def test_batches(
  loader: Loader, batch_size: int, *, parallel: Parallelism
) -> Iterator[dict]:
  """Batches of every video once; the last one is filled up with padding."""
  count = len(loader.split)
  steps = math.ceil(count / batch_size)
  share = _Share(batch_size, 0, steps, parallel)
  indices = np.full(steps * batch_size, PADDING)
  indices[:count] = np.arange(count)
  stream = grain.MapDataset.source(indices.tolist()).map
  reader = _Reader(loader, loader.test, (loader.spec.views,), parallel)
  return _batches(stream, reader, share, parallel)


class _Share:
  """Positions in the stream of what this host reads, batch after batch."""

  def __init__(self, batch_size, start, stop, parallel: Parallelism):
    if batch_size % parallel.num_shards:
      raise ValueError(
        f'A batch of {batch_size} does not spread over '
        f'{parallel.num_shards} hosts.'
      )
    self.rows = batch_size // parallel.num_shards
    self._batch_size, self._shard = batch_size, parallel.shard
    if start > stop:
      raise ValueError(f'{start} steps are done already, more than {stop}.')
    self._start, self._steps = start, stop - start

  def __len__(self) -> int:
    return self._steps * self.rows

  def __getitem__(self, item: int) -> int:
    step, row = divmod(item, self.rows)
    before = (self._start + step) * self._batch_size
    return before + self._shard * self.rows + row


class _Reader:
  """Calls a loader's method here or in a worker, and says what it is on."""

  def __init__(self, loader, load: Callable, leading, parallel: Parallelism):
    self._loader, self._load, self._leading = loader, load, leading
    self.watch = Watch(parallel.stall_seconds)
    self._count, self._pool = parallel.workers, None

  def __enter__(self) -> '_Reader':
    if self._count:
      # The loader itself ends what is slow; this is for what hangs.
      seconds = 2 * self._loader.seconds
      self._pool = Pool(self._load, self._count, seconds)
    return self

  def __exit__(self, *_) -> None:
    if self._pool:
      self._pool.close()

  def __call__(self, index: int, *rng) -> dict:
    if index == PADDING:
      return self._load(index)
    with self.watch.reading(self._loader.split.paths[index]):
      return self._call(index, *rng)

  def _call(self, index: int, *rng) -> dict:
    if not self._pool:
      return self._load(index, *rng)
    try:
      return self._pool.call(index, *rng)
    except WorkerError as error:
      return self._loader.lost(index, str(error), self._leading)


def _batches(
  stream: Callable, reader: _Reader, share: _Share, parallel: Parallelism
) -> Iterator[dict]:
  """This host's share of `stream(reader)`, in batches.

  Stops threads and workers at the end, also when the consumer stops early.
  """
  dataset = grain.MapDataset.source(share).map(stream(reader).__getitem__)
  at_once = parallel.workers or parallel.threads
  ahead = at_once + share.rows if at_once else 0
  dataset = dataset.to_iter_dataset(grain.ReadOptions(at_once, ahead))
  iterator = iter(dataset.batch(share.rows))
  with reader, contextlib.closing(iterator):
    yield from reader.watch.over(iterator)
