"""`i2v detect`: what happens in given boxes of a video, over time."""

import collections
import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import csv_files
from i2v_jax.data.sets.key_frames import KeyFrames
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.videos.decode import FPS, DecodeError, open_video
from i2v_jax.deploy import drawn_video, tracks
from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime.console import console, make_table
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.evaluation.box_scores import score_boxes

OUTPUTS = ('.csv', '.mp4')
AT_ONCE = 8  # key frames


class Action(NamedTuple):
  """One action of a box at a key frame: a row of the table.

  Attributes:
    file: the video.
    time: seconds from its first frame.
    x1, y1, x2, y2: of the box, in shares of the frame.
    person: name of the box's track.
    label: name of the action.
    score: its probability, times the score of the box.
  """

  file: str
  time: float
  x1: float
  y1: float
  x2: float
  y2: float
  person: str
  label: str
  score: float


@dataclasses.dataclass(frozen=True)
class Detected:
  """The boxes of a video, and the probability of each action.

  Attributes:
    path: of the video.
    key_frames: its key frames.
    persons: name of each box's track.
    scores: float32 [R, classes], probabilities times scores of boxes.
    class_names: in label order.
  """

  path: str
  key_frames: KeyFrames
  persons: Sequence[str]
  scores: np.ndarray
  class_names: Sequence[str]

  def list_actions(self, row: int, most: int, least: float):
    """Lists (name, score) of a box, `most` at most, the best first."""
    order = (-self.scores[row]).argsort(kind='stable')[:most]
    found = [(self.class_names[i], float(self.scores[row, i])) for i in order]
    return [(name, score) for name, score in found if score >= least]


def detect(
  trained: Trained, path, key_frames: KeyFrames, fps: float = FPS
) -> Detected:
  """Classifies the given boxes of a video.

  Args:
    trained: a detector.
    path: video file, or folder of frames.
    key_frames: of the video, by time.
    fps: frames per second of a folder of frames.

  Raises:
    UserError: the model classifies clips, not boxes.
    DecodeError: the video cannot be read, or ends before a key frame.
  """
  check_detector(trained)
  ids = tuple(f'{path}@{time}' for _, time in key_frames.keys)
  labels = np.zeros((len(key_frames.boxes), len(trained.class_names)), bool)
  split = Split(
    (str(path),) * len(ids),
    np.full(len(ids), -1),
    trained.class_names,
    ids,
    fps=fps,
    key_frames=dataclasses.replace(key_frames, labels=labels),
  )
  config = experiment.to_plain(trained.config)
  config['data'] |= {'on_bad_video': 'skip', 'max_bad_share': 1.0}
  config['batch_size'], config['accumulate'] = min(len(ids), AT_ONCE), 1
  loader = experiment.make_loader(config, split, trained.spec)
  scores, _, bad = score_boxes(
    trained.model, trained.params, loader, config, trained.mesh
  )
  if bad:
    raise DecodeError(next(iter(bad.values())))
  return Detected(
    str(path),
    key_frames,
    name_persons(key_frames),
    scores * key_frames.scores[:, None],
    trained.class_names,
  )


def check_detector(trained: Trained) -> None:
  """Raises UserError unless a model classifies boxes."""
  if not trained.model.num_boxes:
    raise UserError(
      f'{trained.path} classifies complete clips, not boxes; use i2v predict, '
      'or train with model.detection (docs/detection.md).'
    )


def name_persons(key_frames: KeyFrames) -> list[str]:
  """Names the track of each box: as given, and by overlap where none is."""
  given, parts = key_frames.persons, []
  for frame in range(len(key_frames)):
    rows = range(*key_frames.rows(frame).indices(len(given)))
    parts.append([row for row in rows if not given[row]])
  boxes = [key_frames.boxes[rows] for rows in parts]
  found = tracks.link(key_frames.times.tolist(), boxes, {*given})
  names = [*given]
  for rows, linked in zip(parts, found, strict=True):
    for row, name in zip(rows, linked, strict=True):
      names[row] = name
  return names


def make_actions(
  found: Detected, most: int = 3, least: float = 0.3
) -> Iterable[Action]:
  """Makes the rows of a table: at most `most` actions of each box.

  Args:
    found: result of `detect`.
    most: actions of a box.
    least: score of an action.
  """
  known = found.key_frames
  for frame, seconds in enumerate(known.times.tolist()):
    rows = known.rows(frame)
    for row in range(rows.start, rows.stop):
      box = [round(x, 5) for x in known.boxes[row].tolist()]
      for name, score in found.list_actions(row, most, least):
        person = found.persons[row]
        yield Action(found.path, seconds, *box, person, name, round(score, 5))


def make_tracks(
  found: Detected, most: int = 3, least: float = 0.3
) -> Mapping[str, list[tracks.Moment]]:
  """Makes the moments of each track, to be drawn."""
  known, made = found.key_frames, {}
  for frame, seconds in enumerate(known.times.tolist()):
    rows = known.rows(frame)
    for row in range(rows.start, rows.stop):
      actions = found.list_actions(row, most, least)
      words = [f'{name} {score:.0%}' for name, score in actions]
      moment = tracks.Moment(seconds, known.boxes[row], words)
      made.setdefault(found.persons[row], []).append(moment)
  return made


def check_output(out, *inputs) -> pathlib.Path:
  """Raises UserError unless `out` is in `OUTPUTS`, and none of `inputs`."""
  path = pathlib.Path(out)
  if path.suffix.lower() not in OUTPUTS:
    raise UserError(
      f'--out is {path}; end the name in .csv for a table, or in .mp4 for the '
      'video with boxes and actions drawn on it.'
    )
  if not path.parent.is_dir():
    raise UserError(f'{path.parent} does not exist; make the folder.')
  for other in map(pathlib.Path, inputs):
    if path.exists() and other.exists() and path.samefile(other):
      raise UserError(f'--out is {other}, which is read; choose another name.')
  return path


def write(found: Detected, out, most: int, least: float, fps: float) -> None:
  """Writes the table or the drawn video, and says what was found."""
  rows = list(make_actions(found, most, least))
  if out.suffix.lower() == '.csv':
    csv_files.write(out, Action._fields, rows)
  else:
    with open_video(found.path, fps=fps) as video:
      drawn_video.write(out, video, make_tracks(found, most, least))
  _show(found, rows, least)
  console.print(f'written to {out}')


def _show(found: Detected, rows: Sequence[Action], least: float) -> None:
  """Prints how often each action was found, and in how many boxes none was."""
  found_names = collections.Counter(row.label for row in rows)
  counts = sorted(found_names.items(), key=_by_count)
  best = {row.label: row for row in sorted(rows, key=lambda row: row.score)}
  cells = [
    (name, f'{count:,}', f'{best[name].score:.1%}', f'{best[name].time:.2f}')
    for name, count in counts
  ]
  acting = len({(row.time, row.person, row.x1, row.y1) for row in rows})
  total, moments = len(found.key_frames.boxes), len(found.key_frames)
  caption = (
    f'boxes: {total:,}, key frames: {moments:,}, boxes without an action of '
    f'{least:.0%} or more: {total - acting:,}'
  )
  head = ('action', 'boxes', 'best', 'at second')
  console.print(make_table(found.path, head, cells, caption))


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
  return -item[1], item[0]
