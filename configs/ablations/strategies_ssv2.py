r"""What to adapt, and how: Table 3 of ZeroI2V (SSv2, B/16, 8 frames).

i2v sweep --config configs/ablations/strategies_ssv2.py --workdir runs/table3
  configs/ablations/strategies_ssv2.py:smoke

Every row has two heads that look at the neighbouring frames. Q K V O 1 2 are
the weights that a row adapts. The paper's LoRA may have suffered from its
start, which `adapter.init_scheme='zeroi2v_dev'` brings back.
"""

from functools import partial

from configs import common, methods, trained_parts, zeroi2v_ssv2

QKVO, MLP = ('q', 'k', 'v', 'out'), ('fc1', 'fc2')
lora = lambda on, rank: partial(methods.lora, on=on, rank=rank)
gelu = lambda count, rank: partial(
  methods.gelu_adapters, num_adapters=count, rank=rank
)
st_adapter = lambda count, rank: partial(
  methods.st_adapter_zeroi2v, num_adapters=count, rank=rank
)
linear = lambda count, rank: partial(
  methods.linear, num_adapters=count, rank=rank
)


ROWS = {
  'full fine-tuning': (63.2, trained_parts.full),
  'linear probe': (20.0, trained_parts.linear_probe),
  'temporal heads only': (59.6, methods.temporal_heads),
  'ST-Adapter 192, QKVO12': (66.2, st_adapter(4, 192)),
  'ST-Adapter 384, QKV1': (65.8, st_adapter(2, 384)),
  'LoRA 192, QV': (64.2, lora(('q', 'v'), 192)),
  'LoRA 192, QKVO': (65.0, lora(QKVO, 192)),
  'LoRA 192, QV12': (64.3, lora(('q', 'v', *MLP), 192)),
  'LoRA 128, QV12': (65.6, lora(('q', 'v', *MLP), 128)),
  'LoRA 192, QKVO12': (65.0, lora(QKVO + MLP, 192)),
  'LoRA 128, QKVO12': (65.5, lora(QKVO + MLP, 128)),
  'GELU adapters 96, QKVO12': (65.6, gelu(4, 96)),
  'GELU adapters 192, QKV1': (64.6, gelu(2, 192)),
  'GELU adapters 192, QKVO1': (66.1, gelu(3, 192)),
  'GELU adapters 192, QKVO12': (66.1, gelu(4, 192)),
  'linear adapters 96, QKVO12': (65.0, linear(4, 96)),
  'linear adapters 192, QKV1': (64.4, linear(2, 192)),
  'linear adapters 192, QKVO1': (65.2, linear(3, 192)),
  'linear adapters 192, QKVO12': (66.0, linear(4, 192)),
  'six linear adapters 192': (66.3, linear(6, 192)),
  'six linear adapters 128': (66.2, linear(6, 128)),
}


get_config = zeroi2v_ssv2.ablation


def sweep(arg=''):
  for name, (top1, change) in ROWS.items():
    c = get_config(arg)
    c.reported = common.reported(c, top1)
    c.optimizer.decay_multipliers = {}
    change(c)
    yield name, c
