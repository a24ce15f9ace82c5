"""Splits to batches of uint8 clips, with grain.

The order is a pure function of (seed, epoch, index), and so are the clip and
augmentation of an index, for any number of threads, workers or hosts. A
position in the data is one number: the number of examples before it.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence

import grain
import numpy as np

from i2v_jax.data.loading import balance
from i2v_jax.data.loading.loader import PADDING, Loader
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.loading.watch import Watch
from i2v_jax.data.loading.workers import Pool, WorkerError
from i2v_jax.data.sets.sources import Split
from i2v_jax.runtime.errors import UserError


def load_train_batches(
  loader: Loader,
  batch_size: int,
  *,
  seed: int,
  start: int,
  stop: int,
  parallel: Parallelism,
  repeats: int = 1,
  versions: int = 0,
  balanced: bool = False,
) -> Iterator[dict]:
  """Loads the batches of steps `start` to `stop` of an endless shuffled stream.

  Args:
    loader: of the training split.
    batch_size: over all hosts; each host gets its share.
    seed: determines order, clips and augmentation.
    start: steps already done; the data resumes after them.
    stop: total steps.
    parallel: threads, workers and host.
    repeats: consecutive clips of each video in the stream (repeated
      augmentation, Hoffer et al. 2020).
    versions: clips drawn once for each video and shown in turn; 0 draws a new
      one each time.
    balanced: whether every class is drawn equally often; see `balance`.

  Raises:
    UserError: hosts or repeats do not divide the batch.
  """
  if repeats < 1 or batch_size % repeats:
    raise UserError(
      f'repeats is {repeats}; it must divide the batch size {batch_size}.'
    )
  share = _Share(batch_size, start, stop, parallel)
  row_at = make_stored_order(
    loader.split, seed, repeats, versions or 1, balanced
  )
  chosen = grain.MapDataset.range(stop * batch_size).map(row_at)
  if versions:
    stream = lambda make: chosen.map(_make_version(make, seed, versions))
  else:
    stream = lambda make: chosen.random_map(make, seed=seed)
  reader = _Reader(loader, loader.load_clip, (), parallel)
  return _load_batches(stream, reader, share, parallel)


def load_version_batches(
  loader: Loader,
  batch_size: int,
  *,
  seed: int,
  versions: int,
  start: int,
  parallel: Parallelism,
) -> Iterator[dict]:
  """Loads each version of each video of `load_train_batches`, by row number.

  The row is `video * versions + version`, from `start` on; the last row is
  repeated until the last batch is full.
  """
  last = len(loader.split) * versions - 1
  share = _Share(
    batch_size, 0, math.ceil((last + 1 - start) / batch_size), parallel
  )
  rows = grain.MapDataset.range(len(share) * parallel.num_shards)
  rows = rows.map(lambda position: min(start + position, last))
  stream = lambda make: rows.map(_make_version(make, seed, versions))
  reader = _Reader(loader, loader.load_clip, (), parallel)
  return _load_batches(stream, reader, share, parallel)


def make_stored_order(
  split: Split, seed: int, repeats: int, versions: int, balanced: bool = False
) -> Callable[[int], int]:
  """Makes the map from a position in `load_train_batches` to a row number."""
  make = balance.make_balanced_order if balanced else _make_order
  turn_at = make(split, seed)

  def row_at(position: int) -> int:
    turn, again = divmod(position, repeats)
    index, before = turn_at(turn)
    shown = before * repeats + again  # earlier clips of this video
    return index * versions + shown % versions

  return row_at


def _make_order(split: Split, seed: int) -> Callable[[int], tuple[int, int]]:
  """Makes the map from a turn to an example and its number of earlier turns."""
  order = grain.MapDataset.range(len(split)).shuffle(seed=seed).repeat()
  return lambda turn: (order[turn], turn // len(split))


def _make_version(
  make: Callable, seed: int, versions: int
) -> Callable[[int], dict]:
  """Makes the function row -> clip, which always gives the same clip."""

  def made(row: int) -> dict:
    index, version = divmod(row, versions)
    return make(index, np.random.default_rng((seed, index, version)))

  return made


def load_test_batches(
  loader: Loader,
  batch_size: int,
  *,
  parallel: Parallelism,
  order: Sequence[int] | None = None,
) -> Iterator[dict]:
  """Loads every video once, in batches; padding fills the last one.

  Args:
    loader: of the split.
    batch_size: over all hosts; each host gets its share.
    parallel: threads, workers and host.
    order: numbers of the videos to load instead of all, with `PADDING` where a
      batch has none: complete batches.

  Raises:
    UserError: hosts do not divide the batch, or batches the order.
  """
  if order is None:
    count = len(loader.split)
    order = [*range(count), *[PADDING] * (-count % batch_size)]
  if len(order) % batch_size:
    raise UserError(
      f'an order of {len(order)} videos does not fill batches of {batch_size}; '
      f'add {-len(order) % batch_size} times PADDING.'
    )
  share = _Share(batch_size, 0, len(order) // batch_size, parallel)
  stream = grain.MapDataset.source([int(index) for index in order]).map
  reader = _Reader(loader, loader.load_views, (loader.spec.views,), parallel)
  return _load_batches(stream, reader, share, parallel)


class _Share:
  """Positions in the stream that this host reads, batch after batch."""

  def __init__(self, batch_size, start, stop, parallel: Parallelism):
    if batch_size % parallel.num_shards:
      raise UserError(
        f'A batch of {batch_size} is not divisible by {parallel.num_shards} '
        'hosts; choose a multiple.'
      )
    self.rows = batch_size // parallel.num_shards
    self._batch_size, self._shard = batch_size, parallel.shard
    if start > stop:
      raise UserError(
        f'{start} steps are already done, more than the total of {stop}.'
      )
    self._start, self._steps = start, stop - start

  def __len__(self) -> int:
    return self._steps * self.rows

  def __getitem__(self, item: int) -> int:
    step, row = divmod(item, self.rows)
    before = (self._start + step) * self._batch_size
    return before + self._shard * self.rows + row


class _Reader:
  """Calls a loader's method here or in a worker, under a `Watch`."""

  def __init__(self, loader, load: Callable, leading, parallel: Parallelism):
    self._loader, self._load, self._leading = loader, load, leading
    self.watch = Watch(parallel.stall_seconds)
    self._count, self._pool = parallel.workers, None

  def __enter__(self) -> '_Reader':
    if self._count:
      # The loader ends slow calls itself; this limit ends calls that hang.
      seconds = 2 * self._loader.seconds
      self._pool = Pool(self._load, self._count, seconds)
    return self

  def __exit__(self, *_) -> None:
    if self._pool:
      self._pool.close()

  def __call__(self, index: int, *rng) -> dict:
    if index == PADDING:
      return self._load(index)
    with self.watch.track(self._loader.split.paths[index]):
      return self._call(index, *rng)

  def _call(self, index: int, *rng) -> dict:
    if not self._pool:
      return self._load(index, *rng)
    try:
      return self._pool.call(index, *rng)
    except WorkerError as error:
      return self._loader.make_lost(index, str(error), self._leading)


def _load_batches(
  stream: Callable, reader: _Reader, share: _Share, parallel: Parallelism
) -> Iterator[dict]:
  """Loads this host's share of `stream(reader)`, in batches.

  Stops threads and workers at the end, even if the consumer stops early.
  """
  dataset = grain.MapDataset.source(share).map(stream(reader).__getitem__)
  at_once = parallel.workers or parallel.threads
  ahead = at_once + share.rows if at_once else 0
  dataset = dataset.to_iter_dataset(grain.ReadOptions(at_once, ahead))
  iterator = iter(dataset.batch(share.rows))
  with reader, contextlib.closing(iterator):
    yield from reader.watch.watch(iterator)
