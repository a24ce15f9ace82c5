"""Reads your own boxes: tables of moments, and who does what in them."""

import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import (
  box_tables,
  boxed_videos,
  candidates,
  class_spellings,
  clock,
  group_boxes,
  list_lines,
  listing,
  lists,
  video_facts,
)
from i2v_jax.data.sets.key_frames import Key, Rows, Truth
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.text_tables import Table
from i2v_jax.runtime.errors import MissingFileError, UserError, check_choice

_COLUMNS = ('file', 'time', *box_tables.SIDES)


class _Boxes(NamedTuple):
  """A table of boxes."""

  table: Table
  problems: Problems
  keys: tuple[Key, ...]
  boxes: np.ndarray  # In the unit of the table, [R, 4].
  scores: np.ndarray  # [R].


def read_boxes(
  root: str,
  split: str,
  file: str = '{split}.csv',
  units: str = 'shares',
  classes: listing.Path | Sequence[str] | None = None,
  proposals: str = '',
  min_score: float = 0.8,
  keep_one: bool = False,
  videos: str = '',
) -> listing.Listing:
  """Reads tables with the columns file, time, x1, y1, x2, y2 and label.

  The first line names the columns, in any order; `person` and `score` may be
  among them. Times are seconds from the first frame, or H:MM:SS. The rows of a
  box with several labels differ in their label; an empty label is a box without
  any. Every video is opened once, to know its length and size.

  Args:
    root: the folder of tables and videos.
    split: replaces `{split}` in `file`, `proposals` and `videos`.
    file: the table.
    units: 'shares' of the frame, from 0 to 1, or 'pixels'.
    classes: names in label order, or a file with one name per line or a JSON
      list; None takes the sorted labels of the table of train.
    proposals: table of detected boxes with a score, for every split but train;
      '' takes the annotated boxes.
    min_score: the lowest score of a proposal.
    keep_one: whether the best proposal of a key frame is kept in any case.
    videos: folder of the videos.
  """
  check_choice('units', units, ('shares', 'pixels'))
  reader = _Reader(root, split, units == 'pixels')
  found = reader.read(file, ['label'])
  known = _choose_classes(root, file, classes, found.table)
  labels = class_spellings.convert_cells(found.table, known, found.problems)
  rows = _list_videos(found, videos.replace('{split}', split))
  reader.facts = video_facts.open_videos(root, rows)
  annotated = reader.check(found, labels)
  truth = _make_truth(annotated, len(known.names))
  if split == 'train' or not proposals:
    chosen = _choose_annotated(found, annotated, len(known.names))
  else:
    rule = candidates.Rule(min_score, keep_one)
    chosen = _choose(reader, proposals, set(found.keys), truth, rule)
  frames = group_boxes.group(
    chosen.boxes, [*rows], reader.times, truth, source=chosen.source
  )
  return _make_listing(reader, found, known.names, rows, chosen, frames)


def _choose_annotated(found, annotated, classes) -> candidates.Candidates:
  persons = [text.strip() for text in found.table.columns['person']]
  return candidates.Candidates(group_boxes.merge(annotated, classes, persons))


def _make_truth(annotated: Rows, classes: int) -> Truth:
  rows = annotated.choose(annotated.labels >= 0)
  return Truth(rows, frozenset(), np.ones(classes, bool))


def _make_listing(reader, found, names, rows, chosen, frames):
  unread = video_facts.describe_unread(reader.facts)
  return listing.Listing(
    names,
    [*rows.values()],
    str(found.table.path),
    notes=(*unread, *reader.notes, *chosen.notes),
    key_frames=frames,
    videos=tuple(rows),
    unboxed=chosen.unboxed,
  )


