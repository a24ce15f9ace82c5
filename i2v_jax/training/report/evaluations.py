"""The evaluations of a run: folders `eval` and `eval-VIEWS` of its workdir."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from i2v_jax.runtime import files
from i2v_jax.training.report import checks
from i2v_jax.training.report.run_files import RunFiles, read_reasons, read_table

_CALIBRATION = (
  'calibration_error',
  'calibration_error_calibrated',
  'temperature',
)


@dataclasses.dataclass(frozen=True)
class Scores:
  """What `scores.npz` holds of the n examples that could be read.

  Attributes:
    probabilities: float32 [n, classes], not calibrated.
    labels: int [n], -1 if unlabelled.
    targets: bool [n, classes] where there are any number of labels, else None.
    ids: of the examples.
    seconds: float [n], their lengths; NaN if unknown.
    spans: float64 [n, 2], seconds within their files; NaN for complete videos.
    class_names: in label order.
  """

  probabilities: np.ndarray
  labels: np.ndarray
  targets: np.ndarray | None
  ids: np.ndarray
  seconds: np.ndarray
  spans: np.ndarray
  class_names: list[str]

  @property
  def best(self) -> np.ndarray:
    """The most probable class of each, [n]; of equals the lower."""
    return self.probabilities.argmax(axis=1)

  @property
  def labelled(self) -> np.ndarray:
    """Whether each has a label, [n]."""
    if self.targets is None:
      return self.labels >= 0
    return self.targets.any(axis=1)

  @property
  def right(self) -> np.ndarray:
    """Whether the most probable class is a label of each, [n]."""
    if self.targets is None:
      return self.best == self.labels
    return np.take_along_axis(self.targets, self.best[:, None], axis=1)[:, 0]

  def name_labels(self, row: int) -> list[str]:
    """Names the labels of an example."""
    if self.targets is None:
      label = self.labels[row]
      return [self.class_names[label]] if label >= 0 else []
    return [self.class_names[k] for k in np.flatnonzero(self.targets[row])]


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """What a folder of an evaluation holds.

  Attributes:
    name: of the folder.
    report: of `report.json`.
    scores: None of boxes, or without the file.
    classes: columns and rows of `classes.csv`, empty without it.
    timeline: of `timeline.json`, {} without it.
    bad: what could not be read -> reason.
  """

  name: str
  report: Mapping[str, Any]
  scores: Scores | None
  classes: tuple[list[str], list[list[str]]]
  timeline: Mapping[str, Any]
  bad: Mapping[str, str]

  @property
  def unit(self) -> str:
    return self.report.get('unit', 'videos')


def read_evaluations(run: RunFiles) -> list[Evaluation]:
  """Reads all evaluations of a run, that of its training first."""
  folders = [run.workdir / 'eval', *sorted(run.workdir.glob('eval-*'))]
  found = [_read(run, folder) for folder in folders]
  return [evaluation for evaluation in found if evaluation]


def _read(run: RunFiles, folder: pathlib.Path) -> Evaluation | None:
  report = run.read(folder / 'report.json', _read_report, {})
  if not report:
    return None
  return Evaluation(
    folder.name,
    report,
    run.read(folder / 'scores.npz', _read_scores, None),
    run.read(folder / 'classes.csv', read_table, ([], [])),
    run.read(folder / 'timeline.json', _read_timeline, {}),
    run.read(folder / 'bad_videos.csv', read_reasons, {}),
  )


def _read_report(path: pathlib.Path) -> dict:
  found = files.read_json(path)
  needed = ('accuracy', 'decoded', 'listed')
  numbers = ('decoded', 'listed', 'failed', 'missing', 'step', *_CALIBRATION)
  checks.check_kinds(found, needed, text=('unit',), number=numbers)
  checks.check_measures(found['accuracy'], 'accuracy')
  if 'temporal_mAP' in found:
    checks.check_measures(found['temporal_mAP'], 'temporal_mAP')
  return found


def _read_timeline(path: pathlib.Path) -> dict:
  found = files.read_json(path)
  needed = ('temporal_mAP', 'listed', 'files')
  checks.check_kinds(found, needed, number=('listed',), list=('files',))
  for each in found['files']:
    checks.check_kinds(each, text=('file', 'error'))
    if 'segments' in each:
      _check_segments(each)
  return found


def _check_segments(found: dict) -> None:
  needed = ('file', 'duration', 'segments')
  checks.check_kinds(found, needed, number=('duration',), list=('segments',))
  times = ('start', 'end')
  for part in found['segments']:
    checks.check_kinds(part, (*times, 'class'), number=times, text=('class',))


def _read_scores(path: pathlib.Path) -> Scores:
  with np.load(path, allow_pickle=False) as arrays:
    found = dict(arrays)
  scores, names = found['scores'], [str(x) for x in found['class_names']]
  count = len(scores)
  checks.check_array(scores, (count, len(names)), 'f')
  unknown = np.full((count, 2), np.nan)
  columns = {
    'labels': found['labels'],
    'targets': found.get('targets'),
    'ids': found['ids'],
    'seconds': found.get('seconds', unknown[:, 0]),
    'spans': found.get('spans', unknown),
  }
  _check_columns(columns, count, len(names))
  decoded = np.isfinite(scores).all(axis=1)
  kept = {k: v if v is None else v[decoded] for k, v in columns.items()}
  return Scores(scores[decoded], class_names=names, **kept)


def _check_columns(columns, count: int, classes: int) -> None:
  """Raises ValueError unless columns are of `count` examples of the classes."""
  checks.check_array(columns['labels'], (count,), 'iu')
  checks.check_array(columns['ids'], (count,), 'U')
  checks.check_array(columns['seconds'], (count,), 'f')
  checks.check_array(columns['spans'], (count, 2), 'f')
  if columns['targets'] is not None:
    checks.check_array(columns['targets'], (count, classes), 'b')
  if ((columns['labels'] < -1) | (columns['labels'] >= classes)).any():
    raise ValueError(f'labels that are none of the {classes} classes')
