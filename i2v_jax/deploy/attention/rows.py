"""Rows of a sheet of attention: which map is drawn on which frame."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from i2v_jax.deploy.attention.compute import ClipAttention
from i2v_jax.models.attention.maps import AttentionMap

IMAGE = 'image model'
_FRAMES = 'as the model sees them', 'numbered in the clip, timed in the video'
_FROZEN, _TRAINED = 'frozen, without adapters', 'as it was before fine-tuning'
_LEAST = 0.005  # attention on other tokens that is told
_KNOWN = {  # name of a map -> title of its row, and what it says
  'space': ('over space', 'looks at its own frame'),
  'time': ('over time', 'each place, over the frames'),
  'frames': ('path of frames', 'looks at its own frame'),
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
    cells: frame of the clip, that of the query -> what is drawn there.
    most: attention that is drawn brightest.
    even: what a patch would have of the attention on patches, spread evenly.
    offset: of the frames that temporal heads look at; 0 for all others.
  """

  title: str
  notes: Sequence[str]
  cells: Mapping[int, Cell]
  most: float = 0.0
  even: float = 0.0
  offset: int = 0

  @property
  def has_one(self) -> bool:
    """Whether there is a map for one frame only."""
    return len(self.cells) == 1

  def find_cell(self, frame: int) -> Cell:
    """The cell of a frame, or the last one before it."""
    before = [place for place in self.cells if place <= frame]
    return self.cells[max(before) if before else min(self.cells)]


def make_rows(attention: ClipAttention) -> list[Row]:
  """Makes the rows: frames, the image model, and each group of heads."""
  frames = range(len(attention.clip.frames))
  rows = [Row('frames', _FRAMES, {f: Cell(f) for f in frames})]
  for one in attention.image_maps:
    plain = one.name in ('spatial', 'rollout')
    title = IMAGE if plain else f'{IMAGE}, {_describe(one)[0]}'
    notes = [_FROZEN if attention.frozen else _TRAINED]
    if one.heads:
      notes.append(f'mean of all {len(one.heads)} heads')
    rows.append(_make_row(one, title, notes))
  for one in sorted(attention.maps, key=_rank):
    title, notes = _describe(one)
    if one.heads:
      notes.append(describe_heads(one.heads))
    rows.append(_make_row(one, title, notes))
  return rows


def _rank(one: AttentionMap) -> tuple[bool, int]:
  """Order of rows: temporal heads last, by their offset."""
  offset = find_offset(one)
  return offset != 0, offset


def find_offset(one: AttentionMap) -> int:
  """How many frames away temporal heads look; 0 for all other heads."""
  group = one.name.split(', ')[0]
  temporal = group.startswith('frame ')
  return int(group.removeprefix('frame ')) if temporal else 0


def average_heads(one: AttentionMap) -> np.ndarray:
  """The mean over the heads of the first clip: [T, h, w]."""
  return np.asarray(one.weights, np.float32)[0].mean(axis=1)


def _make_row(one: AttentionMap, title: str, said: list[str]) -> Row:
  weights = average_heads(one)
  most = float(weights.max())
  cells = {
    int(query): Cell(int(frame), shown)
    for query, frame, shown in zip(
      one.queries, one.frames, weights, strict=True
    )
  }
  even = float(weights.mean())
  notes = [*said, *_list_notes(one, most, even)]
  return Row(title, notes, cells, most, even, find_offset(one))


def _describe(one: AttentionMap) -> tuple[str, list[str]]:
  """Title and notes of a group of heads."""
  group, *moved = one.name.split(', ')
  title, note = _describe_keys(group, len(one.heads) == 1)
  parts = (text.split(' ', 1) for text in moved)  # such as `values -1`
  return title, [note, *(f'{part} of frame {of}' for part, of in parts)]


def _describe_keys(group: str, alone: bool) -> tuple[str, str]:
  if group in _KNOWN:
    return _KNOWN[group]
  heads, look = ('head', 'looks') if alone else ('heads', 'look')
  if group == 'spatial':
    whose = 'its' if alone else 'their'
    return f'spatial {heads}', f'{look} at {whose} own frame'
  if group.endswith(' mixed'):
    return f'mixed {heads}', f'channels of {group.removesuffix(" mixed")}'
  offset = int(group.removeprefix('frame '))
  return f'temporal {heads}, {group}', f'{look} {_describe_offset(offset)}'


def _describe_offset(offset: int) -> str:
  if abs(offset) == 1:
    return f'at the {"previous" if offset < 0 else "next"} frame of the clip'
  way = 'back' if offset < 0 else 'ahead'
  return f'{abs(offset)} frames {way} in the clip'


def _list_notes(one: AttentionMap, most: float, even: float) -> Iterator[str]:
  what = 'frame' if one.sums_over == 'frames' else 'patch'
  yield f'brightest {what}: {_percent(most)} of the attention'
  yield f'even attention: {_percent(even)} a {what}'
  rest = np.asarray(one.rest)[0]  # of all frames together of one query
  rest = rest.sum(axis=0) if one.sums_over == 'both' else rest
  rest = float(rest.mean())
  if rest >= _LEAST:
    yield f'on other tokens: {rest:.0%}'


def _percent(share: float) -> str:
  """A share in two digits."""
  digits = 0 if share >= 0.0995 else 1 if share >= 0.00995 else 2
  return f'{100 * share:.{digits}f}%'


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
