"""AIM (Yang et al., ICLR 2023; arXiv 2302.03024)."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax.adapters import block_interface
from i2v_jax.adapters.dropout import drop_path
from i2v_jax.adapters.layers import (
  Bottleneck,
  bottleneck_macs,
  identity,
)
from i2v_jax.adapters.method import (
  Method,
  adapted_blocks,
  get_option,
  sum_tokens,
)
from i2v_jax.backbones.declared import Declared
from i2v_jax.backbones.macs import attention_macs
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

# The release draws stochastic depth along the first axis of whatever layout
# the tokens have: CLIP's is L x BT x D, the ImageNet ViT's BT x L x D, Swin's
# BL x T x D over time. First the axes of that branch, then of the MLP's.
RELEASE_AXES = {
  'clip': ((2,), (2,)),
  'imagenet': ((0, 1), (0, 1)),
  'windows': ((0, 2), (0, 1)),
}
FORBIDDEN = -1e30  # added to logits
PRESETS = {  # on Swin; `scale` is a constant of the release there
  'paper': dict(scale=0.5, time_bias_std=0.0),
  'release': dict(scale=0.5, time_bias_std=0.02, drop_path_axis='release'),
}


class RelativeTimes(Declared, nn.Module):
  """A bias for each difference of time, `N x T x T`, query first."""

  std: float

  @nn.compact
  def __call__(self, frames: int, num_heads: int):
    shape = (2 * frames - 1, num_heads)
    init = nn.initializers.truncated_normal(self.std)
    table = self.param('table', init, shape, jnp.float32)
    times = np.arange(frames)
    rows_TxT = times[:, None] - times[None] + frames - 1
    return table[rows_TxT].transpose(2, 0, 1)


class AIM(Method):
  """The block of AIM: the frozen attention over time, over space, then the MLP.

  At the start it is the image model, frame by frame. Where attention is within
  windows, as in Swin, only the first block of each stage and every second after
  it look over time, and a table of relative times replaces that of relative
  positions there.

  Attributes:
    num_adapters: 3; or 4, one more before the attention over time.
    rank: channels of an adapter, or below 1 their share of the width.
    scale: factor on the adapter parallel to the MLP.
    drop_path: rate of the last block; it grows linearly from 0.
    drop_path_axis: `sample` draws once per video; `release` as the release
      does: per token index over the complete batch on CLIP, per frame on the
      ImageNet ViT, per position over time and per frame on Swin.
    time_bias_std: of the initial table of relative times, on Swin only.
    causal: a frame looks at itself and earlier ones only (ours).
    context: with `causal`, how many frames those are, itself included; 0 for
      all of a clip, and in a stream for the last `num_frames`.
  """

  num_adapters: int = 3
  rank: float = 0.25
  scale: float = 1.0
  drop_path: float = 0.2
  drop_path_axis: str = 'sample'
  time_bias_std: float = 0.0
  causal: bool = False
  context: int = 0

  options: ClassVar = Method.options | dict(
    num_adapters=ranges.one_of(3, 4),
    rank=ranges.rank,
    scale=ranges.Number(),
    drop_path=ranges.RATE,
    drop_path_axis=ranges.one_of('sample', 'release'),
    time_bias_std=ranges.NOT_NEGATIVE,
    causal=ranges.flag,
    context=ranges.FROM_0,
  )

  no_operator = 'it uses the frozen attention over time already'

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    rank = get_option(cls, model.adapter, 'rank')
    count = get_option(cls, model.adapter, 'num_adapters')
    steps, blocks = model.num_steps, adapted_blocks(model)
    timed = [block for block in blocks if looks_over_time(block)]
    over_time = lambda block: (
      block.num_tokens * attention_macs(block.width, steps, steps)
    )
    each = lambda block: (
      (count if looks_over_time(block) else 2)
      * bottleneck_macs(block.width, rank)
    )
    return {
      'attention over time': sum(map(over_time, timed)),
      'adapters': sum_tokens(model, each),
    }

  @classmethod
  def misfit(cls, spec, cfg):
    if spec.get('time_bias_std') and not cfg.block(0).window:
      return 'time_bias_std is of relative times, which only Swin has'
    if spec.get('causal') and cfg.block(0).window:
      return 'causal attention over time has no relative times, as Swin needs'
    if spec.get('context') and not spec.get('causal'):
      return 'context is the reach of causal attention; set causal too'
    return ''

  @classmethod
  def looks_ahead(cls, spec):
    if get_option(cls, spec, 'causal'):
      return ''
    return (
      'its attention over time sees all frames of a clip; train with '
      'model.adapter.causal=True'
    )

  def setup(self):
    if self.num_adapters not in (3, 4):
      raise UserError(
        f'AIM has 3 or 4 adapters per block, not {self.num_adapters}.'
      )
    if self.drop_path_axis not in ('sample', 'release'):
      raise UserError(
        f"drop_path_axis is 'sample' or 'release', not {self.drop_path_axis!r}."
      )
    self.time_in = self.adapter(True) if self.num_adapters == 4 else identity
    self.time = self.adapter(False)
    self.space = self.adapter(True)
    self.joint = self.adapter(False)
    self.times = RelativeTimes(self.time_bias_std)

  def adapter(self, skip):
    return Bottleneck(self.rank, 'gelu', skip, dtype=self.dtype)

  def wire(self, block, x_BxTxLxD):
    x = x_BxTxLxD
    if looks_over_time(getattr(block, 'cfg', None)):
      u = self.time_in(block.ln1(across_frames(x)))
      u = self.time(self.attend_over_time(block, u))
      x += self.drop(across_frames(u), block, 0)
    x += self.space(block.attn(block.ln1(x)))
    u = block.ln2(x)
    return x + block.mlp(u) + self.drop(self.scale * self.joint(u), block, 1)

  def attend_over_time(self, block, u_BxLxTxD):
    if self.causal:
      return block_interface.attend(
        block.block, u_BxLxTxD, heads=self.look_back
      )
    if not block_interface.count_window(block):
      return block.attn(u_BxLxTxD)
    bias = self.times(u_BxLxTxD.shape[-2], block.cfg.num_heads)
    return block.block.attn.over_time(u_BxLxTxD, bias)

  def look_back(self, q_BxLxTxD, k_BxLxTxD, v_BxLxTxD):
    """The hook of causal attention: keys of earlier frames too, and a mask."""
    frames, context = q_BxLxTxD.shape[2], self.context
    count = context - 1 if context else None
    ages_BxT, seen = jnp.arange(frames)[None], (k_BxLxTxD, v_BxLxTxD)
    pasts = [self.before(across_frames(y), count) for y in seen]
    if all(pasts):
      seen = [across_frames(past.joined) for past in pasts]
      ages_BxT, context = pasts[0].ages, seen[0].shape[2] - frames + 1
    mask_BxTxM = forbid(ages_BxT, seen[0].shape[2], context)
    return q_BxLxTxD, *seen, mask_BxTxM[:, None, None]

  def drop(self, y_BxTxLxD, block, branch: int):
    rate = self.drop_path * self.share_of_depth()
    axes = (0,)
    if self.drop_path_axis == 'release':
      axes = RELEASE_AXES[find_layout(block)][branch]
    return drop_path(y_BxTxLxD, rate, self.dropout_rng(), axes)

  @staticmethod
  def preset(name: str) -> dict[str, Any]:
    """Options of the `paper`, as we read it, or of the `release`, on Swin."""
    if name not in PRESETS:
      raise UserError(f'AIM has presets {list(PRESETS)}, not {name!r}.')
    return dict(PRESETS[name])


def across_frames(x_BxTxLxD):
  """Swaps frames and tokens."""
  return x_BxTxLxD.swapaxes(1, 2)


def forbid(ages_BxT, keys: int, context: int):
  """What to add to the logits of the last T of `keys` frames: `B x T x M`.

  Args:
    ages_BxT: frames that there are before each.
    keys: M.
    context: frames that each looks at, itself included; 0 for all.
  """
  frames = ages_BxT.shape[1]
  places_M = np.arange(keys)
  back_1xTxM = (places_M[-frames:, None] - places_M[None])[None]
  seen_BxTxM = (back_1xTxM >= 0) & (back_1xTxM <= ages_BxT[..., None])
  if context:
    seen_BxTxM &= back_1xTxM < context
  return jnp.where(seen_BxTxM, jnp.float32(0), FORBIDDEN)


def looks_over_time(cfg) -> bool:
  """Whether a block of these sizes attends over time: all but Swin's odd."""
  return not (getattr(cfg, 'window', 0) and cfg.index % 2)


def find_layout(block) -> str:
  """The key of `RELEASE_AXES` for a block."""
  if block_interface.count_window(block):
    return 'windows'
  cfg = block_interface.require_config(
    block, "AIM with drop_path_axis='release'", 'pre_norm'
  )
  return 'clip' if cfg.pre_norm else 'imagenet'
