"""Findings about segments: how many, how long, and in which groups."""

from collections.abc import Iterator

from i2v_jax.data.check.listed import Finding, Listed
from i2v_jax.data.sets.segments import (
  Segments,
  group_spans,
  measure_union,
)


def find(listed: Listed) -> Iterator[Finding]:
  """Yields all findings about segments."""
  groups = {}
  for name, split in listed.splits.items():
    if split.segments is None:
      continue
    yield Finding('segments', False, _describe(name, split.segments))
    mine = {video.group for video in split.segments.footage} - {''}
    if mine:
      text = f'groups of files in {name}: {len(mine):,}'
      yield Finding('groups', False, text)
    for group in mine:
      groups.setdefault(group, []).append(name)
  rows = [
    ('', group, ' and '.join(names))
    for group, names in sorted(groups.items())
    if len(names) > 1
  ]
  if rows:
    text = f'groups with files in more than one split: {len(rows):,}'
    yield Finding('group', True, text, rows)


def _describe(name: str, segments: Segments) -> str:
  listed = ~segments.is_random
  spans, video_of = segments.spans[listed], segments.video_of[listed]
  labelled, overlaps = 0.0, 0
  for mine in group_spans(spans, video_of, len(segments.footage)):
    union, shared = measure_union(mine)
    labelled, overlaps = labelled + union, overlaps + shared
  total = sum(video.duration for video in segments.footage)
  text = f'{len(spans):,} segments in {len(segments.footage):,} files of {name}'
  text += f': {labelled / 3600:,.2f} hours with a label, '
  text += f'{max(total - labelled, 0) / 3600:,.2f} without; '
  return text + f'{overlaps:,} begin before another one ends'
