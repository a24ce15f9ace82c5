"""Your own videos: a folder for each class.

Errors are those of the readers in `official`, and OSError for a folder that
cannot be read.
"""

import hashlib
import os
from collections.abc import Sequence

from i2v_jax.data.sets import folders, listing
from i2v_jax.data.videos.names import (
  has_video_extension,
  is_archive,
  make_comparison_key,
)
from i2v_jax.runtime.errors import MissingFileError, UserError


def read_class_folders(
  root: listing.Path, split: str, val_fraction: float = 0.2, seed: int = 0
) -> listing.Listing:
  """Reads `root/split/class/clip`, or splits `root/class/clip` itself.

  A clip is a file that may be a video, or a folder of its frames.

  Labels are the ranks of the sorted folder names of `root/train`, for every
  split. Without `root/train`, a hash of seed, class and file name assigns each
  clip to 'train' or 'val', so that adding clips moves no other clip. Only if
  one side of a class would be empty, one clip is moved.

  Args:
    root: the folder.
    split: 'train' or 'val', or the name of any folder next to `root/train`.
    val_fraction: expected share of 'val'; unused if `root/train` exists.
    seed: another seed gives another split; unused if `root/train` exists.
  """
  if train := _find_folder(root, 'train'):
    return _read_split(root, train, split)
  if split not in ('train', 'val'):
    raise UserError(f'{root} has no folders train and {split}: make them')
  check_fraction(val_fraction)
  names, left_out = _list_classes(root)
  splits = {'val', 'valid', 'validation', 'test'}.intersection(names)
  if splits:
    raise UserError(f'{root} has {min(splits)} but no train: make one')
  rows = []
  for label, name in enumerate(names):
    clips, more = _list_clips(root, name)
    left_out += [f'{name}/{file}' for file in more]
    if len(clips) < 2:
      problem = f'class {name!r} of {root} has one clip for train and val'
      raise UserError(f'{problem}: add another')
    val = choose_held_out(clips, val_fraction, f'{seed}/{name}')
    chosen = [clip for clip in clips if (clip in val) == (split == 'val')]
    rows += [listing.Row((name,), (clip,), label) for clip in chosen]
  return listing.Listing(names, rows, left_out=tuple(left_out))


def check_fraction(val_fraction: float) -> None:
  """Raises UserError for a share that leaves a side without videos."""
  if not 0 < val_fraction < 1:
    raise UserError(f'val_fraction {val_fraction} is not between 0 and 1')


def _find_folder(root, name: str) -> str:
  """Finds the spelling of a folder in the root; '' if it does not exist."""
  if os.path.isdir(os.path.join(root, name)):
    return name
  # A class may be called Train, which holds clips and no folders of classes.
  found = [
    folder
    for folder in folders.look_in(root).folders
    if make_comparison_key(folder) == make_comparison_key(name)
    and folders.look_in(os.path.join(root, folder)).folders
  ]
  return found[0] if len(found) == 1 else ''


def _read_split(root, train: str, split: str) -> listing.Listing:
  """Reads a split with its own folder; `train` is that of training videos."""
  folder = _find_folder(root, split)
  if not folder:
    others = [n for n in folders.look_in(root).folders if n != train]
    way_out = f'make it next to {train}'
    if others:
      way_out += f', or set data.val to one of {", ".join(others[:3])}'
    raise MissingFileError(
      f'{os.path.join(root, split)} does not exist; {way_out}'
    )
  split, top, train = folder, *(os.path.join(root, n) for n in (folder, train))
  names, _ = _list_classes(train)
  there, left_out = _list_classes(top)
  labels = _match_labels(there, names, top, train)
  rows = []
  for name in there:
    clips, more = _list_clips(top, name)
    left_out += [f'{name}/{file}' for file in more]
    folder = f'{split}/{name}'
    rows += [listing.Row((folder,), (c,), labels[name]) for c in clips]
  left_out = tuple(f'{split}/{file}' for file in left_out)
  return listing.Listing(names, rows, left_out=left_out)


def _match_labels(there, names, top, train) -> dict[str, int]:
  """Matches the folders in `top` to the labels of the folders in `train`."""
  labels = {name: label for label, name in enumerate(names)}
  others = [name for name in there if name not in labels]
  for other in list(others):
    near = [
      n for n in names if make_comparison_key(n) == make_comparison_key(other)
    ]
    if len(near) == 1 and near[0] not in there:
      labels[other] = labels[near[0]]
      others.remove(other)
  if others:
    problem = f'{len(others)} of the {len(there)} classes of {top} are not'
    problem += (
      f' among the {len(names)} of {train} ({listing.name_some(others)})'
    )
    way_out = 'add them there, or move them away'
    raise UserError(f'{problem}, which decides the classes: {way_out}')
  return labels


def _list_classes(top) -> tuple[tuple[str, ...], list[str]]:
  """Lists the classes in a folder, and the files next to them."""
  here = folders.look_in(top)
  for name in here.videos:
    path = os.path.join(top, name)
    if has_video_extension(name) and not os.path.isdir(path):
      raise UserError(
        f'{name!r} in {top} is not in the folder of a class: move it into one'
      )
    if os.path.isdir(path):
      problem = f'{path} holds frames of one video'
      way_out = 'put that folder into one for its class'
      raise UserError(f'{problem}: {way_out}')
  if not here.folders:
    problem = f'no videos in {top}{_describe_others(here.left_out)}'
    raise UserError(f'{problem}: make a folder for every class')
  return tuple(here.folders), [*here.videos, *here.left_out]


def _list_clips(top, name) -> tuple[list[str], list[str]]:
  """Lists the clips of a class, and the other files in its folder."""
  folder = os.path.join(top, name)
  here = folders.look_in(folder)
  if here.folders:
    nested = here.folders[0]
    problem = (
      f'{folder} has a folder {nested!r}, which is not a folder of frames'
    )
    way_out = 'the folder of a class holds its clips; if classes are one '
    way_out += f'level deeper, {folder} is the root'
    raise UserError(f'{problem}: {way_out}')
  if not here.videos:
    problem = f'no videos in {folder}{_describe_others(here.left_out)}'
    raise UserError(f'{problem}: add some or remove the folder')
  return here.videos, here.left_out


def _describe_others(left_out: list[str]) -> str:
  """Describes the contents of a folder without videos, in brackets."""
  if archives := [name for name in left_out if is_archive(name)]:
    return f' but archives such as {archives[0]}, which must be unpacked'
  return f' ({folders.describe_left_out(left_out)})' if left_out else ''


def choose_held_out(
  names: Sequence[str], fraction: float, key: str
) -> set[str]:
  """Chooses names by a hash: at least one, and never all.

  Args:
    names: two or more.
    fraction: expected share.
    key: of the hash, before each name.
  """
  places = {}
  for name in names:
    text = f'{key}/{name}'.encode(errors='surrogateescape')
    places[name] = int.from_bytes(hashlib.sha256(text).digest()[:8]) / 2**64
  in_order = sorted(names, key=places.__getitem__)
  count = sum(place < fraction for place in places.values())
  return set(in_order[: min(max(count, 1), len(in_order) - 1)])
