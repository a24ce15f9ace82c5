"""Findings about lists: videos that are named more than once."""

import collections
from collections.abc import Iterator

from i2v_jax.data.check.listed import Finding, Listed, format_count


def find(listed: Listed) -> Iterator[Finding]:
  """Yields videos with several labels in a split, or in several splits."""
  splits = collections.defaultdict(list)
  for name, split in listed.videos.items():
    labels = collections.defaultdict(list)
    for video, label in zip(split.ids, split.labels.tolist(), strict=True):
      labels[video].append(label)
    for video in labels:
      splits[video].append(name)
    yield from _find_contradictions(name, labels, split.class_names)
  rows = [
    (name, video, '')
    for video, names in splits.items()
    for name in names
    if len(names) > 1
  ]
  if rows:
    count = len({video for _, video, _ in rows})
    text = f'listed in more than one split: {format_count(count)}'
    yield Finding('leak', True, text, rows)


def _find_contradictions(name, labels, class_names) -> Iterator[Finding]:
  rows = [
    (name, video, ' and '.join(repr(class_names[n]) for n in sorted({*mine})))
    for video, mine in labels.items()
    if len({*mine}) > 1
  ]
  if rows:
    text = f'listed in {name} with more than one label: '
    text += format_count(len(rows))
    yield Finding('contradiction', True, text, rows)
