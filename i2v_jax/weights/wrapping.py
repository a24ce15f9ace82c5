"""Finds the state dict in what a trainer saved: averaged before raw.

Training keeps a running average of the weights (EMA), or a teacher that is
one, next to the weights that the optimiser changes. Evaluation and release use
the average, so that is what is taken; `which='raw'` takes the other.
"""

import re
from collections.abc import Callable, Mapping

from i2v_jax.runtime.errors import UserError

WHICH = ('', 'ema', 'raw')
AVERAGED = (  # the usual names, best first; other names by a word in them
  'ema',
  'ema_model',
  'ema_state_dict',
  'model_ema',
  'state_dict_ema',
  'teacher',
)
AVERAGED_WORDS = re.compile(
  r'(^|_)(averaged?|avg|ema|momentum|polyak|shadow|swa|teacher)(_|$)'
)
OPTIMIZER = re.compile(r'optim|sched|scaler|loss')
RAW = (
  'state_dict',
  'model_state_dict',
  'model_state',
  'model_weights',
  'net_state_dict',
  'model',
  'module',
  'net',
  'network',
  'weights',
  'params',
  'student',
  'backbone',
  'encoder',
  'vit',
)


def check(which: str) -> None:
  """Raises UserError for an unknown choice."""
  if which not in WHICH:
    raise UserError(f'which is {which!r}; it is ema or raw.')


def is_averaged(name: str) -> bool:
  """Whether a name, such as `net_ema`, says that its weights are averaged."""
  return bool(AVERAGED_WORDS.search(name)) and not OPTIMIZER.search(name)


def word(kind: str) -> str:
  return 'averaged (EMA)' if kind == 'ema' else 'raw'


def state_dict(saved, which: str, is_array: Callable) -> tuple:
  """The state dict in what a trainer saved, by the names of its wrapping.

  Args:
    saved: nested mappings with arrays at the bottom.
    which: `ema` or `raw`, where there are both; averaged ones if ''.
    is_array: whether a value is an array.

  Returns:
    `(arrays by key, lines that say what was taken, kind)`; the kind is `ema`
    or `raw` where the wrapping tells, else ''.
  """
  path, note, kind = [], '', ''
  while names := _names(saved, is_array):
    now = which if which in names else next(iter(names))
    if len(names) == 2:
      other = 'raw' if now == 'ema' else 'ema'
      note = f', {word(now)}; which={other} takes {names[other]}'
    if len(names) == 2 or now == 'ema':
      kind = now
    path.append(names[now])
    saved = saved[names[now]]
  lines = (' > '.join(path) + note,) if path else ()
  items = saved.items() if isinstance(saved, Mapping) else ()
  arrays = {k: v for k, v in items if is_array(v) and isinstance(k, str)}
  return arrays, lines, kind


def _names(saved, is_array: Callable) -> dict[str, str]:
  """Kind -> key of the mappings that hold arrays; `ema` comes first."""
  if not isinstance(saved, Mapping):
    return {}
  others = [k for k in saved if isinstance(k, str) and is_averaged(k)]
  averaged = (*AVERAGED, *others)
  inner = {k for k in (*averaged, *RAW) if _holds(saved.get(k), is_array)}
  swapped = {'state_dict', 'ema_state_dict'} <= inner
  if swapped and 'steps' in saved['ema_state_dict']:
    return {'ema': 'state_dict', 'raw': 'ema_state_dict'}  # as mmengine swaps
  found = {
    kind: next((k for k in names if k in inner), '')
    for kind, names in (('ema', averaged), ('raw', RAW))
  }
  return {kind: name for kind, name in found.items() if name}


def _holds(value, is_array: Callable) -> bool:
  """Whether there are arrays anywhere in nested mappings."""
  return isinstance(value, Mapping) and any(
    is_array(x) or _holds(x, is_array) for x in value.values()
  )
