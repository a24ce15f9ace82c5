"""Finds the state dict in what a trainer saved: averaged before raw.

Training keeps a running average of the weights (EMA), or a teacher that is
one, next to the weights that the optimiser changes. Evaluation and release use
the average, so that is what is taken; `which='raw'` takes the other.
"""

from collections.abc import Callable, Mapping

WHICH = ('', 'ema', 'raw')
AVERAGED = (
  'ema',
  'ema_model',
  'ema_state_dict',
  'model_ema',
  'state_dict_ema',
  'teacher',
)
RAW = (
  'state_dict',
  'model_state_dict',
  'model',
  'module',
  'net',
  'network',
  'weights',
  'params',
  'student',
)


def check(which: str) -> None:
  """Raises ValueError for a choice that there is not."""
  if which not in WHICH:
    raise ValueError(f'which is {which!r}; it is ema or raw.')


def word(kind: str) -> str:
  return 'averaged (EMA)' if kind == 'ema' else 'raw'


def state_dict(saved: Mapping, which: str, is_array: Callable):
  """The state dict in what a trainer saved, by the names of its wrapping.

  Args:
    saved: nested mappings with arrays at the bottom.
    which: as in `unwrapped`.
    is_array: whether a value is an array.

  Returns:
    `(arrays by key, lines that say what was taken, kind)`.
  """
  path, lines, kind = [], [], ''
  holds = lambda value: (
    isinstance(value, Mapping)
    and any(is_array(x) or holds(x) for x in value.values())
  )
  while isinstance(saved, Mapping):
    inner = [k for k in (*AVERAGED, *RAW) if holds(saved.get(k))]
    if not inner:
      break
    pair = {
      'ema': next((k for k in inner if k in AVERAGED), ''),
      'raw': next((k for k in inner if k in RAW), ''),
    }
    if 'ema_state_dict' in inner and 'steps' in saved['ema_state_dict']:
      pair = {'ema': 'state_dict', 'raw': 'ema_state_dict'}  # mmengine's swap
    both = bool(pair['ema'] and pair['raw'])
    now = which if which and pair[which] else 'ema' if pair['ema'] else 'raw'
    path.append(pair[now])
    if both:
      other = 'raw' if now == 'ema' else 'ema'
      lines = [f'{word(now)}; which={other} takes {pair[other]}']
    if both or now == 'ema':
      kind = now
    saved = saved[pair[now]]
  if path:
    lines = [', '.join([' > '.join(path), *lines])]
  found = saved.items() if isinstance(saved, Mapping) else ()
  arrays = {k: v for k, v in found if is_array(v) and isinstance(k, str)}
  return arrays, tuple(lines), kind
