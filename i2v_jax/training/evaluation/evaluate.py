"""Exact multi-view evaluation: every video counted once."""

import dataclasses
import functools
import itertools
import math
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading import bad_videos, pipeline
from i2v_jax.data.loading.loader import PADDING, Loader
from i2v_jax.data.sets.sources import Split
from i2v_jax.models.inputs import INPUTS, full_precision, normalize_clips
from i2v_jax.runtime import compilation, files, sharding
from i2v_jax.runtime.console import console, make_progress
from i2v_jax.runtime.errors import NonFiniteError
from i2v_jax.training import experiment
from i2v_jax.training.evaluation import class_tables
from i2v_jax.training.evaluation.assessment import assess
from i2v_jax.training.evaluation.calibration import UNFITTED, Calibration
from i2v_jax.training.evaluation.class_tables import ClassRow, LabelRow
from i2v_jax.training.evaluation.report import (
  describe_calibration,
  format_summary,
  make_fingerprint,
  write_report,
)


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """The result of an evaluation.

  Attributes:
    scores: float32 [n, classes], probabilities averaged over views; NaN rows
      for videos that could not be read.
    accuracy: of `assessment.assess`, over the decoded videos.
    fingerprint: model, data and preprocessing evaluated: JSON values.
    bad: id of a video that could not be read -> reason.
    classes, confusion, calibration: as `accuracy`.
  """

  scores: np.ndarray
  accuracy: dict[str, float]
  fingerprint: dict
  bad: dict[str, str]
  classes: Sequence[ClassRow | LabelRow] = ()
  confusion: np.ndarray | None = None
  calibration: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@functools.partial(jax.jit, static_argnames=('model', 'normalization', 'task'))
def compute_probabilities(
  model, normalization: str, params, views: Mapping, task: str = 'single'
):
  """Computes class probabilities `B x C`, averaged over V views of a video.

  `views` are the uint8 arrays of the clips, `video` `B x V x T x H x W x 3` and
  the other inputs of the model. Those of a task `multi` are sigmoids, each of
  its own.
  """
  batch, count = views['video'].shape[:2]
  clips = {k: x.reshape(-1, *x.shape[2:]) for k, x in views.items()}
  pixels = normalize_clips(clips, normalization, model.image_model.dtype)
  with full_precision(model):
    logits = model.apply({'params': params}, *pixels)
  activate = jax.nn.sigmoid if task == 'multi' else jax.nn.softmax
  probabilities = activate(logits)
  return probabilities.reshape(batch, count, -1).mean(axis=1)


def evaluate(
  model,
  params: Mapping,
  loader: Loader,
  config: Mapping,
  mesh,
  identity: Mapping | None = None,
  over: Callable[[Iterator], Iterator] = iter,
) -> Evaluation:
  """Scores every video of a split once.

  Args:
    model: a classifier.
    params: all its parameters, on the devices of `mesh`.
    loader: of the split; its spec decides the views.
    config: of the experiment: normalisation, loader, cap on unreadable videos,
      and `batch_size`, about the number of views run at once.
    mesh: devices; the batch of videos is sharded over them.
    identity: further facts for the fingerprint.
    over: batches -> the same batches, which may raise between two.

  Raises:
    DecodeError: a video cannot be read, or too many where they are skipped.
    NonFiniteError: the model gives non-finite scores.
  """
  normalization, split = config['data']['normalization'], loader.split
  compute = functools.partial(
    compute_probabilities, model, normalization, params, task=config['task']
  )
  scores, decoded, same, bad = score_videos(
    compute, model.num_classes, loader, config, mesh, over
  )
  check_finite(scores[decoded], split.ids, decoded, split.unit)
  facts = make_fingerprint(loader, normalization, model, decoded)
  facts['task'] = config['task']
  if loader.spec.crops > 1:
    facts['identical_crops'] = same
  facts |= dict(identity or {})
  found = Evaluation(scores, {}, facts, bad)
  return use_calibration(found, split, UNFITTED)


