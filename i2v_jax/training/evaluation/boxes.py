"""Exact evaluation of a detector: every box of every key frame scored once."""

import dataclasses
import functools
import math
import pathlib
from collections.abc import (
  Callable,
  Collection,
  Iterable,
  Iterator,
  Mapping,
  Sequence,
)

import jax
import numpy as np
from jax.experimental import multihost_utils

from i2v_jax.data.loading import bad_videos, pipeline
from i2v_jax.data.loading.loader import PADDING, Loader
from i2v_jax.data.sets import csv_files
from i2v_jax.data.sets.key_frames import Key, KeyFrames, Rows, make_rows
from i2v_jax.data.sets.sources import Split
from i2v_jax.models.inputs import full_precision, normalize_clips
from i2v_jax.runtime import sharding
from i2v_jax.runtime.console import console, make_progress, make_table
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.evaluation import detection_tables
from i2v_jax.training.evaluation.detection_map import average, compute_mean
from i2v_jax.training.evaluation.detection_ranking import rank
from i2v_jax.training.evaluation.evaluate import (
  check_finite,
  gather,
  make_fingerprint,
  start_all,
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


@functools.partial(jax.jit, static_argnames=('model', 'normalization'))
def compute_box_scores(model, normalization: str, params, batch: Mapping):
  """Computes the probability of each class for each box, `B x N x classes`.

  `batch` has `video` uint8 `B x T x H x W x 3`, `boxes` `B x N x 4` in its
  pixels and, where a model takes them, framesets `grid`.
  """
  inputs = normalize_clips(batch, normalization, model.image_model.dtype)
  with full_precision(model):
    return jax.nn.sigmoid(model.apply({'params': params}, *inputs))


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
    'listed': len(split),  # what is missing are videos, not key frames
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


def _repeat(names: Sequence[str], key_frames: KeyFrames) -> Sequence[str]:
  """Repeats what each key frame is called for each of its boxes."""
  counts = np.diff(key_frames.ends).tolist()
  pairs = zip(names, counts, strict=True)
  return [name for name, count in pairs for _ in range(count)]


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
