"""What a run predicts of an example: its one label, or any number of them."""

import dataclasses

import numpy as np

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.segments import Segments
from i2v_jax.data.sets.split import Split
from i2v_jax.runtime.errors import UserError


def use_task(split: Split, task: str) -> Split:
  """Makes the labels of a split those of a task.

  Args:
    split: with one label for each example, or with targets.
    task: 'single' makes `labels` of targets, 'multi' targets of labels.

  Raises:
    UserError: an example has no label, or with 'single' several; or there are
      key frames, and the task is 'multi'.
  """
  if split.key_frames is not None:
    if task == 'multi':
      raise UserError(
        "task='multi' does not go with boxes, which have any number of labels "
        "anyway: set task='single'"
      )
    return split
  if (task == 'multi') == (split.targets is not None):
    return split
  return _use_labels(split) if task == 'single' else _use_targets(split)


def add_overlapping(split: Split) -> Split:
  """Adds to each span the labels that others list for half of its time.

  Without segments, or with one label each, it is the split itself.
  """
  if split.targets is None:
    return split
  if split.segments is not None:
    more = find_overlapping(split.segments)
  elif split.overlapping is not None:
    more = split.overlapping
  else:
    return split
  return dataclasses.replace(
    split, targets=split.targets | more, overlapping=None
  )


def find_overlapping(segments: Segments) -> np.ndarray:
  """Finds the labels that hold for half of each span: bool [n, classes]."""
  pairs = zip(segments.video_of, segments.spans, strict=True)
  find = segments.labelled.find_targets
  return np.array([find(video, *span) for video, span in pairs])


def _use_labels(split: Split) -> Split:
  counts = split.targets.sum(1)
  if (counts > 1).any():
    several = [split.ids[n] for n in np.flatnonzero(counts > 1)]
    count = f'{len(several):,} of {len(split):,} {split.unit}'
    problem = f'{count} have several labels'
    some = listing.name_some(several)
    raise UserError(
      f"{problem} ({some}): set task='multi', or keep one label for each"
    )
  _check_labelled(split, counts == 0)
  return dataclasses.replace(
    split, labels=split.targets.argmax(1), targets=None
  )


def _use_targets(split: Split) -> Split:
  _check_labelled(split, split.labels < 0)
  targets = split.labels[:, None] == np.arange(len(split.class_names))
  return dataclasses.replace(
    split, labels=np.full(len(split), -1), targets=targets
  )


def _check_labelled(split: Split, unlabelled: np.ndarray) -> None:
  if unlabelled.any():
    some = [split.ids[n] for n in np.flatnonzero(unlabelled)]
    raise UserError(
      f'{len(some):,} {split.unit} have no label, such as {some[0]!r}; take '
      'them out.'
    )
