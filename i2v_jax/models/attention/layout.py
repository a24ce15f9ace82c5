"""Where the tokens of a model lie, and which of them is the query."""

from typing import NamedTuple

import numpy as np

from i2v_jax.models.attention.record import Heads


class AttentionMap(NamedTuple):
  """What a group of heads looks at.

  Attributes:
    name: of the group: `spatial`; `frame -1`, whose keys come from the frame
      before; `frames -1 +0 +1 mixed`, whose channels come from several; `space`
      and `time` of AIM; `frames` and `framesets` of DualPath; `decoder` of EVL;
      `pool`, of a query that the image model pools with; `rollout`. What a
      head has moved besides follows a comma: `spatial, values -1`.
    weights: float32 [B, T, N, H, W], of N heads for the query in each of T
      frames; see `sums_over`.
    frames: [T], the frame of the clip that `weights[:, t]` lie on. Of a
      relocated head that of its keys, at the ends of a clip its own. Of a
      patch of several frames the first.
    heads: numbers of these heads; empty where heads are averaged.
    rest: float32 [B, T, N], weight of keys that are no patches: class token,
      registers, prompts.
    sums_over: what sums to one together with `rest`: `places` of each frame;
      `frames` for each place, what a place looks at over time; `both`.
  """

  name: str
  weights: np.ndarray
  frames: np.ndarray
  heads: tuple[int, ...]
  rest: np.ndarray
  sums_over: str


def name_heads(heads: Heads) -> list[str]:
  """Names each head by the frames that it looks at."""
  return [_name(*parts) for parts in zip(*heads, strict=True)]


def _name(queries, keys, values) -> str:
  queries, keys, values = map(_find_offsets, (queries, keys, values))
  name = 'spatial' if keys == (0,) else f'frame {_spell(keys)}'
  if len(keys) > 1:
    name = f'frames {_spell(keys)} mixed'
  if queries != (0,):
    name += f', queries {_spell(queries)}'
  if values != keys:
    name += f', values {_spell(values)}'
  return name


def _spell(offsets) -> str:
  return ' '.join(f'{offset:+d}' for offset in offsets)


def _find_offsets(sources) -> tuple[int, ...]:
  """Offsets of the steps in a part of `Heads`; at the ends it may be 0."""
  apart = [np.subtract(steps, np.arange(len(steps))) for steps, _ in sources]
  return tuple(sorted({int(x[np.abs(x).argmax()]) for x in apart}))


def find_key_steps(keys, steps: int) -> np.ndarray:
  """The step that the keys of a head are drawn on: [T]."""
  one = len(keys) == 1
  return np.array(keys[0][0]) if one else np.arange(steps)
