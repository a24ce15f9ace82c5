"""Finds the state dict in a trainer's checkpoint: averaged before raw.

Training keeps a running average of the weights (EMA), or a teacher that is
one, next to the weights that the optimiser changes. Evaluations and releases
use the average, so it is the default; `which='raw'` takes the other.
"""

import re
from collections.abc import Callable, Mapping

from i2v_jax.runtime.errors import check_choice

AVERAGED = (  # usual names, best first; others are known by a word in them
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


def check_which(which: str) -> None:
  """Raises UserError for other than `ema`, `raw` and ''."""
  if which:
    check_choice('which', which, ('ema', 'raw'))


def is_averaged(name: str) -> bool:
  """Whether a name, such as `net_ema`, says that its weights are averaged."""
  return bool(AVERAGED_WORDS.search(name)) and not OPTIMIZER.search(name)


def describe_kind(kind: str) -> str:
  return 'averaged (EMA)' if kind == 'ema' else 'raw'


def find_state_dict(saved, which: str, is_array: Callable) -> tuple:
  """Finds the state dict in a trainer's checkpoint by the names around it.

  Args:
    saved: nested mappings with arrays at the bottom.
    which: `ema` or `raw`, where there are both; '' takes `ema`.
    is_array: whether a value is an array.

  Returns:
    `(arrays by key, lines that say what was taken, kind)`; the kind is `ema`
    or `raw` where the names say so, else ''.
  """
  path, note, kind = [], '', ''
  while names := _find_names(saved, is_array):
    now = which if which in names else next(iter(names))
    if len(names) == 2:
      other = 'raw' if now == 'ema' else 'ema'
      note = f', {describe_kind(now)}; which={other} takes {names[other]}'
    if len(names) == 2 or now == 'ema':
      kind = now
    path.append(names[now])
    saved = saved[names[now]]
  lines = (' > '.join(path) + note,) if path else ()
  items = saved.items() if isinstance(saved, Mapping) else ()
  arrays = {k: v for k, v in items if is_array(v) and isinstance(k, str)}
  return arrays, lines, kind


def _find_names(saved, is_array: Callable) -> dict[str, str]:
  """Maps kinds to keys of mappings that hold arrays; `ema` comes first."""
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
