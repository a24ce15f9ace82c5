"""Adaptation methods: one file each, one literal table of names.

method: the base of most: a block to wire, options, sums for the cost formula.
zeroi2v, aim, dualpath: the methods of the three papers.
st_adapter, evl, adaptformer, lora, ssf, vpt, pro_tuning: methods they compare
  with. probes: the attentive probe and STEP, of frozen image models.
operators, frame_shift: heads, channels or tokens that come from other frames.
past: the frames before those at hand, which a stream gives.
layers: small trainable layers that adapters are made of.
block_interface: what a method needs of a frozen block.
merging: folds linear adapters into frozen layers.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.core import FrozenDict

from i2v_jax.adapters import frame_shift, operators
from i2v_jax.adapters.adaptformer import AdaptFormer
from i2v_jax.adapters.aim import AIM
from i2v_jax.adapters.dualpath import DualPath
from i2v_jax.adapters.evl import EVL
from i2v_jax.adapters.lora import LoRA
from i2v_jax.adapters.method import Method
from i2v_jax.adapters.pro_tuning import ProTuning
from i2v_jax.adapters.probes import AttentiveProbe, StepProbe
from i2v_jax.adapters.ssf import SSF
from i2v_jax.adapters.st_adapter import STAdapter, STAdapterZeroI2V
from i2v_jax.adapters.vpt import VPT
from i2v_jax.adapters.zeroi2v import GeluAdapters, ZeroI2V
from i2v_jax.backbones.image_model import BlockConfig
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

METHODS = {
  'adaptformer': AdaptFormer,
  'aim': AIM,
  'attentive_probe': AttentiveProbe,
  'dualpath': DualPath,
  'evl': EVL,
  'gelu_adapters': GeluAdapters,
  'lora': LoRA,
  'pro_tuning': ProTuning,
  'ssf': SSF,
  'st_adapter': STAdapter,
  'st_adapter_zeroi2v': STAdapterZeroI2V,
  'step_probe': StepProbe,
  'vpt': VPT,
  'zeroi2v': ZeroI2V,
}


class PerBlock(nn.Module):
  """One adapter for every block; parameters `blocks_0`, `blocks_1`, ….

  A block that the spec's `blocks` leave out has none, and no parameters.

  Attributes:
    spec: as `resolve` takes it; None leaves the blocks to the operator.
    operator: as `operators.resolve` takes it, or None.
    depth: number of blocks.
    dtype: compute type.
  """

  spec: Mapping[str, Any] | None
  operator: Mapping[str, Any] | None
  depth: int
  dtype: Any = jnp.float32

  def setup(self):
    spec, operator = resolve(self.spec), operators.resolve(self.operator)
    check_operator(spec, operator)
    options = dict(spec or {})
    name = options.pop('name', None)
    method = METHODS[name] if name else Method
    if not issubclass(method, Method):
      raise UserError(
        f'{name} is more than an adapter per block; i2v_jax.build makes its '
        'classifier.'
      )
    check_blocks(spec, self.depth)
    shared = dict(depth=self.depth, dtype=self.dtype)
    adapted = lambda i: method(layer=i, operator=operator, **shared, **options)
    still = relocation(spec) or operator
    frozen = lambda i: Method(layer=i, operator=still, **shared)
    chosen = option(spec, 'blocks', ()) or range(self.depth)
    self.blocks = [
      adapted(i) if i in chosen else frozen(i) for i in range(self.depth)
    ]


def resolve(spec: Mapping[str, Any] | None) -> FrozenDict | None:
  """Checks an adapter's name and options and spells its preset out.

  Args:
    spec: `{'name': method, option: value, …}`; a `preset` gives the options
      that `spec` leaves open (absent or None). None means no adapter.

  Raises:
    UserError: unknown method, preset or option.
  """
  if spec is None or spec == {}:
    return None
  if isinstance(spec, Mapping) or hasattr(spec, 'items'):
    spec = {k: v for k, v in spec.items() if v is not None}
    spec = _with_preset(_with_heads(spec))
  return FrozenDict(ranges.check_named('model.adapter', spec, METHODS))


def _with_heads(spec: dict) -> dict:
  """Spells `heads` as offsets, of which they are one choice."""
  method = METHODS.get(str(spec.get('name')))
  if 'heads' not in spec or 'heads' not in getattr(method, 'options', ()):
    return spec
  rule = method.options['heads']
  heads = rule('model.adapter.heads', spec.pop('heads'))
  if heads and spec.get('offsets'):
    raise UserError(
      f'model.adapter has heads {heads!r} and offsets {spec["offsets"]}; give '
      'one of the two.'
    )
  return spec | ({'offsets': heads} if heads else {})


def _with_preset(spec: dict) -> dict:
  preset, method = spec.pop('preset', None), METHODS.get(str(spec.get('name')))
  if not (preset and method):
    return spec
  if not hasattr(method, 'preset'):
    raise UserError(f'{spec["name"]} has no presets; give its options.')
  return method.preset(ranges.text('model.adapter.preset', preset)) | spec


def option(spec: Mapping | None, name: str, default):
  """An option of a resolved spec: as given, or its method's default."""
  if not spec:
    return default
  return spec.get(name, getattr(METHODS[spec['name']], name, default))


