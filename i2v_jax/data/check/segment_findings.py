"""Findings about segments: how many, how long, and in which groups."""

from collections.abc import Iterator, Mapping

import numpy as np

from i2v_jax.data.check.listed import Finding, Listed, compute_span
from i2v_jax.data.sets.segments import (
  Segments,
  group_spans,
  measure_union,
)


def find(listed: Listed, records: Mapping[str, Mapping]) -> Iterator[Finding]:
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
  yield from _find_short(listed, records)


def _find_short(listed, records) -> Iterator[Finding]:
  clip, rows = listed.spec, []
  if clip is None:
    return
  frames, fate = compute_span(clip)
  for name, split in listed.splits.items():
    if split.segments is None:
      continue
    lengths = np.diff(split.segments.spans, axis=1)[:, 0].tolist()
    rows += [
      (name, example, f'{length:.3f} s')
      for example, video, length in zip(
        split.ids, split.video_ids, lengths, strict=True
      )
      if records[video]['ok'] and length * records[video]['fps'] < frames - 0.5
    ]
  if rows:
    text = f'segments shorter than the {frames} frames of a clip, so {fate}: '
    text += f'{len(rows):,}, such as {rows[0][1]}'
    if clip.sampling == 'dense' and clip.stride > 1:
      text += '; a smaller clip.stride makes clips shorter'
    yield Finding('short', False, text, rows)


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
