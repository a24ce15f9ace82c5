"""Exact multi-view evaluation: every video counted once."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.sets.sources import Split
from i2v_jax.models.probabilities import compute_probabilities
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console
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
from i2v_jax.training.evaluation.split_scores import check_finite, score_videos


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """The result of an evaluation.

  Attributes:
    scores: float32 [n, classes], probabilities averaged over views; NaN rows
      for videos that could not be read.
    accuracy: of `assessment.assess`, over the decoded videos.
    fingerprint: model, data and preprocessing evaluated: JSON values.
    bad: id of a video that could not be read -> reason.
    seconds: float32 [n], the length of each example; NaN of those that could
      not be read.
    classes, confusion, calibration: as `accuracy`.
  """

  scores: np.ndarray
  accuracy: dict[str, float]
  fingerprint: dict
  bad: dict[str, str]
  seconds: np.ndarray
  classes: Sequence[ClassRow | LabelRow] = ()
  confusion: np.ndarray | None = None
  calibration: Mapping[str, Any] = dataclasses.field(default_factory=dict)


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
  scored = score_videos(compute, model.num_classes, loader, config, mesh, over)
  scores, decoded = scored.scores, scored.decoded
  check_finite(scores[decoded], split.ids, decoded, split.unit)
  facts = make_fingerprint(loader, normalization, model, decoded)
  facts['task'] = config['task']
  if loader.spec.crops > 1:
    facts['identical_crops'] = scored.same
  facts |= dict(identity or {})
  found = Evaluation(scores, {}, facts, scored.bad, scored.seconds)
  return use_calibration(found, split, UNFITTED)


def use_calibration(
  evaluation: Evaluation, split: Split, calibration: Calibration
) -> Evaluation:
  """Assesses the same scores again with another calibration.

  `evaluate` itself uses none.
  """
  found = assess(evaluation.scores, split, calibration)
  return dataclasses.replace(evaluation, **found._asdict())


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
    seconds=evaluation.seconds,
    spans=_list_spans(split),
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


def _list_spans(split: Split) -> np.ndarray:
  """Lists the spans that were tested: [n, 2], NaN for complete videos."""
  segments = split.segments
  if segments is None:
    return np.full((len(split), 2), np.nan)
  return np.array([segments.choose_span(n) for n in range(len(segments))])


def print_result(evaluation: Evaluation) -> None:
  """Prints the classes where there are several labels, and the summary."""
  if 'mAP' in evaluation.accuracy:
    class_tables.print_labels(evaluation.classes)
  console.print(format_summary(evaluation))
  if text := describe_calibration(evaluation.calibration):
    console.print(text)
