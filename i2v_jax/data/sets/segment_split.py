"""Listed segments and the videos on disk -> a split."""

from collections.abc import Mapping, Sequence

import numpy as np

from i2v_jax.data.sets import absent, listing, segment_sides, video_facts
from i2v_jax.data.sets.look_up import LookUp, Place
from i2v_jax.data.sets.segment_entries import Annotated
from i2v_jax.data.sets.segment_examples import Example, make_examples
from i2v_jax.data.sets.segments import Footage, name_span
from i2v_jax.data.sets.split import Split
from i2v_jax.data.sets.video_facts import Facts
from i2v_jax.runtime.errors import UserError

_LATE = 0.1  # seconds past the end, as containers and rounded times have them


def split_segments(
  listed: listing.Listing,
  places: Sequence[Place | None],
  look_up: LookUp,
  on_missing: str,
  fps: float,
) -> Split:
  """Makes the split of a listing with segments; opens every video once.

  Args:
    listed: with a row for each video.
    places: of the rows; None for videos that are not there.
    look_up: found them.
    on_missing: 'skip' leaves out videos that are missing or cannot be read.
    fps: frame rate of folders of frames.

  Raises:
    UserError: something is wrong; names all of it.
  """
  annotated, complete = listed.annotated, on_missing == 'error'
  there = dict(zip(listed.videos, places, strict=True))
  rows = dict(zip(listed.videos, listed.rows, strict=True))
  ids = {
    file: place.id if place else absent.make_id(rows[file])
    for file, place in there.items()
  }
  groups = segment_sides.find_groups(annotated, ids)
  chosen = segment_sides.choose_videos(annotated, ids, groups)
  paths = {ids[file]: place.path for file, place in there.items() if place}
  found = video_facts.open_all([*paths.values()], fps)
  facts = {video: found[path] for video, path in paths.items()}
  if complete:
    _find_absent(annotated, there, rows, look_up)
    _find_unread(annotated, ids, facts)
  _find_outside(annotated, ids, facts)
  annotated.problems.check()
  footage = [
    Footage(video, path, facts[video].end, groups.get(video, ''))
    for video, path in paths.items()
    if video in chosen
  ]
  missing = [v for v in dict.fromkeys(ids.values()) if v not in paths]
  return _make_split(
    listed, ids, footage, facts, tuple(v for v in missing if v in chosen)
  )


def _make_split(
  listed, ids, footage: Sequence[Footage], facts, missing: tuple[str, ...]
) -> Split:
  """Makes the split of files, some of which may be unreadable."""
  examples, notes = _merge(listed.annotated, ids, {f.id: f for f in footage})
  unread = [video for video in footage if facts[video.id].reason]
  notes += _describe_unread(unread, facts, examples)
  examples = [e for e in examples if not facts[e.video].reason]
  if not examples:
    problem = f'{listed.file} has no label in split {listed.annotated.split!r}'
    raise UserError(f'{problem}: label segments there, or split otherwise')
  made = make_examples(
    [video for video in footage if not facts[video.id].reason],
    examples,
    len(listed.class_names),
    unread,
  )
  return Split(
    class_names=listed.class_names,
    missing=missing,
    notes=(*listed.notes, *notes),
    **made,
  )


def _find_absent(annotated: Annotated, there, rows, look_up: LookUp) -> None:
  """Finds files that are not there."""
  for file, place in there.items():
    if place is None:
      near = look_up.describe_near(rows[file])
      text = f'{file!r} does not exist' + f'; {near}' * bool(near)
      annotated.problems.add(rows[file].line, text)


def _find_unread(annotated: Annotated, ids, facts: Mapping[str, Facts]) -> None:
  """Finds files that cannot be opened, each in its first line."""
  seen = set()
  for entry in annotated.entries:
    video = ids.get(entry.file)
    if video in facts and video not in seen and facts[video].reason:
      text = f'{entry.file!r} {facts[video].reason}'
      annotated.problems.add(entry.line, text)
    seen.add(video)


def _find_outside(
  annotated: Annotated, ids, facts: Mapping[str, Facts]
) -> None:
  """Finds times after the end of their videos."""
  for entry in annotated.entries:
    end = facts.get(ids.get(entry.file, ''), Facts()).end
    where = f'after the end of {entry.file!r}, {end:.3f} s'
    if entry.start >= end:
      text = f'start {entry.start:g} s is {where}'
      annotated.problems.add(entry.line, text)
    elif end + _LATE < entry.end < np.inf:
      annotated.problems.add(entry.line, f'end {entry.end:g} s is {where}')


def _merge(
  annotated: Annotated, ids, footage: Mapping[str, Footage]
) -> tuple[list[Example], list[str]]:
  """Merges entries of one span; counts those cut at the end, or unlabelled."""
  found, cut, blank = {}, 0, 0
  for entry, labels in zip(annotated.entries, annotated.labels, strict=True):
    video = footage.get(ids[entry.file])
    if video is None:
      continue
    cut += video.duration < entry.end < np.inf
    blank += not labels
    end = min(entry.end, video.duration)
    key = name_span(video.id, entry.start, end)
    if labels:
      one = Example(video.id, entry.start, end, frozenset())
      one = found.setdefault(key, one)
      found[key] = one._replace(labels=one.labels | {*labels})
  notes = []
  if cut:
    text = f'segments of {annotated.split} that end up to {_LATE:g} s after'
    notes.append(f'{text} their videos, cut there: {cut:,}')
  if blank:
    text = f'lines of {annotated.split} without a label, which are no example'
    notes.append(f'{text} (data.background draws such spans): {blank:,}')
  return [*found.values()], notes


def _describe_unread(
  unread: Sequence[Footage], facts, examples: Sequence[Example]
) -> list[str]:
  if not unread:
    return []
  gone = sum(bool(facts[e.video].reason) for e in examples)
  names = listing.name_some([video.id for video in unread])
  text = f'left out, as they cannot be read: {len(unread)} videos ({names})'
  return [f'{text} with {gone:,} segments']
