"""Splits to batches of uint8 clips, with grain.

The order is a pure function of (seed, epoch, index), and so are the clip and
the augmentation an index gets, whatever the number of threads, workers or
hosts. A position in the data is one number: how many examples came before.
"""

import csv
import dataclasses
import math
import pathlib
from collections.abc import Callable, Iterator

import grain
import numpy as np
from absl import flags

from i2v_jax.data import clips
from i2v_jax.data.decode import DecodeError, Video, open_video
from i2v_jax.data.sources import Split

PADDING = -1  # index of an element that only fills up the last batch
REASON = 200  # bytes kept of why a video is bad


@dataclasses.dataclass(frozen=True)
class Loader:
  """Loads elements of a split; what to do with a video that cannot be read.

  An element is a dict: the arrays of `spec.shapes`, uint8 (`video`, and with a
  grid `grid`), `label` int32, `index` int64 into the split, `mask` float32,
  which is 0 for a placeholder, and `error`, bytes, which says why.
  """

  split: Split
  spec: clips.ClipSpec
  on_bad_video: str = 'error'

  def __post_init__(self):
    if self.on_bad_video not in ('error', 'skip'):
      raise ValueError(
        f"on_bad_video is {self.on_bad_video!r}; it can be 'error' or 'skip'."
      )

  def train(self, index: int, rng: np.random.Generator) -> dict:
    """One random clip of video `index`, as `clips.train_clip` makes it."""
    label = int(self.split.labels[index])
    return self._load(
      index, lambda video: clips.train_clip(video, label, self.spec, rng), ()
    )

  def test(self, index: int) -> dict:
    """All test views of video `index`: each array has a leading V axis."""
    leading = (self.spec.views,)
    if index == PADDING:
      return self._placeholder(index, -1, leading, '')
    label = int(self.split.labels[index])
    return self._load(
      index, lambda video: (clips.test_views(video, self.spec), label), leading
    )

  def _load(self, index: int, make: Callable[[Video], tuple], leading) -> dict:
    path = self.split.paths[index]
    try:
      with open_video(path) as video:
        arrays, label = make(video)
    except (DecodeError, OSError) as error:
      if self.on_bad_video == 'error':
        raise DecodeError(
          f"{error} (to go on without such videos: on_bad_video='skip')"
        ) from error
      return self._placeholder(
        index, int(self.split.labels[index]), leading, str(error)
      )
    except Exception as error:
      raise RuntimeError(
        f'{path}: {error!r} while its clip was made'
      ) from error
    return _element(arrays, label, index, 1.0, '')

  def _placeholder(self, index, label, leading, reason):
    arrays = {
      name: np.zeros((*leading, *shape), np.uint8)
      for name, shape in self.spec.shapes.items()
    }
    return _element(arrays, label, index, 0.0, reason)


def _element(arrays, label, index, mask, reason):
  return arrays | {
    'label': np.int32(label),
    'index': np.int64(index),
    'mask': np.float32(mask),
    'error': np.array(reason.encode()[:REASON], f'S{REASON}'),
  }


@dataclasses.dataclass(frozen=True)
class Parallelism:
  """How batches are made: 0 workers and 0 threads is plain and debuggable.

  Attributes:
    threads: batches made at once in each process (decoding frees the GIL).
    workers: processes beside the main one; 0 for none.
    shard: this host, of `num_shards`.
    num_shards: hosts; each makes its part of every batch.
  """

  threads: int = 2
  workers: int = 0
  shard: int = 0
  num_shards: int = 1


def train_batches(
  loader: Loader,
  batch_size: int,
  *,
  seed: int,
  start: int,
  stop: int,
  parallel: Parallelism,
) -> Iterator[dict]:
  """Batches of steps `start` to `stop` of an endless shuffled stream.

  Args:
    loader: of the training split.
    batch_size: over all hosts; each host gets its share.
    seed: decides order, clips and augmentation.
    start: steps done already; the data goes on where they ended.
    stop: total steps.
    parallel: threads, workers and host.
  """
  dataset = (
    grain.MapDataset.range(len(loader.split))
    .shuffle(seed=seed)
    .repeat()
    .random_map(loader.train, seed=seed)
  )
  dataset = dataset[start * batch_size : stop * batch_size]
  return _batches(dataset, batch_size, parallel)


def test_batches(
  loader: Loader, batch_size: int, *, parallel: Parallelism
) -> Iterator[dict]:
  """Batches of every video once; the last one is filled up with padding."""
  count = len(loader.split)
  padded = math.ceil(count / batch_size) * batch_size
  indices = np.full(padded, PADDING)
  indices[:count] = np.arange(count)
  dataset = grain.MapDataset.source(indices.tolist()).map(loader.test)
  return _batches(dataset, batch_size, parallel)


def _batches(dataset, batch_size, parallel: Parallelism) -> Iterator[dict]:
  if batch_size % parallel.num_shards:
    raise ValueError(
      f'A batch of {batch_size} does not spread over '
      f'{parallel.num_shards} hosts.'
    )
  dataset = dataset.batch(batch_size // parallel.num_shards)
  dataset = dataset[parallel.shard :: parallel.num_shards]
  options = grain.ReadOptions(parallel.threads, max(parallel.threads, 1))
  dataset = dataset.to_iter_dataset(options)
  if parallel.workers:
    if not flags.FLAGS.is_parsed():  # grain's workers read absl flags
      flags.FLAGS.mark_as_parsed()
    workers = grain.MultiprocessingOptions(parallel.workers)
    dataset = dataset.mp_prefetch(workers)
  return _closed_at_the_end(iter(dataset))


def _closed_at_the_end(iterator) -> Iterator[dict]:
  """Stops threads and workers, also when the consumer stops early."""
  try:
    yield from iterator
  finally:
    iterator.close()


class BadVideos:
  """Counts and lists the videos that could not be read, up to a cap.

  Args:
    split: where the batches come from.
    max_share: of the split's videos; one bad video is always allowed.
    report: csv file, rewritten at every new bad video; what it holds already
      counts. None writes none.
  """

  def __init__(self, split: Split, max_share: float, report=None):
    self.split, self.report = split, report and pathlib.Path(report)
    self.cap = max(1, math.ceil(max_share * len(split)))
    self.reasons: dict[str, str] = {}
    if self.report and self.report.exists():
      with self.report.open(newline='') as file:
        self.reasons = dict(list(csv.reader(file))[1:])

  def absorb(self, batch: dict) -> dict:
    """Takes `error` out of a batch; raises DecodeError above the cap."""
    errors = batch.pop('error')
    for index, reason in zip(batch['index'], errors, strict=True):
      if reason:
        text = reason.decode(errors='replace')
        self.reasons.setdefault(self.split.ids[index], text)
    if errors.any() and self.report:
      self._write()
    if len(self.reasons) > self.cap:
      first = next(iter(self.reasons.values()))
      raise DecodeError(
        f'{len(self.reasons)} of {len(self.split)} videos cannot be read, more '
        f'than max_bad_share allows; the first: {first}'
      )
    return batch

  def _write(self):
    with self.report.open('w', newline='') as file:
      rows = csv.writer(file)
      rows.writerow(['video', 'reason'])
      rows.writerows(self.reasons.items())
