"""`i2v eval` of segments: timelines of files against what is listed."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading.window_spans import Sliding
from i2v_jax.data.loading.windows import WindowReader
from i2v_jax.data.sets.background import is_background
from i2v_jax.data.sets.split import Split
from i2v_jax.deploy.prediction import timeline_rules
from i2v_jax.deploy.prediction.reading import make_reading, score_classes
from i2v_jax.deploy.prediction.timeline import Rules, Timeline
from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console, make_progress
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.evaluation.temporal_map import (
  THRESHOLDS,
  Found,
  Truth,
  compute_temporal_map,
)

FILE = 'timeline.json'


class TemporalEvaluation(NamedTuple):
  """Timelines of the files of a split, compared with its segments.

  Attributes:
    mean_precision: temporal mAP in 0..1 by temporal IoU.
    timelines: of each file; one that cannot be read, or is not longer than a
      window, has an error and nothing found.
    window: seconds of a window, 0 if it has a number of frames.
    listed: number of segments of the truth.
  """

  mean_precision: Mapping[float, float]
  timelines: Sequence[Timeline]
  window: float
  listed: int


@dataclasses.dataclass(frozen=True)
class FootageReader(WindowReader):
  """Reads the files of a split, which may be records of a prepared set.

  Attributes:
    split: with segments; paths are those of its footage.
  """

  split: Split | None = None

  @functools.cached_property
  def places(self) -> dict[str, int]:
    """Numbers of the files by their paths."""
    footage = self.split.segments.footage
    return {video.path: number for number, video in enumerate(footage)}

  def find_source(self, path: str) -> str | bytes:
    """Finds the record of a file, or its path."""
    records = self.split.records
    return path if records is None else records[self.places[path]]


def evaluate_timeline(
  trained: Trained,
  split: Split,
  windows: Sliding,
  rules: Rules,
  spec: ClipSpec | None = None,
  thresholds: Sequence[float] = THRESHOLDS,
) -> TemporalEvaluation:
  """Finds timelines of all files of a split, and compares them with its truth.

  Files without any segment count too: whatever is found there is wrong.

  Args:
    trained: the model.
    split: with segments.
    windows: as `timeline_rules.choose_windows` chooses them.
    rules: as `timeline_rules.make_rules` makes them.
    spec: preprocessing and views in place of those of the config.
    thresholds: of temporal IoU.

  Raises:
    UserError: the split has no segments, or lists none.
  """
  if not has_truth(split):
    raise UserError(
      'This split lists no segment of a class, so there is no temporal mAP; '
      "use data.format='segments'."
    )
  reading = make_reading(trained, windows, spec=spec, fps=split.fps)
  reader = FootageReader(**vars(reading.reader), split=split)
  reading = dataclasses.replace(reading, reader=reader)
  footage = split.segments.footage
  hours = sum(video.duration for video in footage) / 3600
  console.print(f'timelines of {len(footage):,} files, {hours:.2f} hours ...')
  bar, progress = make_progress(len(footage), 'timelines', 'files')
  describe = functools.partial(
    timeline_rules.describe_timeline, windows=windows, rules=rules
  )
  with bar:
    paths = [video.path for video in footage]
    scored = score_classes(trained, paths, reading, 0, progress)
    timelines = [*map(describe, scored)]
  truth = list_truth(split)
  ids = [video.id for video in footage]
  found = compute_temporal_map(truth, list_found(ids, timelines), thresholds)
  return TemporalEvaluation(found, timelines, windows.seconds, len(truth))


def has_truth(split: Split) -> bool:
  """Whether a split lists segments with a class."""
  return split.segments is not None and bool(list_truth(split))


def list_truth(split: Split) -> list[Truth]:
  """Lists the labelled spans of a split's files: a row for each class of each.

  Whatever part of them are its examples; the class `background` is no truth.
  """
  segments, names = split.segments, split.class_names
  return [
    (segments.footage[video].id, names[label], *span)
    for video, span, mine in zip(
      segments.labelled.video_of.tolist(),
      segments.labelled.spans.tolist(),
      segments.labelled.targets,
      strict=True,
    )
    for label in np.flatnonzero(mine)
    if not is_background(names[label])
  ]


def list_found(
  ids: Sequence[str], timelines: Sequence[Timeline]
) -> list[Found]:
  """Lists the segments of timelines, with the ids of their files."""
  return [
    (video, segment.name, segment.start, segment.end, segment.score)
    for video, timeline in zip(ids, timelines, strict=True)
    for segment in timeline.segments
  ]


def write_timeline(found: TemporalEvaluation, folder) -> None:
  """Writes `timeline.json`, and adds `temporal_mAP` to `report.json`."""
  folder = pathlib.Path(folder)
  files.write_json(folder / FILE, _describe(found))
  report = files.read_json(folder / 'report.json')
  scores = _describe(found)['temporal_mAP']
  files.write_json(folder / 'report.json', report | {'temporal_mAP': scores})


def _describe(found: TemporalEvaluation) -> dict[str, Any]:
  scores = {f'{least:g}': x for least, x in found.mean_precision.items()}
  timelines = [timeline.to_json() for timeline in found.timelines]
  return {
    'temporal_mAP': scores,
    'listed': found.listed,
    'window': found.window,
    'files': timelines,
  }


def print_timeline(found: TemporalEvaluation) -> None:
  """Prints the summary."""
  scores = ', '.join(
    f'{score:.2%} at {least:g}' for least, score in found.mean_precision.items()
  )
  count = sum(len(timeline.segments) for timeline in found.timelines)
  bad = [timeline.error for timeline in found.timelines if timeline.error]
  console.print(
    f'temporal mAP {scores}: {count:,} segments found, {found.listed:,} listed '
    f'in {len(found.timelines):,} files'
  )
  if bad:
    console.print(f'no timeline of {len(bad):,} of them, such as: {bad[0]}')