def score_videos(
  compute: Callable, width: int, loader: Loader, config: Mapping, mesh, over
) -> tuple[np.ndarray, np.ndarray, int, dict[str, str]]:
  """Computes scores for every video of a split once.

  Args:
    compute: `views`, as of `compute_probabilities`, -> scores `B x width`.
    width: number of scores of a video.
    loader, config, mesh, over: as of `evaluate`.

  Returns:
    Scores `[n, width]`, whether each video was decoded, `[n]`, the number of
    videos whose crops are all the same, and why others could not be read, by
    id.
  """
  count = mesh.shape['data']
  per_batch = math.ceil(config['batch_size'] / loader.spec.views / count)
  batches = pipeline.load_test_batches(
    loader, per_batch * count, parallel=experiment.make_parallelism(config)
  )
  start = functools.partial(_start, compute, mesh, loader.spec)
  bad = experiment.make_bad_videos(config, loader.split)
  started = sharding.prefetch(start_all(start, batches), depth=1)
  return *_collect(over(started), bad, width), bad.reasons


def use_calibration(
  evaluation: Evaluation, split: Split, calibration: Calibration
) -> Evaluation:
  """Assesses the same scores again with another calibration.

  `evaluate` itself uses none.
  """
  found = assess(evaluation.scores, split, calibration)
  return dataclasses.replace(evaluation, **found._asdict())


def start_all(start: Callable, batches: Iterator) -> Iterator:
  """Starts every batch; the first may compile the evaluation."""
  for batch in itertools.islice(batches, 1):
    with compilation.announce('the evaluation'):
      started = start(batch)
    yield started
  yield from map(start, batches)


def _collect(batches, bad: bad_videos.BadVideos, width: int):
  """Counts every video once.

  Returns:
    Scores `[n, width]`, whether each video was decoded, `[n]`, and the number
    of videos whose crops are all the same.
  """
  count = len(bad.split)
  scores = np.full((count, width), np.nan, np.float32)
  decoded, counted = np.zeros(count, bool), np.zeros(count, int)
  same = 0
  bar, advance = make_progress(count, 'evaluate', bad.split.unit)
  with bar:
    for local, rows in batches:
      local = bad.absorb(gather(local))
      same += int(local['same'].sum())
      index, mask, found = gather(rows)
      good = index[mask > 0]
      scores[good], decoded[good] = found[mask > 0], True
      np.add.at(counted, index[index != PADDING], 1)
      advance(int((index != PADDING).sum()))
  if not (counted == 1).all():
    raise RuntimeError('A video was not counted exactly once; please report.')
  return scores, decoded, same


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
  local = {key: batch[key] for key in ('index', 'error')}
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


def write_evaluation(evaluation: Evaluation, split, folder) -> pathlib.Path:
  """Writes `report.json`, `scores.npz`, tables and, if any, `bad_videos.csv`.

  The tables are `classes.csv` and, where each example has one label,
  `confusion.csv`. What is outdated is removed. The folder is made, but not its
  parents: a workdir that was moved is not made again.
  """
  folder = pathlib.Path(folder)
  folder.mkdir(exist_ok=True)
  scores = dict(
    scores=evaluation.scores,
    labels=split.labels,
    ids=np.array(split.ids),
    class_names=np.array(split.class_names),
  )
  if split.targets is not None:
    scores['targets'] = split.targets
  path = folder / 'scores.npz'
  with (
    files.explain_errors(path),
    files.replacing(path) as new,
    new.open('wb') as file,
  ):
    np.savez(file, **scores)
  class_tables.write_tables(folder, evaluation.classes, evaluation.confusion)
  write_report(evaluation, folder, evaluation.calibration)
  return folder


def print_result(evaluation: Evaluation) -> None:
  """Prints the classes where there are several labels, and the summary."""
  if 'mAP' in evaluation.accuracy:
    class_tables.print_labels(evaluation.classes)
  console.print(format_summary(evaluation))
  if text := describe_calibration(evaluation.calibration):
    console.print(text)
