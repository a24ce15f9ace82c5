"""Scores of all videos of a split, each counted once."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading import bad_videos, pipeline
from i2v_jax.data.loading.loader import PADDING, Loader
from i2v_jax.models.inputs import INPUTS
from i2v_jax.runtime import compilation, sharding
from i2v_jax.runtime.console import make_progress
from i2v_jax.runtime.errors import NonFiniteError
from i2v_jax.training import experiment


class Scored(NamedTuple):
  """What all videos of a split were given.

  Attributes:
    scores: float32 [n, width]; NaN rows for videos that could not be read.
    decoded: bool [n].
    seconds: float32 [n], the length of each; NaN where it could not be read.
    same: number of videos whose crops are all the same.
    bad: id of a video that could not be read -> reason.
  """

  scores: np.ndarray
  decoded: np.ndarray
  seconds: np.ndarray
  same: int
  bad: dict[str, str]


def score_videos(
  compute: Callable, width: int, loader: Loader, config: Mapping, mesh, over
) -> Scored:
  """Computes scores for every video of a split once.

  Args:
    compute: `views` of `compute_probabilities` -> scores `B x width`.
    width: number of scores of a video.
    loader, config, mesh, over: as of `evaluate.evaluate`.
  """
  count = mesh.shape['data']
  per_batch = math.ceil(config['batch_size'] / loader.spec.views / count)
  batches = pipeline.load_test_batches(
    loader, per_batch * count, parallel=experiment.make_parallelism(config)
  )
  start = functools.partial(_start, compute, mesh, loader.spec)
  bad = experiment.make_bad_videos(config, loader.split)
  started = sharding.prefetch(start_all(start, batches), depth=1)
  return _collect(over(started), bad, width)


def start_all(start: Callable, batches: Iterator) -> Iterator:
  """Starts every batch; the first may compile the evaluation."""
  for batch in itertools.islice(batches, 1):
    with compilation.announce('the evaluation'):
      started = start(batch)
    yield started
  yield from map(start, batches)


def _collect(batches, bad: bad_videos.BadVideos, width: int) -> Scored:
  """Counts every video once."""
  count = len(bad.split)
  scores = np.full((count, width), np.nan, np.float32)
  seconds = np.full(count, np.nan, np.float32)
  decoded, counted = np.zeros(count, bool), np.zeros(count, int)
  same = 0
  bar, advance = make_progress(count, 'evaluate', bad.split.unit)
  with bar:
    for local, rows in batches:
      local = bad.absorb(gather(local))
      same += int(local['same'].sum())
      real = local['index'] != PADDING
      seconds[local['index'][real]] = local['seconds'][real]
      index, mask, found = gather(rows)
      good = index[mask > 0]
      scores[good], decoded[good] = found[mask > 0], True
      np.add.at(counted, index[index != PADDING], 1)
      advance(int((index != PADDING).sum()))
  if not (counted == 1).all():
    raise RuntimeError('A video was not counted exactly once; please report.')
  return Scored(scores, decoded, seconds, same, bad.reasons)


def check_finite(scores, ids: Sequence[str], decoded, unit: str) -> None:
  """Raises NonFiniteError for scores of a model that has diverged.

  Args:
    scores: of what could be read, [n, classes].
    ids: of all.
    decoded: bool, which of all could be read.
    unit: what all are called.
  """
  wrong = ~np.isfinite(scores).all(axis=1)
  if wrong.any():
    first = np.flatnonzero(decoded)[wrong.argmax()]
    raise NonFiniteError(
      f'The model gives non-finite scores for {wrong.sum()} {unit}, such as '
      f'{ids[first]!r}; its parameters have diverged.'
    )


def _start(compute, mesh, spec, batch):
  """Starts one batch: (values of this host, rows in the order of the mesh)."""
  local = {key: batch[key] for key in ('index', 'error', 'seconds')}
  local['same'] = _find_identical_crops(batch, spec)
  rows = {'index': batch['index'].astype(np.int32), 'mask': batch['mask']}
  views = {k: batch[k] for k in INPUTS if k in batch}
  rows, views = sharding.put((rows, views), mesh)
  with jax.set_mesh(mesh):
    found = compute(views)
  return local, (rows['index'], rows['mask'], found)


def _find_identical_crops(batch: Mapping, spec: ClipSpec) -> np.ndarray:
  """Finds videos whose crops are all equal, as of a square one: [B]."""
  if spec.crops == 1:
    return np.zeros(len(batch['index']), bool)
  views = batch['video']
  crops = views.reshape(len(views), spec.crops, spec.clips, *views.shape[2:])
  same = crops[:, :1] == crops[:, 1:]
  return same.all(axis=tuple(range(1, same.ndim))) & (batch['mask'] > 0)


def gather(tree):
  """Gathers the rows of all hosts as numpy; strings travel as bytes."""
  if jax.process_count() == 1:
    return jax.tree.map(np.asarray, tree)
  as_bytes = lambda x: x.view(np.uint8).reshape(len(x), -1)
  strings = lambda x: getattr(x.dtype, 'kind', '') == 'S'
  numbers = jax.tree.map(lambda x: as_bytes(x) if strings(x) else x, tree)
  gathered = multihost_utils.process_allgather(numbers, tiled=True)
  return jax.tree.map(
    lambda x, y: np.asarray(y).view(x.dtype).ravel() if strings(x) else y,
    tree,
    gathered,
  )
