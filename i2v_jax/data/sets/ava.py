"""Reads AVA (Gu et al., 2018): movies whose key frames have boxes of persons.

The files are those of the challenge, in the root or in `annotations`.
"""

import os
import pathlib
import posixpath
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import (
  ava_files,
  candidates,
  group_boxes,
  known,
  listing,
)
from i2v_jax.data.sets.ava_files import FIRST, Annotated
from i2v_jax.data.sets.candidates import Candidates
from i2v_jax.data.sets.key_frames import KeyFrames, Truth
from i2v_jax.data.sets.proposals import read_proposals
from i2v_jax.runtime.errors import UserError, check_choice

_FOLDERS = {  # kind of movies -> where they may be
  'cut': ('videos_15min', 'videos', ''),
  'whole': ('videos', ''),
  'seconds': ('videos', ''),
}
_LISTS = ('ava_action_list_v2.2.pbtxt', 'ava_action_list_v2.1.pbtxt')
_EVALUATED = (
  'ava_action_list_v2.2_for_activitynet_2019.pbtxt',
  'ava_action_list_v2.1_for_activitynet_2018.pbtxt',
)


def read_ava(
  root: str,
  split: str,
  version: str = '2.2',
  movies: str = 'cut',
  annotations: str | None = None,
  videos: str | None = None,
  proposals: str = '',
  proposals_images: str = '',
  min_score: float = 0.8,
  keep_one: bool = False,
) -> listing.Listing:
  """Reads the boxes of AVA; class i is action i + 1 of the list of actions.

  Key frames of `train` are those with an annotated box, also those that the
  official file excludes from evaluation, as published. Those of `val` have a
  box to classify and are not excluded.

  Args:
    root: the folder.
    split: `train` or `val`; the labels of `test` are not public.
    version: of the annotations, '2.1' or '2.2'.
    movies: what the files are: 'cut', movies from second 900 on; 'whole'
      movies; 'seconds', folders `<id>/` of files `<second>.mp4`.
    annotations, videos: folders, see `official`.
    proposals: file of detected boxes, in the root or with the annotations, see
      `proposals`, for every split but train; '' takes the annotated boxes.
    proposals_images: file of the images that a `.json` of proposals refers to.
    min_score: the lowest score of a proposal.
    keep_one: whether the best proposal of a key frame is kept in any case.
  """
  listing.check_split('ava', split, ('train', 'val'))
  check_choice('movies', movies, _FOLDERS)
  found = _read_files(root, split, str(version), annotations)
  if split == 'train' or not proposals:
    chosen = _choose_annotated(found, split)
  else:
    rule = candidates.Rule(min_score, keep_one)
    names = (proposals, proposals_images)
    names = [name.replace('{split}', split) for name in names]
    paths = [
      name and _find_proposals(root, name, annotations) for name in names
    ]
    chosen = _choose_proposals(paths, found, rule)
  bases = listing.choose_bases(_FOLDERS[movies], videos, split)
  public = known.recognise('ava', found.names)
  official = public.counts[split] if public else 0
  return _make_listing(found, chosen, movies, bases, official)


class _Found(NamedTuple):
  """What the annotation files of a split say."""

  file: pathlib.Path
  names: tuple[str, ...]
  annotated: Annotated
  truth: Truth


def _read_files(root, split: str, version: str, annotations) -> _Found:
  check_choice('version', version, ('2.1', '2.2'))
  names, evaluated = _read_actions(root, annotations)
  find = lambda name: listing.find_file(root, [name], annotations)
  file = find(f'ava_{split}_v{version}.csv')
  found = ava_files.read_annotated(file, names)
  excluded = find(f'ava_{split}_excluded_timestamps_v{version}.csv')
  truth = Truth(found.rows, ava_files.read_excluded(excluded), evaluated)
  return _Found(file, tuple(names.values()), found, truth)


def _make_listing(
  found: _Found, chosen: Candidates, movies: str, bases, official: int
) -> listing.Listing:
  frames = _make_key_frames(chosen, found, movies)
  return listing.Listing(
    found.names,
    _list_movies(found.annotated, frames, bases),
    str(found.file),
    notes=chosen.notes,
    key_frames=frames,
    videos=tuple(found.annotated.lines),
    unboxed=chosen.unboxed,
    official=official,
  )


def _choose_annotated(found: _Found, split: str) -> Candidates:
  rows, persons, _ = found.annotated
  boxes = group_boxes.merge(rows, len(found.names), persons)
  if split == 'train':
    return Candidates(boxes)
  return candidates.choose_annotated(boxes, found.truth)


def _choose_proposals(paths, found: _Found, rule) -> Candidates:
  is_here = lambda key: key[0] in found.annotated.lines
  rows, name = read_proposals(*paths), os.path.basename(paths[0])
  return candidates.choose(rows, name, found.truth, is_here, rule)


def _find_proposals(root, name: str, annotations) -> str:
  """Finds a file where annotations may be; says the root if it is nowhere."""
  folders = listing.list_folders(root, ('', 'annotations'), annotations)
  known = (os.path.join(folder, name) for folder in folders)
  return next(filter(os.path.isfile, known), os.path.join(root, name))


def _read_actions(root, annotations) -> tuple[dict[int, str], np.ndarray]:
  """Reads the names of all actions, and which of them are evaluated."""
  path = _find_first(root, annotations, _LISTS)
  names = dict(sorted(ava_files.read_label_map(path).items()))
  listing.check_numbers(path, [*names], 1)
  listing.check_names([*names.values()], path)
  path = _find_first(root, annotations, _EVALUATED)
  chosen = ava_files.read_label_map(path)
  if strangers := sorted(chosen.keys() - names.keys()):
    problem = f'{path}: number {strangers[0]} is not in {_LISTS[0]}'
    raise UserError(f'{problem}: get the official files')
  return names, np.array([number in chosen for number in names])


def _find_first(root, annotations, names: Sequence[str]) -> pathlib.Path:
  """Finds the first of files with the same contents."""
  folders = listing.list_folders(root, ('', 'annotations'), annotations)
  for name in names:
    for folder in folders:
      if (folder / name).is_file():
        return folder / name
  raise listing.make_missing_error(names[0], folders)


def _make_key_frames(chosen: Candidates, found: _Found, movies) -> KeyFrames:
  start = FIRST if movies == 'cut' else 0
  times = {key: float(key[1]) - start for key in chosen.boxes.keys}
  return group_boxes.group(
    chosen.boxes,
    [*found.annotated.lines],
    times,
    found.truth,
    source=chosen.source,
    seconds=movies == 'seconds',
  )


def _list_movies(
  found: Annotated, frames: KeyFrames, bases: Sequence[str]
) -> list[listing.Row]:
  """Lists the movies; a folder of seconds by any file it should have."""
  if not frames.seconds:
    return [
      listing.Row(tuple(bases), (movie,), -1, line)
      for movie, line in found.lines.items()
    ]
  names = {}
  for movie, stamp in (*frames.keys, *found.rows.keys):
    names.setdefault(movie, {})[f'{int(stamp)}.mp4'] = None
  return [
    listing.Row(
      tuple(posixpath.join(base, movie) for base in bases),
      tuple(names[movie]),
      -1,
      line,
    )
    for movie, line in found.lines.items()
  ]
