"""Examples of background: spans of files in which no label holds."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from i2v_jax.data.sets.segments import Segments
from i2v_jax.data.sets.split import Split
from i2v_jax.data.videos.names import make_comparison_key
from i2v_jax.runtime.errors import UserError

NAME = 'background'


def add_background(split: Split, share: float, name: str = 'train') -> Split:
  """Adds examples whose spans are drawn each time where no label holds.

  Files get them in proportion to their time without labels. Their targets are
  all 0, or their label is the class 'background', which comes last if no class
  has that name.

  Args:
    split: with segments.
    share: number of them for each listed example.
    name: of the split; only that of training must have time without labels.

  Raises:
    UserError: there are no segments, or no time without labels to train on.
  """
  segments = split.segments
  if segments is None:
    raise UserError(
      "data.background needs segments, of data.format='segments' or prepared "
      'of it without --cut: set data.background=0'
    )
  free = np.array([np.diff(gaps, axis=1).sum() for gaps in segments.gaps])
  if not free.any():
    text = f'data.background finds no time without labels in the {len(free)} '
    return _go_without(split, f'{text}files of {name}', name == 'train')
  counts = share_out(round(share * len(split)), free)
  video_of = np.repeat(np.arange(len(free)), counts)
  more = dataclasses.replace(
    segments, video_of=video_of, spans=np.full((len(video_of), 2), np.nan)
  )
  numbers = [n for count in counts for n in range(1, count + 1)]
  return _append(split, more, numbers)


def _go_without(split: Split, problem: str, needed: bool) -> Split:
  """Notes that a split has no background; raises UserError if it is needed."""
  if needed:
    raise UserError(
      f'{problem}: add a file without labels, or set data.background=0'
    )
  if split.targets is None:  # the class is there in training
    split = dataclasses.replace(
      split, class_names=_find_class(split.class_names)[0]
    )
  note = f'{problem}, so that it is evaluated without'
  return dataclasses.replace(split, notes=(*split.notes, note))


def _append(split: Split, more: Segments, numbers: Sequence[int]) -> Split:
  """Appends examples without a label; `numbers` count those of each file."""
  segments, videos = split.segments, [more.footage[n] for n in more.video_of]
  names, label, targets = split.class_names, -1, split.targets
  if targets is None:
    names, label = _find_class(names)
  else:
    none = np.zeros((len(videos), len(names)), bool)
    targets = np.concatenate([targets, none])
  pairs = zip(videos, numbers, strict=True)
  return dataclasses.replace(
    split,
    paths=(*split.paths, *(video.path for video in videos)),
    labels=np.append(split.labels, np.full(len(videos), label, np.int32)),
    class_names=names,
    ids=(*split.ids, *(f'{v.id}@{NAME}-{n}' for v, n in pairs)),
    video_ids=(*split.video_ids, *(video.id for video in videos)),
    segments=dataclasses.replace(
      segments,
      video_of=np.append(segments.video_of, more.video_of),
      spans=np.concatenate([segments.spans, more.spans]),
    ),
    targets=targets,
  )


def is_background(name: str) -> bool:
  """Whether a class is the background, whatever its case and blanks."""
  return make_comparison_key(name) == NAME


def share_out(total: int, weights: np.ndarray) -> list[int]:
  """Divides a number in proportion to weights, by largest remainders."""
  exact = total * weights / weights.sum()
  counts = np.floor(exact).astype(int)
  order = np.argsort(counts - exact, kind='stable')
  counts[order[: total - counts.sum()]] += 1
  return counts.tolist()


def _find_class(names: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
  """Finds the class 'background', or appends it."""
  for label, name in enumerate(names):
    if is_background(name):
      return names, label
  return (*names, NAME), len(names)
