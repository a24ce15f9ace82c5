"""Facts of splits, without reading a video."""

from collections.abc import Iterable, Mapping

import numpy as np

from i2v_jax.data.sets import folders, listing
from i2v_jax.data.sets.sources import Split


def list_left_out(splits: Iterable[Split]) -> list[str]:
  """Lists the files left out of splits, each once."""
  return list(dict.fromkeys(file for s in splits for file in s.left_out))


def describe_class_difference(splits: Mapping[str, Split]) -> str:
  """Says how the classes of splits differ, and the way out, or ''."""
  (first, ours), *others = splits.items()
  for name, split in others:
    if split.class_names == ours.class_names:
      continue
    counts = len(ours.class_names), len(split.class_names)
    found = [f'{first} has {counts[0]} and {name} {counts[1]} classes']
    for one, here, there in ((first, ours, split), (name, split, ours)):
      only = [c for c in here.class_names if c not in set(there.class_names)]
      if only:
        shown = listing.name_some(only)
        found.append(f'{len(only)} only in {one} ({shown})')
    if len(found) == 1:
      found.append('in another order')
    way_out = "give both the same 'class_names' or 'num_classes'"
    return f'{", ".join(found)}: {way_out} in data.options'
  return ''


def find_untrained(train: Split, other: Split) -> list[str]:
  """Finds classes with examples in a split but none in `train`."""
  untrained = (count_per_class(other) > 0) & (count_per_class(train) == 0)
  return [other.class_names[label] for label in np.flatnonzero(untrained)]


def count_listed(split: Split) -> int:
  """Counts the examples that were listed, found or not.

  What is missing are videos, whose segments or key frames are not known.
  """
  return len(split) + len(split.missing) * (split.unit == 'videos')


def count_per_class(split: Split) -> np.ndarray:
  """Counts the examples of each class, or its annotated boxes: [classes]."""
  if split.targets is not None:
    return split.targets.sum(0)
  labels = split.labels
  if split.key_frames is not None:
    labels = split.key_frames.truth.rows.labels
  return np.bincount(labels[labels >= 0], minlength=len(split.class_names))


def name_example(split: Split) -> str:
  """Names what a class has examples of: 'a video', 'a segment' or 'a box'."""
  if split.segments is not None:
    return 'a segment'
  return 'a video' if split.key_frames is None else 'a box'


def describe_listing(splits: Iterable[Split]) -> list[str]:
  """Notes how the videos of splits were found, each note once."""
  splits = list(splits)
  found = list(dict.fromkeys(note for s in splits for note in s.notes))
  if files := list_left_out(splits):
    found.append(folders.describe_left_out(files))
  return found


def describe_splits(train: Split, val: Split) -> list[str]:
  """Notes what is special about the videos of a run, in lines."""
  found = describe_listing((train, val))
  for name, split in (('train', train), ('val', val)):
    if split.missing:
      total = split.num_videos + len(split.missing)
      found.append(f'missing of {name}: {len(split.missing)} of {total} videos')
    if split.miscounted:
      count = len(split.miscounted)
      found.append(f'folders of {name} with a wrong count of frames: {count}')
  if classes := find_untrained(train, val):
    shown = f'{len(classes)} ({listing.name_some(classes)})'
    what = name_example(val)
    found.append(f'classes of val without {what} in train: {shown}')
  if train.targets is not None:
    both = count_per_class(train) + count_per_class(val)
    if empty := [train.class_names[n] for n in np.flatnonzero(both == 0)]:
      shown = f'{len(empty)} ({listing.name_some(empty)})'
      found.append(f'classes without {name_example(train)}: {shown}')
  return found
