r"""How many heads look how far: Tables 2b and 2c of ZeroI2V (SSv2).

i2v sweep --config configs/ablations/heads_ssv2.py --workdir runs/heads
  configs/ablations/heads_ssv2.py:smoke

One head is half a head each way. RF is the number of frames a block sees.
"""

from configs import common, heads, methods, zeroi2v_ssv2

HEADS = {  # variant -> heads in time -> the paper's top-1
  'B/16': {1: 64.8, 2: 66.0, 4: 65.6, 6: 65.6},
  'L/14': {2: 67.7, 4: 68.5, 6: 68.3},
}
FIELDS = {  # frames -> RF -> the paper's top-1, B/16
  8: {2: 64.7, 3: 66.0, 4: 65.5, 5: 65.7},
  16: {3: 67.2, 4: 67.3, 5: 67.8, 6: 67.6, 7: 67.3},
  32: {3: 67.3, 4: 67.8, 5: 68.5, 6: 68.6, 7: 68.4, 8: 68.2},
}
ORDER = (-1, 1, -2, 2, -3, 3, -4)


def get_config(arg=''):
  arg = common.parse_arg(arg, variant='B/16', frames=8, smoke=False)
  smoke = str(arg.smoke).lower()
  c = zeroi2v_ssv2.get_config(
    f'variant={arg.variant},frames={arg.frames},smoke={smoke}'
  )
  methods.linear(c)
  return c


def offsets(count):
  if count == 1:
    return ((-1, 32), (1, 32))
  return (-1,) * (count // 2) + (1,) * (count // 2)


def relocation(c, offsets, top1):
  operator = dict(name='head_relocation', offsets=offsets)
  c.model.temporal_operator = heads.fit(c, operator)
  c.reported = common.reported(c, top1)
  return c


def sweep(arg=''):
  common.parse_arg(arg, smoke=False)
  for variant, rows in HEADS.items():
    for count, top1 in rows.items():
      c = get_config(','.join(filter(None, [arg, f'variant={variant}'])))
      yield f'{variant}, {count} heads', relocation(c, offsets(count), top1)
  for frames, rows in FIELDS.items():
    for field, top1 in rows.items():
      c = get_config(','.join(filter(None, [arg, f'frames={frames}'])))
      c = relocation(c, ORDER[: field - 1], top1)
      yield f'{frames} frames, RF {field}', c
