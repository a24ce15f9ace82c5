"""Listens to the attention of a model: queries, keys, and where they are from.

`flax.linen.intercept_methods` sees every call while `record` traces the model;
what is kept leaves it through a collection of variables, which `nn.remat` and
other transformations of flax hand on.
"""

import contextlib
import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax import adapters
from i2v_jax.adapters.aim import AIM
from i2v_jax.adapters.dualpath import SpatialPath, TemporalPath
from i2v_jax.backbones.swin import WindowAttention
from i2v_jax.backbones.vit import Attention, keep_heads
from i2v_jax.models.dualpath import DualPathClassifier
from i2v_jax.models.evl import EVLClassifier

COLLECTION = 'attention'
PATHS = {SpatialPath: 'frames', TemporalPath: 'framesets'}


class Heads(NamedTuple):
  """The steps of the clip that each head takes its parts from.

  A part is a tuple with one entry per head. An entry lists `(steps, share)`:
  that share of the head's channels is of `steps[t]` where the query is of t.
  """

  queries: tuple
  keys: tuple
  values: tuple


class Call(NamedTuple):
  """One attention, as a model computes it.

  Attributes:
    block: index of the block; of a decoder's layer, the block that it reads.
    part: `space`, `time`, `decoder` or `pool`.
    path: of DualPath, `frames` or `framesets`, else ''.
    cfg: sizes of the block.
    heads: which steps its heads look at.
    q, k: projected, `… x L x D`, as they attend.
    biases: what is added to the logits; see `backbones.attention.attend`.
  """

  block: int
  part: str
  path: str
  cfg: Any
  heads: Heads
  q: Any
  k: Any
  biases: tuple = ()


@functools.partial(
  jax.tree_util.register_dataclass,
  data_fields=['values'],
  meta_fields=['block', 'part', 'path', 'heads'],
)
@dataclasses.dataclass(frozen=True)
class Record:
  """What was kept of a call; fields as in `Call`."""

  values: Any
  block: int
  part: str
  path: str
  heads: Heads


def record(
  call_model: Callable, model: nn.Module, keep: Callable
) -> list[Record]:
  """Calls a model and returns what `keep(call)` gives for its attentions.

  Args:
    call_model: gives `(…, variables)` of `model.apply` when called with the
      name of the collection that must be mutable.
    model: which it calls.
    keep: of a `Call`, arrays, or None for nothing.
  """
  with nn.intercept_methods(_Listener(model, keep)):
    _, state = call_model(mutable=[COLLECTION])
  is_record = lambda x: isinstance(x, Record)
  found = jax.tree.leaves(state.get(COLLECTION, {}), is_leaf=is_record)
  learned = lambda x: x.part in ('decoder', 'pool')
  # Calls of a block stay in turn.
  return sorted(found, key=lambda x: (x.block, learned(x)))


