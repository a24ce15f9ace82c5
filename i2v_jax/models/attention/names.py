"""Groups of heads, by the frames that they look at."""

import numpy as np

from i2v_jax.models.attention.record import Heads


def group_heads(heads: Heads, stride: int) -> dict[str, tuple[int, ...]]:
  """Numbers of the heads of each group, by name; those that stay come first.

  Names count frames of the clip, `stride` for a step: with tubelets of two
  frames, heads that look one tubelet back are `frame -2`.
  """
  names = [_name(*parts, stride) for parts in zip(*heads, strict=True)]
  groups = sorted(dict.fromkeys(names), key=lambda name: name != 'spatial')
  members = lambda name: tuple(i for i, x in enumerate(names) if x == name)
  return {name: members(name) for name in groups}


def _name(queries, keys, values, stride: int) -> str:
  queries, keys, values = (
    _find_offsets(part, stride) for part in (queries, keys, values)
  )
  name = 'spatial' if keys == (0,) else f'frame {_spell(keys)}'
  if len(keys) > 1:
    name = f'frames {_spell(keys)} mixed'
  if queries != (0,):
    name += f', queries {_spell(queries)}'
  if values != keys:
    name += f', values {_spell(values)}'
  return name


def _spell(offsets) -> str:
  return ' '.join(f'{offset:+d}' if offset else '0' for offset in offsets)


def _find_offsets(sources, stride: int) -> tuple[int, ...]:
  """Offsets in frames of a part of `Heads`; at the ends they may be 0."""
  apart = [np.subtract(steps, np.arange(len(steps))) for steps, _ in sources]
  return tuple(sorted({stride * int(x[np.abs(x).argmax()]) for x in apart}))


def find_key_steps(heads: Heads, head: int) -> np.ndarray:
  """The steps that a head's map is drawn on: [T].

  Those of its keys; its own where channels of several steps are mixed.
  """
  steps = [np.array(steps) for steps, _ in heads.keys[head]]
  return steps[0] if len(steps) == 1 else np.arange(len(steps[0]))
