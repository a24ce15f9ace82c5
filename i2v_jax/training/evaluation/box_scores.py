"""Scores of boxes: every key frame of a split is run once, on any hosts."""

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping, Sequence

import jax
import numpy as np
from jax.experimental import multihost_utils

from i2v_jax.data.loading import bad_videos, pipeline
from i2v_jax.data.loading.loader import PADDING, Loader
from i2v_jax.data.sets.key_frames import KeyFrames
from i2v_jax.models.inputs import full_precision, normalize_clips
from i2v_jax.runtime import sharding
from i2v_jax.runtime.console import console, make_progress
from i2v_jax.training import experiment
from i2v_jax.training.evaluation.split_scores import (
  check_finite,
  gather,
  start_all,
)


@functools.partial(jax.jit, static_argnames=('model', 'normalization'))
def compute_box_scores(model, normalization: str, params, batch: Mapping):
  """Computes the probability of each class for each box, `B x N x classes`.

  `batch` has `video` uint8 `B x T x H x W x 3`, `boxes` `B x N x 4` in its
  pixels and, where a model takes them, framesets `grid`.
  """
  inputs = normalize_clips(batch, normalization, model.image_model.dtype)
  with full_precision(model):
    return jax.nn.sigmoid(model.apply({'params': params}, *inputs))


def score_boxes(
  model, params: Mapping, loader: Loader, config: Mapping, mesh, over=iter
) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
  """Scores every box of a split's key frames once; see `evaluate`.

  Returns:
    Probabilities `[R, classes]`, NaN where a video could not be read; whether
    each key frame was read, `[n]`; and why others were not, by id.
  """
  split, name = loader.split, config['data']['normalization']
  batches = _load_batches(loader, config, mesh.shape['data'])
  start = functools.partial(_start, model, name, params, mesh)
  bad = experiment.make_bad_videos(config, split)
  scores, decoded = _collect(
    over(sharding.prefetch(start_all(start, batches), depth=1)),
    bad,
    model.num_classes,
  )
  done = np.repeat(decoded, np.diff(split.key_frames.ends))
  ids = _repeat(split.ids, split.key_frames)
  check_finite(scores[done], ids, done, 'boxes')
  return scores, decoded, bad.reasons


def _load_batches(loader: Loader, config: Mapping, parts: int):
  """Loads every key frame once, those of one shape after another.

  A batch has about as many pixels as one part of a training batch, and a
  multiple of `parts` key frames.
  """
  groups = _group_by_shape(loader)
  if len(groups) > 1:
    console.print(f'frames of {len(groups)} shapes; each is compiled once')
  square = loader.spec.image_size**2
  for shape, indices in groups.items():
    pixels = config['batch_size'] / config['accumulate'] * square
    size = math.ceil(pixels / math.prod(shape) / parts) * parts
    order = [*indices, *[PADDING] * (-len(indices) % size)]
    same = dataclasses.replace(loader, test_shape=shape)
    yield from pipeline.load_test_batches(
      same, size, parallel=experiment.make_parallelism(config), order=order
    )


def _group_by_shape(loader: Loader) -> dict[tuple[int, int], list[int]]:
  """Groups key frames by the shape of their test frames, in order.

  The first process looks, and tells the others, whose disks may differ.
  """
  paths = dict.fromkeys(loader.split.paths)
  places = {path: number for number, path in enumerate(paths)}
  shapes = np.zeros((len(places), 2), np.int32)
  if jax.process_index() == 0:
    shapes[:] = _find_shapes(loader, places)
  if jax.process_count() > 1:
    shapes = multihost_utils.broadcast_one_to_all(shapes)
  groups = {}
  for index, path in enumerate(loader.split.paths):
    shape = tuple(int(side) for side in shapes[places[path]])
    groups.setdefault(shape, []).append(index)
  return groups


def _find_shapes(loader: Loader, paths: Iterable[str]) -> list:
  """Finds the shape of each path, by its first key frame that can be read.

  Where none can, it is that of a square video, which gives placeholders.
  """
  side, of_path = loader.spec.image_size, {path: [] for path in paths}
  for index, path in enumerate(loader.split.paths):
    of_path[path].append(index)
  find = lambda found: next(filter(None, map(loader.find_test_shape, found)), 0)
  square = loader.spec.test_shape(side, side)
  return [find(found) or square for found in of_path.values()]


def _start(model, normalization, params, mesh, batch):
  """Starts one batch: (values of this host, rows in the order of the mesh)."""
  local = {key: batch[key] for key in ('index', 'error')}
  rows = {'index': batch['index'].astype(np.int32), 'mask': batch['mask']}
  inputs = {
    key: batch[key] if key == 'boxes' else batch[key][:, 0]  # the one view
    for key in model.inputs
  }
  rows, inputs = sharding.put((rows, inputs), mesh)
  with jax.set_mesh(mesh):
    found = compute_box_scores(model, normalization, params, inputs)
  return local, (rows['index'], rows['mask'], found)


def _collect(batches, bad: bad_videos.BadVideos, num_classes: int):
  """Counts every key frame once.

  Returns:
    Probabilities of boxes `[R, classes]`, and whether each key frame was
    decoded, `[n]`.
  """
  key_frames, count = bad.split.key_frames, len(bad.split)
  scores = np.full((len(key_frames.boxes), num_classes), np.nan, np.float32)
  decoded, counted = np.zeros(count, bool), np.zeros(count, int)
  bar, advance = make_progress(count, 'evaluate', 'key frames')
  with bar:
    for local, rows in batches:
      bad.absorb(gather(local))
      index, mask, found = gather(rows)
      for place in np.flatnonzero(mask > 0):
        here = key_frames.rows(index[place])
        scores[here] = found[place, : here.stop - here.start]
      decoded[index[mask > 0]] = True
      np.add.at(counted, index[index != PADDING], 1)
      advance(int((index != PADDING).sum()))
  if not (counted == 1).all():
    raise RuntimeError(
      'A key frame was not counted exactly once; please report.'
    )
  return scores, decoded


def _repeat(names: Sequence[str], key_frames: KeyFrames) -> Sequence[str]:
  """Repeats what each key frame is called for each of its boxes."""
  counts = np.diff(key_frames.ends).tolist()
  pairs = zip(names, counts, strict=True)
  return [name for name, count in pairs for _ in range(count)]
