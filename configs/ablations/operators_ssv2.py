r"""Temporal operators under linear adapters: Table 2a of ZeroI2V (SSv2, B/16).

i2v sweep --config configs/ablations/operators_ssv2.py --workdir runs/table2a

Every row has four linear adapters. The paper's numbers are next to ours; its
final recipe is stronger by more than a point, for reasons it does not give.
"""

from configs import common, heads, methods, zeroi2v_ssv2

WIDE = ((-1, 96), (1, 96))  # a quarter of the channels: 1.5 heads each way
ROWS = {
  '[cls] token shift': (61.4, dict(name='token_shift')),
  'shift QKV': (64.5, dict(name='channel_shift', on='qkv')),
  'shift KV': (64.6, dict(name='channel_shift')),
  'relocation QKV': (64.8, methods.STDHA | dict(on='qkv')),
  'relocation KV': (66.0, methods.STDHA),
  'shift KV, 1 in 4': (64.0, dict(name='channel_shift', share=8)),
  'relocation KV, 1 in 4': (65.8, methods.STDHA | dict(offsets=WIDE)),
  # Ours: the paper does not have them.
  'relocation Q': (0.0, methods.STDHA | dict(on='q')),
  'relocation K': (0.0, methods.STDHA | dict(on='k')),
  'relocation V': (0.0, methods.STDHA | dict(on='v')),
  '[cls] token shift in attention': (0.0, dict(name='token_shift', at='kv')),
}


get_config = zeroi2v_ssv2.ablation


def sweep(arg=''):
  for name, (top1, operator) in ROWS.items():
    c = get_config(arg)
    c.reported = common.reported(c, top1)
    c.model.temporal_operator = heads.fit(c, operator)
    yield name, c
