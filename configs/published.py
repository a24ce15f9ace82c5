r"""Costs that papers report, and the configs that should have them.

i2v bench published

GFLOPs are multiply-accumulates of all views of a video, parameters millions.
`added` is what a deployed model has in addition to the image model and the
head. None is what a source does not report.
"""

from configs import (
  aim_diving48,
  aim_k400,
  aim_k700,
  aim_ssv2,
  common,
  dualpath_k400,
  evl_k400,
  st_adapter_k400,
  st_adapter_ssv2,
  zeroi2v_k400,
  zeroi2v_ssv2,
)

CLASSES = dict(K400=400, K700=700, SSv2=174, Diving48=48)
FRAMES = (8, 16, 32)
ZEROI2V = {'B/16': (422, 844, 1688), 'L/14': (1946, 3892, 7783)}
AIM = {'B/16': (606, 1214, 2428), 'L/14': (2902, 5604, 11208)}
AIM_SIZES = {
  'B/16': dict(total=97, tunable=11),
  'L/14': dict(total=341, tunable=38),
}


def zeroi2v():
  """For six adapters (SSv2, B/16, 8 frames) the paper has no parameters."""
  name, tunable = 'ZeroI2V', {'B/16': 14, 'L/14': 50}
  for data, module in (('K400', zeroi2v_k400), ('SSv2', zeroi2v_ssv2)):
    for variant, reported in ZEROI2V.items():
      for frames, gflops in zip(FRAMES, reported, strict=True):
        six = (data, variant, frames) == ('SSv2', 'B/16', 8)
        millions = dict(tunable=None if six else tunable[variant], added=0)
        yield row(name, data, module, variant, frames, gflops, **millions)
  on_swin = dict(tunable=14, added=0)  # of these the paper counts adapters
  yield row(name, 'SSv2', zeroi2v_ssv2, 'Swin-B', 32, 741, **on_swin)


def aim():
  for variant, reported in AIM.items():
    sizes = AIM_SIZES[variant]
    for frames, gflops in zip(FRAMES, reported, strict=True):
      yield row('AIM', 'K400', aim_k400, variant, frames, gflops, **sizes)
  yield row('AIM', 'K700', aim_k700, 'B/16', 32, 7284)
  yield row('AIM', 'K700', aim_k700, 'L/14', 32, 33624)
  yield row('AIM', 'Diving48', aim_diving48, 'B/16', 32, 809)
  yield row('AIM', 'Diving48', aim_diving48, 'L/14', 32, 3736)
  sizes = dict(total=354, tunable=50)
  yield row('AIM', 'SSv2', aim_ssv2, 'L/14', 32, 11508, **sizes)


ST_ADAPTER = {('B/16', 8): 455, ('L/14', 32): 8248}
ST_SIZES = {'B/16': dict(total=93, tunable=7), 'L/14': dict(tunable=19)}
EVL = {('L/14', 32): 8088}
EVL_SIZES = {'B/16': dict(tunable=29), 'L/14': dict(tunable=58)}


def st_adapter():
  name = 'ST-Adapter'
  for variant, sizes in ST_SIZES.items():
    for frames in FRAMES:
      gflops = ST_ADAPTER.get((variant, frames))
      yield row(name, 'K400', st_adapter_k400, variant, frames, gflops, **sizes)
  sizes = dict(total=100, tunable=14)
  yield row(name, 'SSv2', st_adapter_ssv2, 'B/16', 32, 1955, **sizes)


def dualpath():
  """The paper does not say for how many frames its 710 are."""
  for frames in (16, 32, 64, 80):
    sizes = dict(tunable=10)
    yield row('DualPath', 'K400', dualpath_k400, 'B/16', frames, 710, **sizes)
  for frames in (16, 32):
    yield row('DualPath', 'K400', dualpath_k400, 'L/14', frames, None)


def evl():
  for variant, sizes in EVL_SIZES.items():
    for frames in FRAMES:
      gflops = EVL.get((variant, frames))
      yield row('EVL', 'K400', evl_k400, variant, frames, gflops, **sizes)


def row(method, data, module, variant, frames, gflops, **millions):
  """Name and config, and in it what is reported."""
  c = module.get_config(f'variant={variant},frames={frames}')
  reported = dict.fromkeys(('total', 'tunable', 'added')) | millions
  c.published = dict(gflops=gflops, num_classes=CLASSES[data], **reported)
  return f'{method} {data} {variant} {frames}', c


def sweep(arg=''):
  common.parse_arg(arg)
  for rows in (zeroi2v, aim, st_adapter, dualpath, evl):
    yield from rows()
