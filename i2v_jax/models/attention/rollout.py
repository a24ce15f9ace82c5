"""Attention through all blocks (rollout; Abnar and Zuidema, arXiv 2005.00928).

A row of the product of all matrices is followed from the last block to the
first, so that no matrix of all tokens of a clip is made. It follows attention
and the residual stream beside it, half each; what adapters and operators move
between tokens elsewhere is not in it.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from i2v_jax import adapters
from i2v_jax.adapters.vpt import VPT
from i2v_jax.models.attention import layout as layouts
from i2v_jax.models.attention.inputs import read_inputs
from i2v_jax.models.attention.layout import Layout
from i2v_jax.models.attention.maps import AttentionMap, arrange_framesets
from i2v_jax.models.attention.record import Call, Heads, record, weigh
from i2v_jax.models.attention.rows import add_steps
from i2v_jax.models.evl import EVLClassifier
from i2v_jax.models.inputs import full_precision_of
from i2v_jax.runtime.errors import UserError


def find_rollout(model, params, inputs, at=None) -> list[AttentionMap]:
  """Finds what a query looks at through all blocks, heads averaged.

  The map lies on every frame that relocated heads and attention over time
  reach. Without a frame in `at` it is the mean of the queries of all frames.
  DualPath has a `rollout frames` and a `rollout framesets`, all others one
  `rollout`; sums are over `both`.

  Args:
    model: as in `maps.find_maps`.
    params: as there.
    inputs: as there.
    at: as there; by default the query that the image model pools with, or else
      that of `find_maps`.

  Raises:
    UserError: rollout has no meaning for the model, or there is no such place.
  """
  clips = read_inputs(model, inputs)
  _check_model(model)
  layout = layouts.make_layout(model, clips)
  at = layouts.check_place(at, layout, layout.cfg.block(0))
  with full_precision_of(layout.cfg.dtype):
    found = jax.device_get(_run(model, layout, at, params, clips))
  return [_arrange(path, *arrays, layout) for path, arrays in found.items()]


def _check_model(model) -> None:
  if isinstance(model, EVLClassifier):
    raise UserError(
      "Rollout follows attention from block to block, and EVL's decoder reads "
      'several blocks at once; look at the maps of one block instead.'
    )
  if layouts.find_image_config(model).block(0).window:
    raise UserError(
      'Rollout follows tokens through attention to all others, and Swin has '
      'windows, and merges tokens between its stages; look at the maps of one '
      'block instead.'
    )


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _run(model, layout: Layout, at, params, clips) -> dict:
  call = functools.partial(model.apply, {'params': params}, *clips)
  records = record(call, model, _Means())
  paths = dict.fromkeys(seen.path for seen in records)
  cleared = _has_deep_prompts(model)
  return {
    path: _follow(
      [seen for seen in records if seen.path == path],
      _Start(layout, at, path),
      cleared,
    )
    for path in paths
  }


def _has_deep_prompts(model) -> bool:
  """Whether the tokens that blocks add end with the block."""
  adapter = getattr(model, 'adapter', None)
  is_vpt = bool(adapter) and adapter['name'] == 'vpt'
  return is_vpt and adapters.option(adapter, 'deep', VPT.deep)


@dataclasses.dataclass(frozen=True)
class _Means:
  """Keeps the mean weights of the heads of a call, by where values are from."""

  def __call__(self, call: Call):
    if call.part == 'time':
      return weigh(call, call.q, call.k).mean(axis=-3)
    weights = weigh(call, add_steps(call.q), add_steps(call.k))
    if call.part == 'pool':
      return weights.mean(axis=-3)
    count = weights.shape[-3]
    return [
      weights[:, :, heads].sum(axis=2) / count
      for heads in _group_sources(call.heads).values()
    ]


def _group_sources(heads: Heads) -> dict[tuple, list[int]]:
  """Numbers of the heads whose values are from the same steps."""
  groups = {}
  for i, sources in enumerate(heads.values):
    groups.setdefault(sources, []).append(i)
  return groups


@dataclasses.dataclass(frozen=True)
class _Start:
  """The query: weights `B x T x L` of the tokens after the last block."""

  layout: Layout
  at: tuple | None
  path: str

  def __call__(self, batch: int, steps: int, pools):
    block = self.layout.cfg.block(self.layout.cfg.num_blocks - 1)
    tokens = block.num_prefix + self.layout.high * self.layout.wide
    if pools and self.at is None:
      (pool_BxTx1xL,) = (seen.values for seen in pools)
      pool_BxTxL = pool_BxTx1xL[:, :, 0]
      return jnp.broadcast_to(pool_BxTxL, (batch, steps, tokens)) / steps
    query = layouts.find_query(self.layout, block, self.path, self.at, tokens)
    row = np.zeros((steps, tokens), np.float32)
    chosen = query.steps or range(steps)
    row[np.ix_(chosen, query.rows)] = 1 / len(chosen) / len(query.rows)
    return jnp.broadcast_to(jnp.asarray(row)[None], (batch, steps, tokens))


def _follow(records, start: _Start, cleared: bool):
  """Weights of patches `B x T x P` and of the rest `B x T`, before block 0."""
  blocks = [seen for seen in records if seen.part != 'pool']
  pools = [seen for seen in records if seen.part == 'pool']
  space = next(seen for seen in blocks if seen.part == 'space')
  batch, steps = space.values[0].shape[:2]
  row_BxTxL = start(batch, steps, pools)
  tokens = row_BxTxL.shape[-1]
  first = tokens - start.layout.high * start.layout.wide
  ended_BxT = jnp.zeros((batch, steps))
  for seen in reversed(blocks):
    of_time = seen.part == 'time'
    count = seen.values.shape[1] if of_time else seen.values[0].shape[-1]
    row_BxTxL = _add_prompts(row_BxTxL, first, count)
    row_BxTxL = 0.5 * row_BxTxL + 0.5 * _step(row_BxTxL, seen)
    if cleared:
      inside = slice(first, first + count - tokens)
      ended_BxT += row_BxTxL[..., inside].sum(axis=-1)
      row_BxTxL = jnp.delete(row_BxTxL, inside, axis=-1)
  rest, patches = jnp.split(
    row_BxTxL, [row_BxTxL.shape[-1] - tokens + first], axis=-1
  )
  return patches, rest.sum(axis=-1) + ended_BxT


def _add_prompts(row_BxTxL, first: int, count: int):
  """Places for the tokens that a block has before the patches."""
  added = count - row_BxTxL.shape[-1]
  shape = (*row_BxTxL.shape[:-1], added)
  before, patches = jnp.split(row_BxTxL, [first], axis=-1)
  return jnp.concatenate([before, jnp.zeros(shape), patches], axis=-1)


def _step(row_BxTxL, seen):
  """The row before one attention, given the row after it."""
  product = functools.partial(jnp.einsum, precision='highest')
  if seen.part == 'time':
    return product('btl,blts->bsl', row_BxTxL, seen.values)
  found = 0.0
  groups = _group_sources(seen.heads)
  for sources, weights in zip(groups, seen.values, strict=True):
    moved_TxS = np.zeros((row_BxTxL.shape[1],) * 2, np.float32)
    for steps, share in sources:
      moved_TxS[range(len(steps)), steps] += share
    found += product('btl,btlm,ts->bsm', row_BxTxL, weights, moved_TxS)
  return found


def _arrange(path: str, patches, rest, layout: Layout) -> AttentionMap:
  """The map of one path, on every step or frameset."""
  sides = layout.high, layout.wide
  weights, rest = patches.reshape(*rest.shape, 1, *sides), rest[..., None]
  name = f'rollout {path}'.strip()
  if path == 'framesets':  # whose mean was taken, not their sum
    weights, rest = (x * np.float32(rest.shape[1]) for x in (weights, rest))
    return arrange_framesets(name, weights, rest, layout, ())
  frames = np.arange(rest.shape[1]) * layout.stride
  return AttentionMap(name, weights, frames, frames, (), rest, 'both')
