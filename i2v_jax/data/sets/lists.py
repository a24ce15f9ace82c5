"""The format 'list': text files that list the videos of a split.

Errors are those of the readers in `official`.
"""

import os
import pathlib
import re
from collections.abc import Callable, Sequence

from i2v_jax.data.sets import kinetics_csv, list_labels, list_lines, listing
from i2v_jax.data.sets.list_labels import Video
from i2v_jax.data.videos import frame_files
from i2v_jax.data.videos.names import has_video_extension
from i2v_jax.runtime.errors import MissingFileError, UserError

_SPLITS = ('validation', 'valid', 'train', 'test', 'val')  # longer ones first


def read_video_list(
  root: listing.Path,
  split: str,
  list_file: str = '{split}.txt',
  class_names: listing.Path | Sequence[str] | None = None,
  num_classes: int | None = None,
  delimiter: str | None = None,
  videos: str = '',
) -> listing.Listing:
  """Reads lines `video label`, or `video` alone where nothing is labelled.

  A label is a number or a class name; the number of frames of a folder may come
  before it. The csv files of Kinetics are read too.

  Args:
    root: the folder of relative paths.
    split: replaces `{split}` in `list_file` and `videos`.
    list_file: the list; a path without extension finds any video of that name.
    class_names: names in label order, or a file with one name per line or a
      JSON list. By default those of the lists of all splits: numbers up to the
      largest label, or the sorted names used as labels.
    num_classes: number of classes, if labels are numbers without names.
    delimiter: the separator of path and label; None detects it.
    videos: folder of the listed paths.
  """
  path, *others = find_lists(root, list_file, split)
  check_exists(path)
  names = None if class_names is None else read_names(root, class_names)
  videos = videos.replace('{split}', split)
  if list_lines.is_kinetics(path):
    return kinetics_csv.read_as_list(
      path, others, split, names, videos, num_classes
    )
  base = os.path.join(root, videos)
  read = lambda file: _read_videos(file, delimiter, base)
  found, note = read(path), ''
  if not found:
    raise UserError(f'{path} lists no videos: add lines `path label`')
  if names is None:
    # A given number of classes is final: no other list changes it.
    alone = num_classes is not None and list_labels.are_numbers(found)
    lists = {path: found}
    lists |= {} if alone else {other: read(other) for other in others}
    names, note = list_labels.make_class_names(lists, num_classes)
  labels = list_labels.convert_labels(path, found, names)
  rows = [
    _make_row(os.path.join(videos, video.path), label, video)
    for video, label in zip(found, labels, strict=True)
  ]
  return listing.Listing(names, rows, str(path), notes=(note,) * bool(note))


def _make_row(path: str, label: int, video: Video) -> listing.Row:
  folder, name = os.path.split(path)
  return listing.Row((folder,), (name,), label, video.line, video.frames)


def find_lists(root, list_file: str, split: str) -> dict[pathlib.Path, str]:
  """Finds the list of a split, and the existing lists of others: -> split."""
  found = {pathlib.Path(root, list_file.replace('{split}', split)): split}
  for name in _other_splits(split):
    path = pathlib.Path(root, list_file.replace('{split}', name))
    if path.is_file():
      found.setdefault(path, name)
  return found


def check_exists(path: pathlib.Path, option: str = 'list_file') -> None:
  """Raises FileNotFoundError for a list that is not there; names others."""
  if path.is_file():
    return
  near = sorted(p.name for p in path.parent.glob('*') if list_lines.is_list(p))
  way_out = f'check the root and {option!r}'
  if near:
    way_out = f'set {option!r}, perhaps to {" or ".join(near[:3])}'
  raise MissingFileError(f'{path} does not exist; {way_out}')


def _other_splits(split: str) -> list[str]:
  """Names other splits: for 'trainlist01', 'testlist01' and so on."""
  word = next((word for word in _SPLITS if word in split), None)
  if word is None:
    return []
  return [split.replace(word, other) for other in _SPLITS if other != word]


