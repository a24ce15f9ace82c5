r"""Rank of the linear adapters: from Table 2 of ZeroI2V (SSv2, B/16).

i2v sweep --config configs/ablations/bottleneck_ssv2.py --workdir runs/width
  configs/ablations/bottleneck_ssv2.py:smoke
"""

from configs import common, zeroi2v_ssv2

REPORTED = {0.0625: 64.2, 0.125: 65.0, 0.25: 66.0, 0.5: 65.8}


get_config = zeroi2v_ssv2.ablation


def sweep(arg=''):
  for rank, top1 in REPORTED.items():
    c = get_config(arg)
    c.model.adapter.rank = rank
    c.reported = common.reported(c, top1)
    yield f'rank {rank}', c
