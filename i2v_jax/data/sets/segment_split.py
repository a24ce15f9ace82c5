"""Listed segments and the videos on disk -> a split."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from i2v_jax.data.sets import (
  absent,
  listing,
  segment_problems,
  segment_sides,
  video_facts,
)
from i2v_jax.data.sets.look_up import LookUp, Place
from i2v_jax.data.sets.segment_entries import Annotated
from i2v_jax.data.sets.segment_examples import Example, make_examples
from i2v_jax.data.sets.segments import VideoFile, name_span
from i2v_jax.data.sets.split import Split
from i2v_jax.runtime.errors import UserError


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
  rows = dict(zip(listed.videos, listed.rows, strict=True))
  ids = _make_ids(rows, places)
  groups = segment_sides.find_groups(annotated, ids)
  chosen = segment_sides.choose_videos(annotated, ids, groups)
  for other in annotated.others:
    theirs = _make_ids(other.rows, look_up.find([*other.rows.values()]))
    segment_sides.check_other(annotated, ids, other, theirs)
  paths = {place.id: place.path for place in places if place}
  found = video_facts.open_all([*paths.values()], fps)
  facts = {video: found[path] for video, path in paths.items()}
  segment_problems.find_outside(annotated, ids, facts)
  if complete or annotated.problems:  # one error names all there is to correct
    segment_problems.find_absent(annotated, rows, places, look_up)
    segment_problems.find_unread(annotated, ids, facts)
  annotated.problems.check()
  footage = [
    VideoFile(
      video,
      paths.get(video, ''),
      facts[video].end if video in facts else np.inf,
      groups.get(video, ''),
      facts[video].reason if video in facts else 'does not exist',
    )
    for video in dict.fromkeys(ids.values())
    if video in chosen
  ]
  return _make_split(listed, ids, footage)


def _make_ids(rows: Mapping[str, listing.Row], places) -> dict[str, str]:
  """Makes the id of each file, as entries name it."""
  found = zip(rows.items(), places, strict=True)
  return {
    file: place.id if place else absent.make_id(row)
    for (file, row), place in found
  }


def _make_split(listed, ids, footage: Sequence[VideoFile]) -> Split:
  """Makes the split of files, some of which may be missing or unreadable."""
  annotated = listed.annotated
  examples, notes = _merge(annotated, ids, {f.id: f for f in footage})
  good = [video for video in footage if not video.reason]
  missing = [video for video in footage if not video.path]
  unread = [video for video in footage if video.path and video.reason]
  notes += _describe_gone('they do not exist', missing, examples)
  notes += _describe_gone('they cannot be read', unread, examples)
  there = {video.id for video in good}
  examples = [example for example in examples if example.video in there]
  if not examples:
    problem = f'{listed.file} has no label in split {annotated.split!r}'
    raise UserError(f'{problem}: label segments there, or split otherwise')
  made = make_examples(good, examples, len(listed.class_names), unread)
  unused = segment_sides.describe_unused(annotated)
  return Split(
    class_names=listed.class_names,
    missing=tuple(video.id for video in (*missing, *unread)),
    notes=(*listed.notes, *unused, *notes),
    **made,
  )


def _merge(
  annotated: Annotated, ids, footage: Mapping[str, VideoFile]
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
    text = f'segments of {annotated.split} that end up to '
    text += f'{segment_problems.LATE:g} s after their videos, cut there'
    notes.append(f'{text}: {cut:,}')
  if blank:
    text = f'lines of {annotated.split} without a label, which are no example'
    notes.append(f'{text} (data.background draws such spans): {blank:,}')
  return [*found.values()], notes


def _describe_gone(
  why: str, gone: Sequence[VideoFile], examples: Iterable[Example]
) -> list[str]:
  """Notes files that are left out, and how many segments with them."""
  if not gone:
    return []
  videos = {video.id for video in gone}
  count = sum(example.video in videos for example in examples)
  names = listing.name_some([video.id for video in gone])
  text = f'left out, as {why}: {len(gone)} videos ({names})'
  return [f'{text} with {count:,} segments']
