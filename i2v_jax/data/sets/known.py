"""Facts of the public data sets: their classes and numbers of videos.

They reveal labels in another order than those of published models, and splits
other than those papers report on.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple


class Known(NamedTuple):
  """A public data set.

  Attributes:
    name: as in papers.
    format: of `sources.FORMATS`.
    classes: number of classes.
    some: class names that identify it; () if the format must.
    order: sort key of the official label order; None if there is none.
    counts: split -> number of videos, or of movies, in papers.
  """

  name: str
  format: str
  classes: int
  some: tuple[str, ...]
  order: Callable[[str], str] | None
  counts: Mapping[str, int]


# Kinetics as prepared by mmaction2; UCF101 and HMDB51 as in fold 1.
DATA_SETS = (
  Known(
    'Kinetics-400',
    'kinetics',
    400,
    ('abseiling',),
    str,
    {'train': 240_436, 'val': 19_796},
  ),
  Known(
    'Kinetics-600',
    'kinetics',
    600,
    ('abseiling',),
    str,
    {'train': 383_393, 'val': 27_910},
  ),
  Known(
    'Kinetics-700',
    'kinetics',
    700,
    ('abseiling',),
    str,
    {'train': 542_357, 'val': 34_824},
  ),
  Known(
    'Something-Something V2',
    'something_v2',
    174,
    (
      'Pulling something from left to right',
      'Touching (without moving) part of something',
    ),
    str,
    {'train': 168_913, 'val': 24_777},
  ),
  Known(
    'UCF101',
    'ucf101',
    101,
    ('Hammering', 'HammerThrow', 'JumpingJack', 'JumpRope'),
    str.lower,
    {'train': 9_537, 'test': 3_783},
  ),
  Known(
    'HMDB51',
    'hmdb51',
    51,
    ('brush_hair', 'draw_sword'),
    str,
    {'train': 3_570, 'test': 1_530},
  ),
  Known(
    'Diving48 V2',
    'diving48',
    48,
    (),
    None,
    {'train': 15_027, 'test': 1_970},
  ),
  Known(
    'AVA',
    'ava',
    80,
    (),
    None,
    {'train': 235, 'val': 64},
  ),
  *(
    Known(f'VidTAB {name}', 'vidtab', classes, some, None, {'test': count})
    for name, classes, some, count in (
      ('AR_in_Dark', 11, (), 2_011),
      ('AR_in_Long_Video', 10, (), 411),  # each of them twice
      ('Animal_Behavior', 12, (), 2_268),
      ('Emotion_Analysis', 7, (), 3_953),
      ('Fake_Face', 2, ('video with fake face',), 1_800),
      ('Harmful_Content', 3, (), 1_661),  # of 1,573 videos
      ('Medical_Surgery', 16, (), 96),
      ('Quality_Access', 2, ('low quality video',), 724),
    )
  ),
)


def recognise(format: str, class_names: Iterable[str]) -> Known | None:
  """Recognises a public data set by format or classes; None for any other."""
  names = set(class_names)
  fits = [known for known in DATA_SETS if known.classes == len(names)]
  named = [known for known in fits if known.some and names >= {*known.some}]
  return next(
    iter((*named, *(known for known in fits if known.format == format))), None
  )


def find_papers_count(
  known: Known, split: str, options: Mapping[str, object]
) -> int | None:
  """Finds the number of videos of a split in papers; None if unknown."""
  if known.format == 'ucf101' and options.get('fold', 1) != 1:
    return None
  if known.format == 'vidtab' and split == 'train':
    return options.get('shots', 4) * known.classes
  if split == 'val' and 'val' not in known.counts:
    split = 'test'  # the second of two splits is often called val
  return known.counts.get(split)