class _Listener:
  """An interceptor of flax."""

  def __init__(self, model, keep: Callable):
    self.model, self.keep = model, keep
    self.part, self.path, self.hook = 'space', '', keep_heads
    self.reads = iter(PATHS.values())  # of DualPath, in the order of its calls

  def __call__(self, method, args, kwargs, context):
    module, name = context.module, context.method_name
    if isinstance(module, Attention) and name == '__call__':
      return self.listen(module, method, *args, **kwargs)
    if isinstance(module, WindowAttention) and name == 'attend':
      return self.listen_in_windows(module, method, *args, **kwargs)
    with self.within(module, name, kwargs):
      return method(*args, **kwargs)

  @contextlib.contextmanager
  def within(self, module, name: str, kwargs):
    """While open, knows what the attention that is called is part of."""
    before = dict(vars(self))
    if isinstance(module, AIM) and name == 'attend_over_time':
      self.part = 'time'
    if isinstance(module, WindowAttention) and name == '__call__':
      self.hook = kwargs.get('heads', keep_heads)
    self.path = PATHS.get(type(module), self.path)
    if isinstance(module, DualPathClassifier) and name == 'read':
      self.path = next(self.reads)
    try:
      yield
    finally:
      vars(self).update(before)

  def listen(self, module, method, q, k=None, v=None, heads=keep_heads):
    seen = []

    def hook(q, k, v):
      q, k, v, *biases = heads(q, k, v)
      seen.extend((q, k, tuple(biases)))
      return q, k, v, *biases

    y = method(q, k, v, heads=hook)
    # EVL's hook writes down what it sees, and that of causal attention over
    # time adds a mask; they move nothing.
    still = isinstance(self.model, EVLClassifier) or self.part == 'time'
    self.sow(module, *seen, keep_heads if still else heads)
    return y

  def listen_in_windows(self, module, method, q, k, v, tokens, biases):
    # Over time there are places, and no windows.
    added = [bias[:, 0] if self.part == 'time' else bias for bias in biases]
    self.sow(module, q, k, tuple(added), self.hook)
    return method(q, k, v, tokens, biases)

  def sow(self, module, q, k, biases, hook: Callable):
    block, part = self.place(module)
    steps = q.shape[1] if q.ndim == 4 and part == 'space' else 1
    heads = read_heads(hook, steps, module.cfg)
    call = Call(block, part, self.path, module.cfg, heads, q, k, biases)
    values = self.keep(call)
    if values is not None:
      kept = Record(values, block, part, self.path, heads)
      module.sow(COLLECTION, 'seen', kept)

  def place(self, module) -> tuple[int, str]:
    """The block that a call of attention belongs to, and its part."""
    parent = module.path[-2] if len(module.path) > 1 else ''
    if match := re.fullmatch(r'blocks_(\d+)', parent):
      return int(match[1]), self.part
    cfg = getattr(self.model, 'image_model', None) or self.model.cfg
    if match := re.fullmatch(r'layers_(\d+)', parent):
      first = cfg.num_blocks - count_layers(self.model)
      return first + int(match[1]), 'decoder'
    return cfg.num_blocks - 1, 'pool'


def count_layers(model) -> int:
  """Layers of EVL's decoder."""
  return adapters.option(model.adapter, 'layers', 0)


def read_heads(hook: Callable, steps: int, cfg) -> Heads:
  """Finds the steps that each head takes its parts from, by trying the hook."""
  if hook is keep_heads:
    still = ((((*range(steps),), 1.0),),) * cfg.num_heads
    return Heads(still, still, still)
  times = np.arange(steps, dtype=np.float32)[None, :, None, None]
  with jax.ensure_compile_time_eval():
    # The last token is a patch; those before it may move on their own.
    shape = (1, steps, cfg.num_prefix + 1, cfg.width)
    times = jnp.broadcast_to(times, shape)
    found = [np.asarray(x)[0, :, -1] for x in hook(times, times, times)]
  return Heads(*(_read_part(x.astype(int), cfg.num_heads) for x in found))


def _read_part(steps_TxD: np.ndarray, num_heads: int) -> tuple:
  heads = np.split(steps_TxD, num_heads, axis=1)
  return tuple(map(_count_sources, heads))


def _count_sources(steps_TxK: np.ndarray) -> tuple:
  """Lists `(steps, share)` of the channels of a head."""
  found, counts = np.unique(steps_TxK, axis=1, return_counts=True)
  shares = counts / steps_TxK.shape[1]
  return tuple(zip(map(tuple, found.T.tolist()), shares.tolist(), strict=True))


def weigh(call: Call, q, k):
  """Weights of keys for queries, `… x N x L x M`, float32, sums of one.

  `q` and `k` are those of the call, or rows of them, `… x L x D`; biases, if
  there are any, must fit.
  """
  cut = lambda y: y.reshape(*y.shape[:-1], call.cfg.num_heads, -1)
  logits = jnp.einsum(
    '...lnk,...mnk->...nlm',
    cut(q.astype(jnp.float32)),
    cut(k.astype(jnp.float32)),
    precision='highest',
  )
  logits *= call.cfg.head_width**-0.5
  return jax.nn.softmax(sum(call.biases, logits))
