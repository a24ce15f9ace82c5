"""What a check tells about a data set as a whole, beyond single files."""

import collections
import dataclasses
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data import frame_notes, known, sampling, sources, transforms
from i2v_jax.data.spec import ClipSpec

UNEVEN = 10  # times the smallest class, from where on the largest is told of


@dataclasses.dataclass(frozen=True, eq=False)
class Listed:
  """The videos of a check, and where they were listed.

  Attributes:
    splits: name -> who is in it.
    format, root, options: as given to `sources.load`; '' for mere files.
    complete: whether a video that is not there is a problem.
    spec: the clips that are to be taken, if that is known.
  """

  splits: Mapping[str, sources.Split]
  format: str = ''
  root: str = ''
  options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  complete: bool = True
  spec: ClipSpec | None = None

  @property
  def paths(self) -> dict[str, str]:
    """id -> path, each once."""
    return {
      video: path
      for split in self.splits.values()
      for video, path in zip(split.ids, split.paths, strict=True)
    }


class Finding(NamedTuple):
  """Something to know; `rows` are (split, id, detail)."""

  kind: str
  problem: bool  # Or only good to know.
  text: str
  rows: Sequence[tuple[str, str, Any]] = ()


def find(listed: Listed, records: Mapping[str, Mapping]) -> list[Finding]:
  """All that is found, problems first."""
  found = [*_unreadable(listed, records), *_duplicates(listed, records)]
  found += [*_short(listed, records), *_cut_short(listed, records)]
  found += _frames(listed, records)
  found += _too_large(listed, records)
  for name, split in listed.splits.items():
    found += _missing(listed, name, split)
    if split.class_names:
      found += _classes(name, split)
      if not _are_numbers(split.class_names):
        found += _other_folders(name, split)
  found += _public(listed)
  return sorted(found, key=lambda finding: not finding.problem)


def _rows(listed: Listed) -> Iterator[tuple[str, str, int]]:
  """Yields (split, id, label) of every listed video."""
  for name, split in listed.splits.items():
    for video, label in zip(split.ids, split.labels.tolist(), strict=True):
      yield name, video, label


def _unreadable(listed, records) -> Iterator[Finding]:
  rows = [
    (name, video, records[video]['reason'])
    for name, video, _ in _rows(listed)
    if not records[video]['ok']
  ]
  if rows:
    text = f'cannot be read to the end: {_videos(len(rows))}'
    yield Finding('bad', True, text, rows)


def _duplicates(listed, records) -> Iterator[Finding]:
  groups = collections.defaultdict(list)
  for name, video, label in _rows(listed):
    if records[video]['ok']:
      groups[records[video]['sha256']].append((name, video, label))
  kinds = collections.defaultdict(list)
  for digest, rows in groups.items():
    kind = _kind_of_duplicate(rows) if len(rows) > 1 else None
    kinds[kind] += [(name, video, digest[:16]) for name, video, _ in rows]
  for kind, (problem, text) in _DUPLICATES.items():
    if rows := kinds[kind]:
      count = len({digest for *_, digest in rows})
      yield Finding(kind, problem, f'{text}: {_videos(count)}', rows)


_DUPLICATES = {
  'leak': (True, 'the same content in more than one split'),
  'contradiction': (True, 'the same content with different labels'),
  'duplicate': (False, 'the same content again in one split'),
}


def _kind_of_duplicate(rows) -> str:
  splits, _, labels = zip(*rows, strict=True)
  if len(set(splits)) > 1:
    return 'leak'
  return 'contradiction' if len(set(labels)) > 1 else 'duplicate'


def span(clip: ClipSpec) -> tuple[int, str]:
  """Frames that a training clip spans, and what becomes of shorter videos."""
  if clip.sampling == 'uniform':
    return clip.num_frames, 'frames are repeated'
  if clip.sampling == 'dense':
    return clip.num_frames * clip.stride, 'their clips loop'
  longest = clip.num_frames * max(sampling.STRIDES)
  return longest, 'at long strides their last frame is repeated'


def is_short(record: Mapping, clip: ClipSpec | None) -> bool:
  return bool(clip and record['ok'] and record['frames'] < span(clip)[0])


def _short(listed, records) -> Iterator[Finding]:
  rows = [
    (name, video, records[video]['frames'])
    for name, video, _ in _rows(listed)
    if is_short(records[video], listed.spec)
  ]
  if rows:
    frames, fate = span(listed.spec)
    text = f'shorter than the {frames} frames of a clip, so {fate}: '
    yield Finding('short', False, f'{text}{_videos(len(rows))}', rows)


def _cut_short(listed, records) -> Iterator[Finding]:
  rows = [
    (name, video, f'{record["frames"]} frames')
    for name, video, _ in _rows(listed)
    if (record := records[video])['ok'] and record['cut_short']
  ]
  if rows:
    text = f'less there than the file says, cut short?: {_videos(len(rows))}'
    yield Finding('cut_short', False, text, rows)


