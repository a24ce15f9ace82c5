"""Your own videos -> who is listed: a list file, or a folder for every class.

Readers raise FileNotFoundError and ValueError as those of `official` do.
"""

import hashlib
import os
import pathlib
from collections.abc import Iterator, Sequence

from i2v_jax.data import listing


def video_list(
  root: listing.Path,
  split: str,
  list_file: str = '{split}.txt',
  class_names: listing.Path | Sequence[str] | None = None,
  num_classes: int | None = None,
  delimiter: str | None = None,
  videos: str = '',
) -> listing.Listing:
  """Reads lines `video label`, or `video` alone where nothing is labelled.

  Args:
    root: folder that relative paths are relative to.
    split: put in the place of `{split}` in `list_file` and `videos`.
    list_file: the list. The last field of a line is the label, so that paths
      may hold blanks; a path without extension finds any video of that name.
    class_names: names in label order, or a file of one name a line, or a json
      list of them. By default the numbers are the names.
    num_classes: how many classes there are where `class_names` is None; by
      default one more than the largest label of this list.
    delimiter: what separates path and label; None is any run of blanks.
    videos: folder that the listed paths start from.
  """
  videos = videos.replace('{split}', split)
  path = pathlib.Path(root, list_file.replace('{split}', split))
  lines = list(_lines(path, delimiter))
  names = _names(root, lines, class_names, num_classes)
  rows = []
  for number, video, label in lines:
    if not -1 <= label < len(names):
      problem = f'label {label} is not in -1..{len(names) - 1}'
      raise listing.bad_line(path, number, problem)
    folder, name = os.path.split(video)
    rows.append(listing.Row((os.path.join(videos, folder),), (name,), label))
  return listing.Listing(names, rows)


def _lines(path, delimiter) -> Iterator[tuple[int, str, int]]:
  first = None
  for number, line in listing.read_lines(path):
    video, *label = (part.strip() for part in line.rsplit(delimiter, 1))
    first = first or (number, len(label))
    if first[1] != len(label):
      problem = f'a label or none, unlike line {first[0]}: write -1 for none'
      raise listing.bad_line(path, number, problem)
    try:
      yield number, video, int(label[0]) if label else -1
    except ValueError as error:
      problem = f'label {label[0]!r} is not a whole number: set the delimiter'
      raise listing.bad_line(path, number, problem) from error


def _names(root, lines, class_names, num_classes) -> tuple[str, ...]:
  if class_names is None:
    if num_classes is None:
      num_classes = 1 + max((label for _, _, label in lines), default=-1)
    return tuple(map(str, range(num_classes)))
  if not isinstance(class_names, str | os.PathLike):
    return listing.check_names(class_names, 'class_names')
  path = pathlib.Path(root, class_names)
  if path.suffix == '.json':
    return listing.check_names(listing.read_json(path), path)
  return listing.check_names([n for _, n in listing.read_lines(path)], path)


def class_folders(
  root: listing.Path, split: str, val_fraction: float = 0.2, seed: int = 0
) -> listing.Listing:
  """Reads `root/split/class/clip`, or splits `root/class/clip` itself.

  Labels are the ranks of the sorted folder names of `root/train`, for every
  split. Without `root/train`, a hash of seed, class and file name sends each
  clip to 'train' or 'val', so that clips stay where they are when others are
  added; only where one side of a class would be empty, one clip is moved.

  Args:
    root: the folder.
    split: 'train' or 'val', or the name of any folder beside `root/train`.
    val_fraction: expected share of 'val'; no meaning where `root/train` is.
    seed: another seed is another split; no meaning where `root/train` is.
  """
  if os.path.isdir(os.path.join(root, 'train')):
    return _ready_split(root, split)
  if split not in ('train', 'val'):
    raise ValueError(f'{root} has no folders train and {split}: make them')
  if not 0 < val_fraction < 1:
    raise ValueError(f'val_fraction {val_fraction} is not between 0 and 1')
  names = _folders(root)
  splits = {'val', 'valid', 'validation', 'test'}.intersection(names)
  if splits:
    raise ValueError(f'{root} has {min(splits)} but no train: make one')
  rows = []
  for label, name in enumerate(names):
    clips = _clips(root, name)
    val = _held_out(root, name, clips, val_fraction, seed)
    chosen = [clip for clip in clips if (clip in val) == (split == 'val')]
    rows += [listing.Row((name,), (clip,), label) for clip in chosen]
  return listing.Listing(names, rows)


def _ready_split(root, split) -> listing.Listing:
  top, train = os.path.join(root, split), os.path.join(root, 'train')
  if not os.path.isdir(top):
    raise FileNotFoundError(f'{top} is not there: make it beside train')
  names = _folders(train)
  rows = []
  for name in _folders(top):
    if name not in names:
      problem = f'class {name!r} of {top} is not in {train}'
      raise ValueError(f'{problem}: the classes are those of train')
    folder, label = f'{split}/{name}', names.index(name)
    rows += [listing.Row((folder,), (c,), label) for c in _clips(top, name)]
  return listing.Listing(names, rows)


def _shown(folder) -> tuple[list[str], list[str]]:
  """Sorted names of the sub-folders and the videos that are not hidden."""
  with os.scandir(folder) as entries:
    shown = [entry for entry in entries if not entry.name.startswith('.')]
  folders = {entry.name for entry in shown if entry.is_dir()}
  names = {e.name for e in shown if listing.is_video(e.name)} - folders
  return sorted(folders), sorted(names)


def _folders(top) -> tuple[str, ...]:
  folders, strays = _shown(top)
  if strays:
    raise ValueError(f'{strays[0]!r} in {top} is in no class: move it into one')
  if not folders:
    raise ValueError(f'no videos in {top}: make a folder for every class')
  return tuple(folders)


def _clips(top, name) -> list[str]:
  folder = os.path.join(top, name)
  nested, clips = _shown(folder)
  if nested:
    problem = f'{folder} has a folder {nested[0]!r}'
    raise ValueError(f'{problem}: only clips may lie in the folder of a class')
  if not clips:
    raise ValueError(f'no videos in {folder}: add some or remove the folder')
  return clips


def _held_out(root, name, clips, fraction, seed) -> set[str]:
  if len(clips) < 2:
    problem = f'class {name!r} of {root} has one clip for train and val'
    raise ValueError(f'{problem}: add another')
  places = {}
  for clip in clips:
    key = f'{seed}/{name}/{clip}'.encode(errors='surrogateescape')
    places[clip] = int.from_bytes(hashlib.sha256(key).digest()[:8]) / 2**64
  in_order = sorted(clips, key=places.__getitem__)
  count = sum(place < fraction for place in places.values())
  return set(in_order[: min(max(count, 1), len(clips) - 1)])