class _Reader:
  """Reads the tables of a split, and names their key frames alike.

  Attributes:
    facts: of the videos, once they are known.
    times: seconds of every key frame.
    notes: sentences about what was not used.
  """

  def __init__(self, root: str, split: str, pixels: bool):
    self._root, self._split, self._pixels = root, split, pixels
    self._keys, self.times, self.facts, self.notes = {}, {}, {}, []

  def read(self, file: str, columns: Sequence[str]) -> _Boxes:
    """Reads a table that has these columns besides the sides."""
    path = _find_table(self._root, file, self._split)
    table, problems = _read_table(path, columns), Problems(path)
    if table.unused:
      columns = ', '.join(table.unused)
      self.notes.append(f'columns of {path.name} that are not used: {columns}')
    videos = table.convert('file', list_lines.parse_path, problems, '')
    parse = clock.make_clock(table.comma)
    seconds = table.convert('time', parse, problems, 0.0)
    texts = [t.strip().replace(',', '.') for t in table.columns['time']]
    keys = [*map(self._name, videos, texts, seconds)]
    boxes = box_tables.convert_boxes(table, problems)
    return _Boxes(
      table, problems, tuple(keys), boxes, convert_scores(table, problems)
    )

  def _name(self, video: str, text: str, seconds: float) -> Key:
    """Names a key frame as it is first written."""
    key = self._keys.setdefault((video, round(seconds, 3)), (video, text))
    self.times.setdefault(key, seconds)
    return key

  def check(self, found: _Boxes, labels: np.ndarray) -> Rows:
    """Raises UserError for all that is wrong with a table, or makes rows."""
    lines, problems = found.table.lines, found.problems
    boxes = boxed_videos.check_boxes(
      found.keys, found.boxes, lines, self.facts, problems, self._pixels
    )
    times = [self.times[key] for key in found.keys]
    boxed_videos.check_times(found.keys, times, lines, self.facts, problems)
    problems.check()
    return Rows(found.keys, boxes, labels, found.scores)


def _choose(reader: _Reader, file, here, truth, rule) -> candidates.Candidates:
  """Chooses the proposals in the key frames that are `here`."""
  found = reader.read(file, ['score'])
  rows = reader.check(found, np.full(len(found.keys), -1))
  name = os.path.basename(found.table.path)
  return candidates.choose(rows, name, truth, here.__contains__, rule)


def _find_table(root, file: str, split: str) -> pathlib.Path:
  path = pathlib.Path(root, file.replace('{split}', split))
  if not path.is_file():
    way_out = "check the root, and the options 'file' and 'proposals'"
    raise MissingFileError(f'{path} does not exist; {way_out}')
  return path


def _read_table(path: pathlib.Path, columns: Sequence[str]) -> Table:
  optional = [n for n in ('person', 'score') if n not in columns]
  table = box_tables.read(path, [*_COLUMNS, *columns], optional, header=True)
  if not table.lines:
    raise UserError(f'{path} holds no box: add lines, or drop the split')
  return table


def _choose_classes(
  root, file, classes, table: Table
) -> class_spellings.Classes:
  """Chooses the given classes, or those of the table of train."""
  if classes is not None:
    is_file = isinstance(classes, str | os.PathLike)
    where = os.fspath(classes) if is_file else "the option 'classes'"
    return class_spellings.list_classes(lists.read_names(root, classes), where)
  path = pathlib.Path(root, file.replace('{split}', 'train'))
  if path == table.path:
    return _find_classes(table)
  if not path.is_file():
    problem = f'{path} does not exist, whose labels are the classes'
    raise MissingFileError(f"{problem}: set the option 'classes'")
  return _find_classes(_read_table(path, ['label']))


def _find_classes(table: Table) -> class_spellings.Classes:
  return class_spellings.find_classes(table.columns['label'], str(table.path))


def _list_videos(found: _Boxes, folder: str) -> dict[str, listing.Row]:
  """Lists the videos, each once, by their names in keys."""
  rows = {}
  for (video, _), line in zip(found.keys, found.table.lines, strict=True):
    if video and video not in rows:
      above, name = os.path.split(os.path.join(folder, video))
      rows[video] = listing.Row((above,), (name,), -1, line)
  return rows


def convert_scores(table: Table, problems: Problems) -> np.ndarray:
  """Converts the column `score`; an empty one is 1."""
  if not any(text.strip() for text in table.columns['score']):
    return np.ones(len(table.lines))
  scores = table.convert_numbers('score', problems)
  box_tables.check_scores(scores, table.lines, problems)
  return scores