def _read_videos(path, delimiter: str | None, base: str) -> list[Video]:
  """Reads the videos of a list; `base` is the folder of its paths."""
  lines = list_lines.read(path, delimiter)
  _check_first(path, lines, base)
  several = [line for line in lines if len(line.labels) > 1]
  one_label = _choose_parser(path, several, base) if several else None
  found = []
  for line in lines:
    label = line.labels[0] if line.labels else None
    video = Video(line.number, line.path, label, line.frames)
    found.append(one_label(line) if len(line.labels) > 1 else video)
  if found:
    _check_order(path, found, base)
  for video in found:
    if (video.label is None) != (found[0].label is None):
      kind = 'no label' if video.label is None else 'a label'
      problem = f'{kind}, unlike line {found[0].line}: write -1 for no label'
      raise listing.make_line_error(path, video.line, problem)
  return found


def _check_first(path, lines: Sequence[list_lines.Line], base: str) -> None:
  """Raises UserError if the first line is a header of unknown names."""
  ends = [has_video_extension(line.path) for line in lines]
  if ends[:1] == [False] and len(ends) > 1 and all(ends[1:]):
    first = lines[0]
    if not _exists(os.path.join(base, first.path)):
      problem = f'{first.text!r} lists no existing video: if it names'
      way_out = 'columns, call them path and label; else delete it'
      raise listing.make_line_error(path, first.number, f'{problem} {way_out}')


def _check_order(path, videos: Sequence[Video], base: str) -> None:
  """Raises UserError if labels come before paths."""
  if all(re.match(r'-?\d+[\s,;|]+\S', v.path) for v in videos):
    first, there = videos[0], os.path.join(base, videos[0].path)
    if first.label is None and not os.path.exists(there):
      problem = f'no {there}: if that is a label and a path, swap them,'
      way_out = 'or name the columns in a first line such as label,path'
      raise listing.make_line_error(path, first.line, f'{problem} {way_out}')


def _choose_parser(
  path, lines: Sequence[list_lines.Line], base: str
) -> Callable[[list_lines.Line], Video]:
  """Chooses the parser of lines with several fields after the path."""
  first = lines[0]
  for line in lines:
    numbers = all(map(list_lines.is_number, line.labels))
    if has_video_extension(line.path) or not numbers:
      count, problem = len(line.labels), _SEVERAL if numbers else _FIELDS
      problem = f'{count} fields follow {line.path!r}: {problem}'
      raise listing.make_line_error(path, line.number, problem)
  counted, blanks = (
    [os.path.join(base, one_label(line).path) for line in lines]
    for one_label in (_parse_after_count, _parse_after_blanks)
  )
  if any(map(frame_files.is_frame_folder, counted)):
    return _parse_after_count
  if _exists(blanks[0]):
    return _parse_after_blanks
  if _exists(counted[0]):
    return _parse_after_count
  problem = 'this is a list of frame folders'
  if all(len(line.labels) == 2 for line in lines):
    there = os.path.join(base, first.path)
    problem += f' (`folder frames label`), and there is no {there}'
    way_out = "check the root and the option 'videos'"
  else:
    problem += f' with {len(first.labels)} numbers each'
    way_out = 'write lines `folder frames label`'
  raise listing.make_line_error(path, first.number, f'{problem}: {way_out}')


_SEVERAL = (
  'this is a list with several labels per video, but training takes one; keep '
  'one per line, or name the columns in a first line such as path,label'
)
_FIELDS = (
  'put quotes around a label that holds the separator, or name the columns in '
  'a first line such as path,label'
)


def _parse_after_count(line: list_lines.Line) -> Video:
  """Parses a line `folder frames label`."""
  path, count, label = list_lines.split_end(line.text, 2)
  return Video(line.number, path, label, int(float(count)))


def _parse_after_blanks(line: list_lines.Line) -> Video:
  """Parses a line whose path contains blanks and ends in a number."""
  path, label = list_lines.split_end(line.text, 1)
  return Video(line.number, path, label, None)


def _exists(path: str) -> bool:
  """Whether a file or folder of that name exists, with any extension."""
  folder, name = os.path.split(path)
  there = os.listdir(folder) if os.path.isdir(folder) else ()
  return any(name in (other, os.path.splitext(other)[0]) for other in there)


def read_names(root, class_names) -> tuple[str, ...]:
  """Reads names, one per line or as a JSON list; given names are checked."""
  if not isinstance(class_names, str | os.PathLike):
    return listing.check_names(class_names, 'class_names')
  path = pathlib.Path(root, class_names)
  if path.suffix.lower() == '.json':
    return listing.check_names(listing.read_json(path), path)
  return listing.check_names([n for _, n in listing.read_lines(path)], path)
