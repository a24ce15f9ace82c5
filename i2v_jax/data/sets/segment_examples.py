"""Spans of files and their labels -> the arrays of a split."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets.segments import (
  Labelled,
  Segments,
  VideoFile,
  find_gaps,
  group_spans,
  name_span,
)

SHORTEST_GAP = 0.5  # seconds


class Example(NamedTuple):
  """A span of a video and its labels."""

  video: str  # Its id.
  start: float
  end: float
  labels: frozenset[int]


def make_examples(
  footage: Sequence[VideoFile],
  examples: Sequence[Example],
  num_classes: int,
  unread: Sequence[VideoFile] = (),
) -> dict[str, Any]:
  """Makes what a split says of its examples, as keyword arguments.

  Args:
    footage: the files.
    examples: each in one of them; one or more.
    num_classes: number of classes.
    unread: files that cannot be opened.
  """
  number = {video.id: n for n, video in enumerate(footage)}
  spans = np.array([(e.start, e.end) for e in examples], np.float64)
  video_of = np.array([number[e.video] for e in examples])
  lengths = np.diff(spans, axis=1)[:, 0]
  least = min(SHORTEST_GAP, lengths.min())
  of_videos = group_spans(spans, video_of, len(footage))
  gaps = tuple(
    find_gaps(mine, video.duration, least)
    for mine, video in zip(of_videos, footage, strict=True)
  )
  targets = make_targets([e.labels for e in examples], num_classes)
  order = np.argsort(video_of, kind='stable')
  return {
    'paths': tuple(footage[n].path for n in video_of),
    'labels': np.full(len(examples), -1),
    'ids': tuple(name_span(*example[:3]) for example in examples),
    'video_ids': tuple(example.video for example in examples),
    'targets': targets,
    'segments': Segments(
      tuple(footage),
      video_of,
      spans,
      gaps,
      lengths,
      tuple(unread),
      Labelled(video_of[order], spans[order], targets[order]),
    ),
  }


def make_targets(labels: Sequence, num_classes: int) -> np.ndarray:
  """Makes bool [n, num_classes] of the class numbers of each example."""
  targets = np.zeros((len(labels), num_classes), bool)
  for target, mine in zip(targets, labels, strict=True):
    target[[*mine]] = True
  return targets