def check_fit(
  adapter: Mapping | None, operator: Mapping | None, cfg, steps: int
) -> None:
  """Raises UserError for options that do not fit a model.

  Args:
    adapter: as `resolve` returns it.
    operator: as `operators.resolve` returns it.
    cfg: an `ImageModel`.
    steps: frames, or tubelets of an image model that has them, of a clip.
  """
  check_blocks(adapter, cfg.num_blocks)
  method = METHODS[adapter['name']] if adapter else Method
  if reason := method.misfit(adapter, cfg):
    raise UserError(
      f'model.adapter {adapter["name"]} does not fit this image model: '
      f'{reason}; choose another of the two.'
    )
  blocks = [cfg.block(i) for i in range(cfg.num_blocks)]
  for name, spec in dict(adapter=adapter, temporal_operator=operator).items():
    offsets, stages = (spec or {}).get('offsets', ()), blocks[-1].stage + 1
    frame_shift.check_stages(f'model.{name}.offsets', offsets, stages)
  for block in blocks:
    _check_block(adapter, operator, block, steps)
  layers = option(adapter, 'layers', 1)
  ranges.integer(1, cfg.num_blocks)('model.adapter.layers', layers)


def _check_block(adapter, operator, block: BlockConfig, steps: int):
  for name, spec in dict(adapter=adapter, temporal_operator=operator).items():
    offsets = (spec or {}).get('offsets', ())
    key = f'model.{name}.offsets'
    frame_shift.check_offsets(key, offsets, block, steps)
  if 'share' in (operator or {}):
    shifts_heads = operator['name'] == 'channel_shift'
    most = block.head_width if shifts_heads else block.width
    fits = ranges.integer(2, most)
    fits('model.temporal_operator.share', operator['share'])


def check_blocks(spec: Mapping | None, depth: int) -> None:
  """Raises UserError for `blocks` that a model of that depth does not have."""
  named = option(spec, 'blocks', ())
  if len(set(named)) < len(named) or not set(named) <= set(range(depth)):
    raise UserError(
      f'model.adapter.blocks is {tuple(named)}; the model has blocks 0 to '
      f'{depth - 1}, and each is named once.'
    )


def relocation(spec: Mapping | None) -> dict | None:
  """The temporal operator that a method's own offsets define."""
  offsets = option(spec, 'offsets', ())
  return dict(name='head_relocation', offsets=offsets) if offsets else None


def relocated(model) -> str:
  """Describes which channels see which frames, or returns ''."""
  spec = relocation(model.adapter) or model.temporal_operator or {}
  if spec.get('name') != 'head_relocation':
    return ''
  cfg = model.image_model
  blocks = [cfg.block(i) for i in range(cfg.num_blocks)]
  first = {block.stage: block for block in reversed(blocks)}
  parts, fields, steps = [], [], model.num_steps or 2**31
  for block in (first[stage] for stage in sorted(first)):
    groups = frame_shift.channel_groups(spec['offsets'], block)
    moved = [(d, count) for d, count in groups if 0 < abs(d) < steps]
    shares = ', '.join(f'{count} at {offset:+d}' for offset, count in moved)
    parts.append(f'of {block.width} channels {shares or "none"}')
    fields.append(str(len({0} | {d for d, _ in moved})))
  return (
    f'head relocation: {"; ".join(parts)}; a block sees {", ".join(fields)} '
    'frames'
  )


def find_later_frames(model) -> str:
  """How a model looks at frames after each, and what to set, or ''."""
  adapter, cfg = model.adapter, model.image_model
  method = METHODS[adapter['name']] if adapter else Method
  if reason := method.looks_ahead(adapter or {}):
    return reason
  if operator := relocation(adapter) or model.temporal_operator:
    blocks = [cfg.block(i) for i in range(cfg.num_blocks)]
    return operators.make_operator(operator).looks_ahead(blocks)
  return ''


def check_operator(adapter: Mapping | None, operator: Mapping | None) -> None:
  """Raises UserError if a method does not work with a temporal operator."""
  if not (adapter and operator):
    return
  name = adapter['name']
  if reason := METHODS[name].no_operator:
    raise UserError(
      f'{name} does not go with temporal operators: {reason}; set '
      'model.temporal_operator to None.'
    )
  if relocation(adapter):
    raise UserError(
      f'The offsets of {name} are a head relocation themselves; leave them '
      'empty, or set model.temporal_operator to None.'
    )


def can_merge(spec: Mapping | None) -> bool:
  """Whether a method folds into the frozen weights."""
  return bool(spec and getattr(METHODS[spec['name']], 'merge', None))