def _frames(listed, records) -> Iterator[Finding]:
  for note in frame_notes.NOTES:
    rows = [
      (name, video, detail)
      for name, video, _ in _rows(listed)
      if records[video]['ok'] and (detail := note.detail(records[video]))
    ]
    if rows:
      text = f'{note.text}: {_videos(len(rows))}'
      yield Finding(note.kind, False, text, rows)


def _too_large(listed, records) -> Iterator[Finding]:
  """Narrow ribbons: resized they would be larger than `transforms.LARGEST`."""
  spec, rows = listed.spec or ClipSpec(8, 224), []
  sizes = {spec.short_side, spec.test_short_side or spec.image_size}
  for name, video, _ in _rows(listed):
    try:
      for size in sizes if 'height' in records[video] else ():
        sides = records[video]['height'], records[video]['width']
        transforms.resized(*sides, size)
    except ValueError as error:
      rows.append((name, video, str(error)))
  if rows:
    text = f'too narrow to be resized: {_videos(len(rows))}'
    yield Finding('too_large', True, text, rows)


def _missing(listed, name, split) -> Iterator[Finding]:
  if split.missing:
    total = len(split) + len(split.missing)
    text = f'listed in {name} but not there: {len(split.missing):,} of '
    rows = [(name, video, '') for video in split.missing]
    yield Finding('missing', listed.complete, f'{text}{_videos(total)}', rows)


def per_class(split: sources.Split) -> np.ndarray:
  """Videos of each class: [classes]."""
  labels = split.labels[split.labels >= 0]
  return np.bincount(labels, minlength=len(split.class_names))


def _classes(name: str, split: sources.Split) -> Iterator[Finding]:
  unlabelled = [
    (name, video, '')
    for video, label in zip(split.ids, split.labels, strict=True)
    if label < 0
  ]
  if unlabelled:
    text = f'without a label in {name}: {_videos(len(unlabelled))}'
    yield Finding('unlabelled', False, text, unlabelled)
  counts = per_class(split)
  empty = [split.class_names[label] for label in np.flatnonzero(counts == 0)]
  if empty:
    text = f'without a video in {name}: {len(empty)} of {len(counts)} classes'
    rows = [(name, '', class_name) for class_name in empty]
    yield Finding('empty_class', False, text, rows)
  filled = counts[counts > 0]
  if len(filled) and filled.max() > UNEVEN * filled.min():
    few, many = (split.class_names[label] for label in _extremes(counts))
    text = f'{name} is uneven: {filled.min():,} of {few!r}, '
    yield Finding('uneven', False, f'{text}{filled.max():,} of {many!r}')


def _extremes(counts: np.ndarray) -> tuple[int, int]:
  """Labels with the fewest videos, but some, and with the most."""
  some = np.where(counts > 0, counts, counts.max() + 1)
  return int(some.argmin()), int(counts.argmax())


def _other_folders(name: str, split: sources.Split) -> Iterator[Finding]:
  """Where the folder is that of a class, but not of the label's."""
  plain = lambda text: text.lower().replace('_', ' ')
  labels = {plain(c): label for label, c in enumerate(split.class_names)}
  rows = []
  for video, label in zip(split.ids, split.labels.tolist(), strict=True):
    folder = posixpath.basename(posixpath.dirname(video))
    if label >= 0 and labels.get(plain(folder), label) != label:
      rows.append((name, video, split.class_names[label]))
  if rows:
    text = f'label and folder name different classes in {name}: '
    yield Finding('label', True, f'{text}{_videos(len(rows))}', rows)


def _public(listed: Listed) -> Iterator[Finding]:
  """What differs from a public data set, if it is one."""
  for name, split in listed.splits.items():
    class_names = _class_names(split)
    public = known.recognise(listed.format, class_names)
    if public is None:
      continue
    count = known.papers_count(public, name, listed.options)
    if count and count != len(split):
      text = f'{name} of {public.name}: {_videos(len(split))} here, '
      yield Finding('count', False, f'{text}{count:,} in papers')
    yield from _order(name, class_names, public)


def _class_names(split: sources.Split) -> tuple[str, ...]:
  """Class names in label order; of mere numbers, the folders they stand for."""
  if not _are_numbers(split.class_names):
    return split.class_names
  folders = {}
  for video, label in zip(split.ids, split.labels.tolist(), strict=True):
    folders[label] = posixpath.basename(posixpath.dirname(video))
  return tuple(folders[label] for label in sorted(folders))


def _are_numbers(class_names: Sequence[str]) -> bool:
  """Whether they are but labels, as those of a list without names."""
  return all(name.isdecimal() for name in class_names)


def _order(name, class_names, public: known.Known) -> Iterator[Finding]:
  if public.order is None:
    return
  official = sorted(class_names, key=public.order)
  pairs = zip(class_names, official, strict=True)
  rows = [
    (name, '', f'{label} is {ours!r}, officially {theirs!r}')
    for label, (ours, theirs) in enumerate(pairs)
    if ours != theirs
  ]
  if rows:
    text = f'{len(rows)} labels of {name} are not those of {public.name}, so '
    text += 'models of others will be wrong on them; use format '
    yield Finding('order', False, f'{text}{public.format!r} to have them', rows)


def _videos(count: int) -> str:
  return f'{count:,} video{"s" * (count != 1)}'
