"""Findings about classes and labels, without reading a video."""

import posixpath
from collections.abc import Iterator, Sequence

import numpy as np

from i2v_jax.data.check.listed import Finding, Listed, format_count
from i2v_jax.data.sets import known, sources, split_facts
from i2v_jax.data.videos import names

UNEVEN = 10  # ratio of largest to smallest class above which it is reported


def find(listed: Listed) -> Iterator[Finding]:
  """Yields all findings about classes and labels."""
  yield from _find_differences(listed)
  for name, split in listed.splits.items():
    if split.class_names:
      yield from _find_uneven(name, split)
      if not _are_numbers(split.class_names):
        yield from _find_alike(name, split)
        yield from _find_contradictions(name, split)
  yield from _compare_with_public(listed)


def _find_differences(listed: Listed) -> Iterator[Finding]:
  """Finds classes that splits do not share or that cannot be trained."""
  if text := split_facts.describe_class_difference(listed.splits):
    yield Finding('classes', True, text)
    return
  train = listed.splits.get('train')
  if train is None:
    return
  if len(train.class_names) == 1 and not _may_have_several(train):
    text = f'there is one class, {train.class_names[0]!r}: training needs two'
    yield Finding('one_class', True, text)
  for name, split in listed.splits.items():
    if found := split_facts.find_untrained(train, split):
      text = (
        f'in {name}, but without {split_facts.name_example(train)} in train: '
      )
      text += f'{len(found)} of '
      rows = [(name, '', class_name) for class_name in found]
      text += f'{len(split.class_names)} classes'
      yield Finding('untrained', True, text, rows)


def _may_have_several(split: sources.Split) -> bool:
  """Whether examples may have any number of labels."""
  return split.key_frames is not None or split.targets is not None


def _find_alike(name: str, split: sources.Split) -> Iterator[Finding]:
  first, rows = {}, []
  for class_name in split.class_names:
    other = first.setdefault(names.make_comparison_key(class_name), class_name)
    if other != class_name:
      words = names.describe_difference(other, class_name)
      rows.append((name, '', f'{other!r} and {class_name!r} (by {words})'))
  if rows:
    text = f'class names of {name} that look the same: {len(rows)}'
    yield Finding('alike', False, text, rows)


def _find_uneven(name: str, split: sources.Split) -> Iterator[Finding]:
  unlabelled = [
    (name, video, '')
    for video, label in zip(split.ids, split.labels, strict=True)
    if label < 0
  ]
  if unlabelled and not _may_have_several(split):
    text = f'without a label in {name}: {format_count(len(unlabelled))}'
    yield Finding('unlabelled', False, text, unlabelled)
  counts = split_facts.count_per_class(split)
  empty = [split.class_names[label] for label in np.flatnonzero(counts == 0)]
  if empty:
    text = (
      f'without {split_facts.name_example(split)} in {name}: {len(empty)} of '
    )
    text += f'{len(counts)} classes'
    rows = [(name, '', class_name) for class_name in empty]
    yield Finding('empty_class', False, text, rows)
  filled = counts[counts > 0]
  if len(filled) and filled.max() > UNEVEN * filled.min():
    few, many = (split.class_names[label] for label in _find_extremes(counts))
    text = f'{name} is uneven: {filled.min():,} of {few!r}, '
    yield Finding('uneven', False, f'{text}{filled.max():,} of {many!r}')


def _find_extremes(counts: np.ndarray) -> tuple[int, int]:
  """Finds the labels with the fewest videos, at least one, and the most."""
  some = np.where(counts > 0, counts, counts.max() + 1)
  return int(some.argmin()), int(counts.argmax())


def _find_contradictions(name: str, split: sources.Split) -> Iterator[Finding]:
  """Finds videos whose folder is named after another class."""
  plain = lambda text: names.make_comparison_key(text).replace('_', ' ')
  labels = {}
  for label, class_name in enumerate(split.class_names):
    labels.setdefault(plain(class_name), []).append(label)
  rows = []
  for video, label in zip(split.ids, split.labels.tolist(), strict=True):
    folder = posixpath.basename(posixpath.dirname(video))
    if label >= 0 and label not in labels.get(plain(folder), [label]):
      rows.append((name, video, split.class_names[label]))
  if rows:
    text = f'label and folder name different classes in {name}: '
    yield Finding('label', True, f'{text}{format_count(len(rows))}', rows)


def _compare_with_public(listed: Listed) -> Iterator[Finding]:
  """Compares a public data set with its official form."""
  for name, split in listed.splits.items():
    class_names = _choose_class_names(split)
    public = known.recognise(listed.format, class_names)
    if public is None:
      continue
    count = known.find_papers_count(public, name, listed.options)
    if count and count != split.num_videos:
      text = f'{name} of {public.name}: {format_count(split.num_videos)} here, '
      yield Finding('count', False, f'{text}{count:,} in papers')
    yield from _compare_order(name, class_names, public)


def _choose_class_names(split: sources.Split) -> tuple[str, ...]:
  """Returns class names in label order, or folders if names are numbers."""
  if not _are_numbers(split.class_names):
    return split.class_names
  folders = {}
  for video, label in zip(split.ids, split.labels.tolist(), strict=True):
    folders[label] = posixpath.basename(posixpath.dirname(video))
  return tuple(folders[label] for label in sorted(folders))


def _are_numbers(class_names: Sequence[str]) -> bool:
  """Whether all names are numbers, as in a list without class names."""
  return all(name.isdecimal() for name in class_names)


def _compare_order(name, class_names, public: known.Known) -> Iterator[Finding]:
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
