"""VidTAB: the eight few-shot tasks of VideoEval (Li et al., 2024).

The lists are read as they were published, and `Split.notes` says what is wrong
with them. Errors are those of the readers in `official`.
"""

import ast
import pathlib
import posixpath
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from i2v_jax.data.sets import listing
from i2v_jax.runtime.errors import UserError, check_choice


class Task(NamedTuple):
  """A task: number of classes, test list, and numbers of shots with a list."""

  classes: int
  test: str = 'test.txt'
  shots: tuple[int, ...] = (4, 16, 100)


TASKS = {
  'AR_in_Dark': Task(11),
  'AR_in_Long_Video': Task(10, 'val_test.txt'),
  'Animal_Behavior': Task(12, 'val.txt'),
  'Emotion_Analysis': Task(7, 'validation_test.txt'),
  'Fake_Face': Task(2),
  'Harmful_Content': Task(3),
  'Medical_Surgery': Task(16, shots=(4,)),
  'Quality_Access': Task(2),
}
# Where the videos of a task may be, below its folder.
_FOLDERS = ('', 'videos', 'video', 'clips_v1.5', 'CAER')
_FOLDERS += ('BreakfastII_15fps_qvga_sync',)


def read_vidtab(
  root: str,
  split: str,
  task: str = '',
  shots: int = 4,
  fold: int = 1,
  cleaned: bool = False,
  annotations: str | None = None,
  videos: str | None = None,
) -> listing.Listing:
  """Reads a task of VidTAB: a few videos of each class, and a test list.

  A line that repeats another is read once. A test video with two labels has
  two examples, as published: one of them always counts as wrong.

  Args:
    root: the folder of all tasks.
    split: train or test.
    task: name of the task's folder, one of `TASKS`.
    shots: training videos of each class: 4, 16 or 100.
    fold: 1, 2 or 3; of 100 shots and of Medical_Surgery there is only one.
    cleaned: whether to leave out test videos that have two labels or are in any
      training list; results are then not comparable with published ones.
    annotations: folder of the lists, if neither the task's nor
      `annotations/<task>`.
    videos: folder of the videos, if not one of the usual ones.
  """
  listing.check_split('vidtab', split, ('train', 'test'))
  check_choice('task', task, TASKS)
  known = TASKS[task]
  _check_list(task, shots, fold)
  usual = task, f'annotations/{task}'
  find = lambda name: listing.find_file(root, [name], annotations, usual)
  names, notes = _read_class_names(find('label_map.txt'), known)
  folders = listing.list_folders(root, usual, annotations)
  train = _find_train_list(folders, shots, fold)
  path = train if split == 'train' else find(known.test)
  found, repeated = _read_list(path, known.classes)
  notes += repeated
  if split == 'test':
    found, more = _describe_test(path, found, train, folders, known, cleaned)
    notes += more
  bases = (videos,) if videos else (*(f'{task}/{x}' for x in _FOLDERS), 'CAER')
  rows = [_make_row(bases, video, label) for video, label in found]
  return listing.Listing(names, rows, str(path), notes=tuple(notes))


def _check_list(task: str, shots: int, fold: int) -> None:
  """Raises UserError for shots or a fold that were not published."""
  known = TASKS[task].shots
  if shots not in known:
    counts = ', '.join(map(str, known))
    raise UserError(
      f'{task} has lists of {counts} shots, not {shots!r}: choose the next '
      'larger one, and draw from it with data.shots'
    )
  folds = (1,) if shots == 100 or known == (4,) else (1, 2, 3)
  check_choice(f'the fold of {task} with {shots} shots', fold, folds)


def _find_train_list(
  folders: Sequence[pathlib.Path], shots: int, fold: int
) -> pathlib.Path:
  """Finds the list of a fold; the first has several names."""
  names = [f'train_{shots}_fold{fold}.txt']
  if fold == 1:
    names += [f'train_{shots}.txt', *['train.txt'] * (shots == 4)]
  for name in names:
    for folder in folders:
      if (folder / name).is_file():
        return folder / name
  raise listing.make_missing_error(' or '.join(names), folders)


