"""Exact evaluation of a detector: every box of every key frame scored once."""

import dataclasses
import pathlib
from collections.abc import (
  Callable,
  Collection,
  Iterator,
  Mapping,
  Sequence,
)

import numpy as np

from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.sets import csv_files
from i2v_jax.data.sets.key_frames import Key, KeyFrames, Rows, make_rows
from i2v_jax.data.sets.sources import Split
from i2v_jax.runtime.console import console, make_table
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.evaluation import detection_tables
from i2v_jax.training.evaluation.box_scores import score_boxes
from i2v_jax.training.evaluation.detection_map import average, compute_mean
from i2v_jax.training.evaluation.detection_ranking import rank
from i2v_jax.training.evaluation.report import (
  make_fingerprint,
  write_report,
)

RULES = {  # views.evaluator -> options of `rank`
  'videomae': {},
  'activitynet': {'most_rows': 50, 'ignore_unknown': True},
}


@dataclasses.dataclass(frozen=True)
class BoxEvaluation:
  """The result of an evaluation of boxes.

  Attributes:
    detections: a row for each class of each box of the split's key frames, of
      which it could be read.
    accuracy: `mAP`, and `mAP_small`, … of boxes by size where there are any, in
      0..1.
    classes: of `detection_tables.make_class_table`.
    sizes: of `detection_tables.make_size_table`.
    fingerprint: model, data and preprocessing evaluated: JSON values.
    bad: id of a key frame that could not be read -> reason.
  """

  detections: Rows
  accuracy: dict[str, float]
  classes: Sequence[detection_tables.ClassRow]
  sizes: Sequence[detection_tables.SizeRow]
  fingerprint: dict
  bad: dict[str, str]


def evaluate(
  model,
  params: Mapping,
  loader: Loader,
  config: Mapping,
  mesh,
  identity: Mapping | None = None,
  over: Callable[[Iterator], Iterator] = iter,
) -> BoxEvaluation:
  """Scores every box of a split's key frames once.

  Frames keep their shape, so key frames of one shape are batched together, and
  each shape is compiled once. Key frames that cannot be read do not count, as
  videos of `evaluate.evaluate`, whose arguments and errors these are.
  """
  split = loader.split
  scores, decoded, bad = score_boxes(model, params, loader, config, mesh, over)
  done = np.repeat(decoded, np.diff(split.key_frames.ends))
  rules = config['views']['evaluator']
  found = make_detections(split.key_frames, scores, done)
  keys = split.key_frames.keys
  unread = {key for key, fine in zip(keys, decoded, strict=True) if not fine}
  name = config['data']['normalization']
  facts = make_fingerprint(loader, name, model, decoded) | {
    'boxes': int(done.sum()),
    'boxes_from': split.key_frames.source,
    'evaluator': rules,
    'annotated': count_annotated(split),
    'notes': list(split.notes),
  }
  return BoxEvaluation(
    found,
    *compare_with_truth(split, found, rules, unread),
    fingerprint=facts | dict(identity or {}),
    bad=bad,
  )


def make_detections(key_frames: KeyFrames, scores, done) -> Rows:
  """Makes a row for each box and class, with what a box scores times its own.

  Args:
    key_frames: of the split.
    scores: [R, classes], probabilities.
    done: bool [R], boxes of key frames that could be read.
  """
  count, classes = int(done.sum()), scores.shape[1]
  keys = np.repeat(np.arange(len(key_frames)), np.diff(key_frames.ends))[done]
  keys = [key_frames.keys[key] for key in keys for _ in range(classes)]
  weighted = scores[done] * key_frames.scores[done][:, None]
  return make_rows(
    keys,
    np.repeat(key_frames.boxes[done], classes, axis=0),
    np.tile(np.arange(classes), count),
    weighted.ravel(),
  )


def check_truth(split: Split) -> None:
  """Raises UserError unless an evaluated class has a box that counts."""
  rows, known = split.key_frames.truth.rows, split.key_frames.truth
  for key, label in zip(rows.keys, rows.labels.tolist(), strict=True):
    if label >= 0 and known.evaluated[label] and key not in known.excluded:
      return
  raise UserError(
    f'No box of {len(split)} key frames to be tested has a class that is '
    'evaluated, so there would be no mAP; check the labels of this split, and '
    'the key frames that it excludes.'
  )


def count_annotated(split: Split) -> int:
  """Counts the key frames with truth that are not excluded."""
  truth = split.key_frames.truth
  return len({*truth.rows.keys} - truth.excluded)


def compare_with_truth(
  split: Split, found: Rows, rules: str, unread: Collection[Key] = ()
) -> tuple:
  """Computes accuracies and tables of detections: fields of `BoxEvaluation`.

  Key frames that are `unread` do not count.

  Raises:
    UserError: no evaluated class has an annotated box.
  """
  truth = split.key_frames.truth
  ranking = rank(
    truth.rows,
    found,
    truth.excluded.union(unread),
    truth.evaluated,
    **RULES[rules],
  )
  precisions = average(ranking.labels, ranking.hits, ranking.instances)
  sizes = detection_tables.make_size_table(truth.rows, found, ranking)
  accuracy = {'mAP': compute_mean(precisions)}
  accuracy |= {f'mAP_{row.size}': row.mean for row in sizes if row.classes}
  classes = detection_tables.make_class_table(
    split.class_names, precisions, ranking.instances
  )
  return accuracy, classes, sizes


def write_evaluation(
  evaluation: BoxEvaluation, split: Split, folder
) -> pathlib.Path:
  """Writes `report.json`, `detections.csv`, `classes.csv` and `bad_videos.csv`.

  `detections.csv` is in the form of AVA, with a number from 1 for each class.
  The folder is made, but not its parents.
  """
  folder = pathlib.Path(folder)
  folder.mkdir(exist_ok=True)
  ids = range(1, len(split.class_names) + 1)
  detection_tables.write_ava_csv(
    folder / 'detections.csv', evaluation.detections, ids
  )
  columns = detection_tables.ClassRow._fields
  csv_files.write(folder / 'classes.csv', columns, evaluation.classes)
  write_report(evaluation, folder)
  return folder


def print_result(evaluation: BoxEvaluation) -> None:
  """Prints the average precision of every class, and the summary."""
  cells = [
    (row.name, f'{row.boxes:,}', f'{row.average_precision:.2%}')
    for row in evaluation.classes
  ]
  head = ('class', 'annotated', 'AP')
  console.print(make_table('Average precision', head, cells))
  console.print(format_summary(evaluation))


def format_summary(evaluation: BoxEvaluation) -> str:
  """Formats an evaluation as one line."""
  accuracy, facts = evaluation.accuracy, evaluation.fingerprint
  sizes = ', '.join(
    f'{row.size} {row.mean:.2%}' for row in evaluation.sizes if row.classes
  )
  gone = f', {facts["missing"]} videos missing' if facts['missing'] else ''
  return (
    f'mAP {accuracy["mAP"]:.2%} at IoU 0.5 over {len(evaluation.classes)} '
    f'classes ({sizes})  counted exactly {facts["decoded"]} of '
    f'{facts["listed"]} key frames with boxes ({facts["failed"]} unreadable'
    f'{gone}; {facts["annotated"]} are annotated), '
    f'{facts["boxes"]:,} boxes from {facts["boxes_from"]}'
  )
