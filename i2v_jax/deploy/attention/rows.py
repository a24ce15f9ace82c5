"""Rows of a sheet of attention: which map is drawn on which frame."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from i2v_jax.deploy.attention.look import Looked
from i2v_jax.models.attention.maps import AttentionMap

IMAGE = 'image model'
_LEAST = 0.005  # attention on other tokens that is told
_KNOWN = {  # name of a map -> title of its row, and what it says
  'spatial': ('spatial heads', 'look at their own frame'),
  'space': ('over space', 'looks at its own frame'),
  'time': ('over time', 'each place, over the frames'),
  'frames': ('path of frames', 'each looks at itself'),
  'framesets': ('path of framesets', 'cut back into frames'),
  'decoder': ('decoder', 'looks at all frames at once'),
  'pool': ('pooling query', 'of its own frame'),
  'rollout': ('rollout', 'through all blocks'),
  'rollout frames': ('rollout, frames', 'through all blocks'),
  'rollout framesets': ('rollout, framesets', 'cut back into frames'),
}


@dataclasses.dataclass(frozen=True)
class Cell:
  """One picture of a row.

  Attributes:
    frame: of the clip, that is shown.
    weights: attention on it, [h, w]; None for the frame alone.
  """

  frame: int
  weights: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Row:
  """A row of pictures.

  Attributes:
    title: of the row.
    notes: lines below it.
    cells: frame of the clip whose query asks -> what is drawn there.
    most: attention that is drawn brightest.
  """

  title: str
  notes: Sequence[str]
  cells: Mapping[int, Cell]
  most: float = 0.0

  @property
  def moved(self) -> bool:
    """Whether a map lies on another frame than the one that asks."""
    return any(cell.frame != place for place, cell in self.cells.items())

  def find_cell(self, frame: int) -> Cell:
    """The cell of a frame, or the last one before it."""
    before = [place for place in self.cells if place <= frame]
    return self.cells[max(before) if before else min(self.cells)]


def make_rows(looked: Looked) -> list[Row]:
  """Makes the rows: frames, the image model, and each group of heads."""
  frames = range(len(looked.clip.frames))
  rows = [
    Row('frames', ['as the model sees them'], {f: Cell(f) for f in frames})
  ]
  for one in looked.image_maps:
    plain = one.name in ('spatial', 'rollout')
    title = IMAGE if plain else f'{IMAGE}, {_describe(one.name)[0]}'
    rows.append(_make_row(looked, one, title, ['before training']))
  for one in sorted(looked.maps, key=_rank):
    rows.append(_make_row(looked, one, *_describe(one.name)))
  return rows


def _rank(one: AttentionMap) -> tuple[bool, int]:
  """Order of rows: temporal heads last, by their offset."""
  group = one.name.split(', ')[0]
  temporal = group.startswith('frame ')
  return temporal, int(group.removeprefix('frame ')) if temporal else 0


def average_heads(one: AttentionMap) -> np.ndarray:
  """The mean over the heads of the first clip: [T, h, w]."""
  return np.asarray(one.weights, np.float32)[0].mean(axis=1)


def find_query_frame(one: AttentionMap, place: int, looked: Looked) -> int:
  """The frame of the clip whose query weights[:, place] belong to.

  Where there is a query for each step, it is that of the step; else the frames
  are those of the keys, and one query asks all of them.
  """
  if one.sums_over != 'places':
    return int(one.frames[place])
  steps, count = len(one.frames), len(looked.clip.frames)
  if looked.at is not None and steps == 1:
    return looked.at[2]
  return place * count // steps


def _make_row(
  looked: Looked, one: AttentionMap, title: str, said: list[str]
) -> Row:
  weights = average_heads(one)
  most = float(weights.max())
  cells = {
    find_query_frame(one, place, looked): Cell(int(frame), weights[place])
    for place, frame in enumerate(one.frames)
  }
  return Row(title, [*said, *_list_notes(one, most)], cells, most)


def _describe(name: str) -> tuple[str, list[str]]:
  """Title and notes of a group of heads, by its name."""
  group, *moved = name.split(', ')
  title, note = _describe_keys(group)
  parts = (text.split(' ', 1) for text in moved)  # such as `values -1`
  return title, [note, *(f'{part} of frame {of}' for part, of in parts)]


def _describe_keys(group: str) -> tuple[str, str]:
  if group in _KNOWN:
    return _KNOWN[group]
  if group.endswith(' mixed'):
    return 'mixed heads', f'channels of {group.removesuffix(" mixed")}'
  offset = int(group.removeprefix('frame '))
  count = abs(offset)
  which = 'before' if offset < 0 else 'after'
  far = f'{count} frames' if count > 1 else 'the frame'
  return f'temporal heads, frame {offset:+d}', f'look at {far} {which}'


def _list_notes(one: AttentionMap, most: float) -> Iterator[str]:
  if one.heads:
    yield describe_heads(one.heads)
  what = 'frame of a place' if one.sums_over == 'frames' else 'patch'
  digits = 0 if most >= 0.0995 else 1 if most >= 0.00995 else 2
  yield f'brightest {what}: {100 * most:.{digits}f}%'
  rest = np.asarray(one.rest)[0]  # of all frames together if one query asks
  rest = rest.sum(axis=0) if one.sums_over == 'both' else rest
  rest = float(rest.mean())
  if rest >= _LEAST:
    yield f'on other tokens: {rest:.0%}'


def describe_heads(heads: Sequence[int]) -> str:
  """Says which heads a map is the mean of, such as `mean of heads 0-3, 6`."""
  parts, heads = [], sorted(heads)
  for head in heads:
    if parts and head == parts[-1][1] + 1:
      parts[-1][1] = head
    else:
      parts.append([head, head])
  text = ', '.join(f'{a}' if a == b else f'{a}-{b}' for a, b in parts)
  return f'head {text}' if len(heads) == 1 else f'mean of heads {text}'