def _read_class_names(
  path: pathlib.Path, task: Task
) -> tuple[tuple[str, ...], list[str]]:
  """Reads `label_map.txt`: class names in label order, and notes about it.

  Keys are numbers or their text, from 0 or from 1; values are names, or dicts
  with the name as `Action`.
  """
  with listing.open_text(path) as file:
    text = file.read()
  try:
    found = ast.literal_eval(text.strip())
    found = {int(key): _find_name(value) for key, value in found.items()}
  except (
    AttributeError,
    KeyError,
    SyntaxError,
    TypeError,
    ValueError,
  ) as error:
    message = f"{path}: expected a dict of Python, {{0: 'name', ...}}"
    raise UserError(f'{message}: get the published file') from error
  listing.check_count(path, found, (task.classes,))
  first = min(found)
  if first not in (0, 1):
    raise UserError(f'{path}: labels begin at {first}, not at 0 or 1')
  listing.check_numbers(path, sorted(found), first)
  notes = [f'{path.name} is a dict of Python, not JSON; it is read as such']
  if first:
    notes.append(
      f'{path.name} counts from 1 and the lists from 0; 1 is subtracted'
    )
  names = [found[label].strip() for label in sorted(found)]
  return listing.check_names(names, path), notes


def _find_name(value: str | Mapping[str, str]) -> str:
  return value['Action'] if isinstance(value, Mapping) else value


def _read_list(
  path: pathlib.Path, classes: int
) -> tuple[list[tuple[str, int]], list[str]]:
  """Reads lines `path label`: (path, label), each once, and a note."""
  found = []
  for line, text in listing.read_lines(path):
    video, _, label = text.rpartition(' ')
    if not video or not (label.isascii() and label.isdigit()):
      raise listing.make_line_error(
        path, line, f"{text!r} is not like 'path.mp4 3'"
      )
    if int(label) >= classes:
      problem = f'label {label} is not in 0..{classes - 1}'
      raise listing.make_line_error(
        path, line, f'{problem}: get the published list'
      )
    # Some lists of CAER have paths below its folder, others with it.
    found.append((video.strip().removeprefix('CAER/'), int(label)))
  if not found:
    raise UserError(f'{path} lists no videos: get the published list')
  once = list(dict.fromkeys(found))
  more, text = len(found) - len(once), ''
  if more:
    text = f'{path.name} repeats {more:,} of its {len(found):,} lines; each is '
    text += 'read once'
  return once, [text] * bool(more)


def _describe_test(
  path, found, train, folders, task: Task, cleaned: bool
) -> tuple[list[tuple[str, int]], list[str]]:
  """Notes what is wrong with a test list; `cleaned` leaves it out."""
  labels = {}
  for video, label in found:
    labels.setdefault(video, []).append(label)
  both = {video for video, mine in labels.items() if len(mine) > 1}
  trained = _list_trained([train], task) & labels.keys()
  if cleaned:
    lists = {p for folder in folders for p in folder.glob('train*.txt')}
    wrong = both | _list_trained(sorted(lists), task)
    kept = [(video, label) for video, label in found if video not in wrong]
    if not kept:
      raise UserError(f'{path}: no test video is left; set cleaned=False')
    gone = len(labels.keys() & wrong)
    return kept, [f'left out of {path.name} as cleaned: {gone:,} videos']
  notes = []
  if both:
    text = f'{len(both):,} videos of {path.name} are listed with two labels, '
    best = len(labels) / len(found)
    notes.append(f'{text}so at most {best:.1%} can be right')
  if trained:
    text = f'{len(trained):,} videos of {path.name} are also in {train.name}'
    notes.append(f'{text}: set cleaned=True to leave them out')
  return found, notes


def _list_trained(lists: Sequence[pathlib.Path], task: Task) -> set[str]:
  """Lists the videos of training lists."""
  return {
    video for path in lists for video, _ in _read_list(path, task.classes)[0]
  }


def _make_row(bases: Sequence[str], video: str, label: int) -> listing.Row:
  folder, name = posixpath.split(video)
  places = tuple(posixpath.normpath(posixpath.join(b, folder)) for b in bases)
  return listing.Row(places, (name, posixpath.splitext(name)[0]), label)
