"""Findings about a complete data set, beyond single files."""

import collections
from collections.abc import Iterator, Mapping

from i2v_jax.data.check import (
  class_findings,
  frame_notes,
  key_frame_findings,
  list_findings,
  near_duplicates,
  segment_findings,
)
from i2v_jax.data.check.listed import (
  Finding,
  Listed,
  compute_span,
  format_count,
)
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.sets import folders, split_facts
from i2v_jax.data.videos.resize import compute_size
from i2v_jax.runtime.errors import UserError


def find(
  listed: Listed,
  records: Mapping[str, Mapping],
  vectors: near_duplicates.Vectors | None = None,
) -> list[Finding]:
  """Finds everything, problems first."""
  found = [
    *_find_unreadable(listed, records),
    *_find_duplicates(listed, records),
  ]
  found += [*_find_short(listed, records), *_find_cut_short(listed, records)]
  found += [*_find_frame_notes(listed, records), *_find_square(listed, records)]
  found += _find_too_large(listed, records)
  found += list_findings.find(listed)
  found += key_frame_findings.find(listed, records)
  found += segment_findings.find(listed, records)
  if vectors:
    found += near_duplicates.find(vectors, listed, records)
  for name, split in listed.splits.items():
    found += [
      *_find_missing(listed, name),
      *_find_miscounted(listed, name, split),
    ]
  found += [*_find_left_out(listed), *class_findings.find(listed)]
  return sorted(found, key=lambda finding: not finding.problem)


def _iterate_rows(listed: Listed) -> Iterator[tuple[str, str, int]]:
  """Yields (split, id, label) of every listed video."""
  for name, split in listed.videos.items():
    for video, label in zip(split.ids, split.labels.tolist(), strict=True):
      yield name, video, label


def _find_unreadable(listed, records) -> Iterator[Finding]:
  rows = [
    (name, video, records[video]['reason'])
    for name, video, _ in _iterate_rows(listed)
    if not records[video]['ok']
  ]
  if rows:
    text = f'cannot be read to the end: {format_count(len(rows))}'
    yield Finding('bad', True, text, rows)


def _find_duplicates(listed, records) -> Iterator[Finding]:
  groups = collections.defaultdict(list)
  for name, video, label in _iterate_rows(listed):
    if records[video]['ok']:
      groups[records[video]['sha256']].append((name, video, label))
  kinds = collections.defaultdict(list)
  for digest, rows in groups.items():
    several = len({video for _, video, _ in rows}) > 1  # else `list_findings`
    kind = _classify_duplicates(rows) if several else None
    kinds[kind] += [(name, video, digest[:16]) for name, video, _ in rows]
  for kind, (problem, text) in _DUPLICATES.items():
    if rows := kinds[kind]:
      count = len({digest for *_, digest in rows})
      yield Finding(kind, problem, f'{text}: {format_count(count)}', rows)


_DUPLICATES = {
  'leak': (True, 'the same content in more than one split'),
  'contradiction': (True, 'the same content with different labels'),
  'duplicate': (False, 'the same content again in one split'),
}


def _classify_duplicates(rows) -> str:
  splits, _, labels = zip(*rows, strict=True)
  if len(set(splits)) > 1:
    return 'leak'
  return 'contradiction' if len(set(labels)) > 1 else 'duplicate'


def is_short(record: Mapping, clip: ClipSpec | None) -> bool:
  if not clip or clip.sampling == 'key_frame':  # its ends are repeated
    return False
  return bool(record['ok'] and record['frames'] < compute_span(clip)[0])


def _find_short(listed, records) -> Iterator[Finding]:
  rows = [
    (name, video, records[video]['frames'])
    for name, video, _ in _iterate_rows(listed)
    if is_short(records[video], listed.spec)
  ]
  if rows:
    frames, fate = compute_span(listed.spec)
    text = f'shorter than the {frames} frames of a clip, so {fate}: '
    yield Finding('short', False, f'{text}{format_count(len(rows))}', rows)


def _find_cut_short(listed, records) -> Iterator[Finding]:
  rows = [
    (name, video, f'{record["frames"]} frames')
    for name, video, _ in _iterate_rows(listed)
    if (record := records[video])['ok'] and record['cut_short']
  ]
  if rows:
    text = (
      f'shorter than the file states, truncated?: {format_count(len(rows))}'
    )
    yield Finding('cut_short', False, text, rows)


def _find_frame_notes(listed, records) -> Iterator[Finding]:
  for note in frame_notes.NOTES:
    rows = [
      (name, video, detail)
      for name, video, _ in _iterate_rows(listed)
      if records[video]['ok'] and (detail := note.detail(records[video]))
    ]
    if rows:
      text = f'{note.text}: {format_count(len(rows))}'
      yield Finding(note.kind, False, text, rows)


def _find_square(listed, records) -> Iterator[Finding]:
  if listed.spec is None or listed.spec.crops == 1:
    return
  rows = [
    (name, video, '{width} x {height}'.format(**record))
    for name, video, _ in _iterate_rows(listed)
    if (record := records[video])['ok'] and record['height'] == record['width']
  ]
  if rows:
    text = f'square, so their {listed.spec.crops} test crops are the same: '
    yield Finding('square', False, f'{text}{format_count(len(rows))}', rows)


def _find_too_large(listed, records) -> Iterator[Finding]:
  """Finds narrow ribbons that would exceed `resize.LARGEST` when resized."""
  spec, rows = listed.spec or ClipSpec(8, 224), []
  sizes = {spec.short_side, spec.test_short_side or spec.image_size}
  for name, video, _ in _iterate_rows(listed):
    try:
      for size in sizes if 'height' in records[video] else ():
        sides = records[video]['height'], records[video]['width']
        compute_size(*sides, size)
    except UserError as error:
      rows.append((name, video, str(error)))
  if rows:
    text = f'too narrow to be resized: {format_count(len(rows))}'
    yield Finding('too_large', True, text, rows)


def _find_missing(listed, name) -> Iterator[Finding]:
  split = listed.videos[name]
  if split.missing:
    total = split.num_videos + len(split.missing)
    text = f'listed in {name} but not there: {len(split.missing):,} of '
    rows = [(name, video, '') for video in split.missing]
    yield Finding(
      'missing', listed.complete, f'{text}{format_count(total)}', rows
    )


def _find_miscounted(listed, name, split) -> Iterator[Finding]:
  rows = [
    (name, found.id, f'{found.there} frames, listed {found.listed}')
    for found in split.miscounted
  ]
  if rows:
    text = f'with another number of frames than {name} lists: '
    text += format_count(len(rows))
    yield Finding('frame_count', listed.complete, text, rows)


def _find_left_out(listed) -> Iterator[Finding]:
  """Finds left-out files, and notes on how the videos were found."""
  if found := split_facts.list_left_out(listed.splits.values()):
    text = folders.describe_left_out(found)
    yield Finding('left_out', False, text, [('', file, '') for file in found])
  for note in dict.fromkeys(n for s in listed.splits.values() for n in s.notes):
    yield Finding('listed', False, note)
