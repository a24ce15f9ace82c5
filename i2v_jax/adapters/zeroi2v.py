"""ZeroI2V (Li, Zhu, Wang; ECCV 2024): linear adapters and head relocation.

Both cost nothing after training: the adapters merge into the frozen linear
layers, and a head that looks at another frame replaces one that looks at its
own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from i2v_jax.adapters import frame_shift, merging
from i2v_jax.adapters.dropout import drop_path
from i2v_jax.adapters.layers import (
  Bottleneck,
  bottleneck_macs,
  identity,
)
from i2v_jax.adapters.method import Method, get_option, sum_tokens
from i2v_jax.adapters.operators import HeadRelocation
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

PLACES = {  # number of adapters -> where they stand
  0: (),
  2: ('qkv', 'fc1'),
  3: ('qkv', 'out', 'fc1'),
  4: ('qkv', 'out', 'fc1', 'fc2'),
  6: ('q', 'k', 'v', 'out', 'fc1', 'fc2'),
}

_RF3_B, _RF3_L = (-1, 1), (-1, -1, 1, 1)
_RF5_B, _RF5_L = (-1, 1, -2, 2), (-1, -1, 1, 1, -2, 2)
_RF6_B, _RF6_L = (-1, 1, -2, 2, -3), (-1, -1, 1, 1, -2, 2, -3)
_RF4_B, _RF4_L = (-1, 1, -2), (-1, -1, 1, 1, -2, -2)

# Offsets of heads 0, 1, 2, … The paper's table survives as receptive fields
# (its appendix); the released configurations give the offsets themselves.
OFFSETS = {
  'k400_B_8f_paper': _RF3_B,
  'k400_B_16f_paper': _RF4_B,
  'k400_B_32f_paper': _RF6_B,
  'k400_L_8f_paper': _RF3_L,
  'k400_L_16f_paper': _RF4_L,
  'k400_L_32f_paper': _RF6_L,
  'ssv2_B_8f_paper': _RF3_B,
  'ssv2_B_16f_paper': _RF5_B,
  'ssv2_B_32f_paper': _RF6_B,
  'ssv2_L_8f_paper': _RF3_L,
  'ssv2_L_16f_paper': _RF5_L,
  'ssv2_L_32f_paper': _RF6_L,
  'k400_B_8f_release': _RF3_B,
  'k400_B_16f_release': _RF3_B,
  'k400_L_8f_release': _RF3_L,
  'k400_L_32f_release': _RF4_L,
  'ssv2_B_16f_release': _RF5_B,
  'ssv2_L_32f_release': _RF6_L,
  'k400_B_8f_paper_in21k': _RF3_B,
  'ssv2_B_8f_paper_in21k': _RF3_B,
}
# Ours: heads that look back alone, so that a live video can be read.
STREAM_OFFSETS = {'stream_B': (-1, -1), 'stream_L': (-1, -1, -2, -2)}
_OTHERS = {  # what differs from 4 adapters and a dropout of 0.1
  'ssv2_B_8f_paper': dict(num_adapters=6),
  'ssv2_B_16f_release': dict(dropout=0.0),
  'k400_B_8f_paper_in21k': dict(dropout=0.0),
  'ssv2_B_8f_paper_in21k': dict(dropout=0.0),
}


class ZeroI2V(Method):
  """The block of ZeroI2V, as ViT_Zero_CLIP of the release wires it.

  Attributes:
    offsets: of head relocation on k and v, as `operators.HeadRelocation` takes
      them; empty under another temporal operator. In a spec `heads='quarter'`
      is `offsets='quarter'`: a quarter of the heads of each block, as the paper
      has it on Swin.
    num_adapters: 4; 3 (none after the MLP); 2 (nor after attention); 6 (q, k
      and v have their own); 0 (merged).
    rank: channels of an adapter, or below 1 their share of the width.
    scale: factor on the adapters' branch.
    dropout: inside the adapters, while training.
    drop_path: rate of the last block's branches; it grows linearly from 0.
      VideoSwin trains Swin with it.
  """

  offsets: Sequence = ()
  num_adapters: int = 4
  rank: float = 0.25
  scale: float = 1.0
  dropout: float = 0.1
  drop_path: float = 0.0

  options: ClassVar = Method.options | dict(
    offsets=frame_shift.offsets,
    heads=ranges.one_of('', frame_shift.QUARTER),
    num_adapters=ranges.one_of(*PLACES),
    rank=ranges.rank,
    scale=ranges.Number(),
    dropout=ranges.RATE,
    drop_path=ranges.RATE,
  )

  def setup(self):
    if self.num_adapters not in PLACES:
      raise UserError(
        f'ZeroI2V has {sorted(PLACES)} adapters per block, not '
        f'{self.num_adapters}.'
      )
    for place in ('qkv', 'q', 'k', 'v', 'out', 'fc1', 'fc2'):
      here = place in PLACES[self.num_adapters]
      setattr(self, place, self.adapter() if here else identity)

  def adapter(self):
    return Bottleneck(
      self.rank,
      skip=True,
      scale=self.scale,
      dropout=self.dropout,
      dtype=self.dtype,
    )

  def moved(self, block):
    if not self.offsets:
      return super().moved(block)
    return HeadRelocation(self.offsets)(block, self.before)

  def wire(self, block, x_BxTxLxD):
    x = block.stream(x_BxTxLxD)
    u = self.qkv(block.ln1(x))
    apart = self.num_adapters == 6
    qkv = (self.q(u), self.k(u), self.v(u)) if apart else (u,)
    x += self.drop(self.out(block.attn(*qkv)))
    x = block.stream(x)
    return x + self.drop(self.fc2(block.mlp(self.fc1(block.ln2(x)))))

  def drop(self, y_BxTxLxD):
    rate = self.drop_path * self.share_of_depth()
    return drop_path(y_BxTxLxD, rate, self.dropout_rng(), axes=(0,))

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    count = len(PLACES[get_option(cls, model.adapter, 'num_adapters')])
    rank = get_option(cls, model.adapter, 'rank')
    each = lambda block: bottleneck_macs(block.width, rank)
    return {'adapters': count * sum_tokens(model, each)}

  @staticmethod
  def merge(
    spec: Mapping[str, Any], backbone: Mapping, adapters: Mapping
  ) -> tuple[dict, dict]:
    """Folds every block's adapters into the backbone: (spec, backbone).

    Head relocation has no parameters: it stays, by the offsets of the spec.
    """
    scale = spec.get('scale', ZeroI2V.scale)
    blocks = {
      name: merge_block(backbone[name], stack, scale)
      for name, stack in adapters.items()
    }
    merged = {k: v for k, v in spec.items() if k != 'blocks'}
    return merged | {'num_adapters': 0}, dict(backbone) | blocks

  @staticmethod
  def preset(name: str) -> dict[str, Any]:
    """Options by name, `{k400|ssv2}_{B|L}_{8|16|32}f_{paper|release}`.

    With `_in21k` at the end, those of the development code for the ImageNet-21K
    ViT, whose adapters have no dropout. `stream_B` and `stream_L` are ours.

    Raises:
      UserError: nothing was published under that name.
    """
    known = OFFSETS | STREAM_OFFSETS
    if name not in known:
      raise UserError(
        f'No ZeroI2V preset {name!r} was published; known: {sorted(known)}.'
      )
    dataset = name.partition('_')[0]
    return dict(
      offsets=known[name],
      num_adapters=4,
      scale={'k400': 0.5, 'ssv2': 1.0, 'stream': 0.5}[dataset],
      dropout=0.1,
    ) | _OTHERS.get(name, {})


class GeluAdapters(ZeroI2V):
  """ZeroI2V's places with a GELU in every adapter (its Table 3).

  These are not linear, so there is no merge.
  """

  merge = None

  def adapter(self):
    return super().adapter().clone(activation='gelu')


def merge_block(block: Mapping, adapters: Mapping, scale: float) -> dict:
  """Folds one block's linear adapters into its frozen layers.

  Args:
    block: parameters of the frozen block.
    adapters: parameters of its adapters, by place.
    scale: as in `ZeroI2V`.

  Returns:
    Parameters of a plain block, float32.
  """
  affine = {p: merging.make_affine(a, scale) for p, a in adapters.items()}
  attn, mlp = dict(block['attn']), dict(block['mlp'])
  for name in ('q', 'k', 'v'):
    adapter = affine.get('qkv') or affine[name]
    attn[name] = merging.fold_before(attn[name], adapter)
  mlp['fc1'] = merging.fold_before(mlp['fc1'], affine['fc1'])
  if 'out' in affine:
    attn = merging.fold_after_part(attn, 'out', affine['out'])
  if 'fc2' in affine:
    mlp = merging.fold_after_part(mlp, 'fc2', affine['fc2'])
  return dict(block) | {'attn': attn, 'mlp': mlp}
