"""ZeroI2V and AIM: `backbone.…` and `cls_head.fc_cls`, from mmaction2.

On CLIP in OpenAI's names, on the ImageNet ViT in timm's. The two methods
share key names: only AIM has `T_Adapter`. A model without adapters is a
merged ZeroI2V.
"""

from collections.abc import Collection, Mapping

from i2v_jax.adapters import zeroi2v
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.formats import clip_openai, timm
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases.stated import Stated

ANY_FRAMES = False  # whether no parameter depends on their number
IGNORED = ()
HEAD, BACKBONE = 'cls_head.fc_cls', 'backbone.'
CLIP_BLOCKS = BACKBONE + clip_openai.BLOCKS
TIMM_BLOCKS = BACKBONE + timm.BLOCKS
AIM = {
  'T_Adapter_in': 'time_in',
  'T_Adapter': 'time',
  'S_Adapter': 'space',
  'MLP_Adapter': 'joint',
}
ZEROI2V = {
  'T_Adapter_in': 'qkv',
  'attn.T_Adapter_in': 'qkv',  # there in the ImageNet ViT
  'T_Adapter_in_q': 'q',
  'T_Adapter_in_k': 'k',
  'T_Adapter_in_v': 'v',
  'S_Adapter': 'out',
  'MLP_Adapter': 'fc1',
  'MLP_Adapter_out': 'fc2',
}


def recognises(keys: Collection[str]) -> bool:
  return 'backbone.temporal_embedding' in keys


def names(keys: Collection[str]) -> tuple[str, str]:
  """Format and normalisation, for the report."""
  on = 'CLIP' if on_clip(keys) else 'ImageNet ViT'
  kind = 'AIM' if is_aim(keys) else 'ZeroI2V'
  merged = '' if places(keys) else ', merged'
  return f'{kind} on {on}{merged}', 'clip' if on_clip(keys) else 'imagenet'


def on_clip(keys: Collection[str]) -> bool:
  return 'backbone.conv1.weight' in keys


def is_aim(keys: Collection[str]) -> bool:
  return any('.T_Adapter.' in key for key in keys)


def blocks(keys: Collection[str]) -> str:
  return CLIP_BLOCKS if on_clip(keys) else TIMM_BLOCKS


def places(keys: Collection[str]) -> dict:
  """Published name -> ours, of the adapters that the first block has."""
  first = blocks(keys).format(0)
  table = AIM if is_aim(keys) else ZEROI2V
  return {k: v for k, v in table.items() if f'{first}{k}.D_fc1.weight' in keys}


def spec(arrays: Arrays, told: Stated) -> tuple[dict, int]:
  """The model part of a config, and the number of classes."""
  if on_clip(arrays):
    sizes = dict(family='clip') | clip_openai.sizes(arrays, BACKBONE)
  else:
    sizes = dict(family='imagenet') | timm.sizes(arrays, BACKBONE)
  adapter = _aim(arrays, told) if is_aim(arrays) else _zeroi2v(arrays, told)
  if HEAD + '.bias' not in arrays:
    raise UserError(
      f'{told.what} has no head, {HEAD}.weight and {HEAD}.bias; add those of '
      'the file that it was made from.'
    )
  frames = arrays[BACKBONE + 'temporal_embedding'].shape[1]
  found = dict(backbone=told.vit(sizes), num_frames=frames, adapter=adapter)
  return found, len(arrays[HEAD + '.bias'])


def _aim(arrays, told: Stated) -> dict:
  return dict(
    name='aim',
    num_adapters=len(places(arrays)),
    rank=_rank(arrays),
    scale=told.ask('adapter_scale', "the scale of AIM's adapters"),
  )


def _zeroi2v(arrays, told: Stated) -> dict:
  offsets = told.ask('offsets', 'which heads look at which frames')
  found = frozenset(places(arrays).values())
  counts = {frozenset(p): count for count, p in zeroi2v.PLACES.items()}
  if found not in counts:
    raise UserError(
      f'{told.what} has adapters at {sorted(found)}, which is no arrangement '
      'of ZeroI2V that is known.'
    )
  method = 'gelu_adapters' if told.method == 'gelu_adapters' else 'zeroi2v'
  spec = dict(name=method, offsets=offsets, num_adapters=counts[found])
  if not found:
    told.asked.add('adapter_scale')  # without meaning for merged ones
    return spec
  scale = told.ask('adapter_scale', "the scale of ZeroI2V's adapters")
  return spec | dict(scale=scale, rank=_rank(arrays))


def _rank(arrays) -> int:
  first = next(iter(places(arrays)))
  return len(arrays[f'{blocks(arrays).format(0)}{first}.D_fc1.bias'])


def convert(reader: Reader, model, told: Stated) -> dict:
  cfg, arrays = model.image_model, reader.arrays
  if on_clip(arrays):
    backbone = clip_openai.tower(reader, BACKBONE, cfg)
  else:
    backbone = timm.tower(reader, BACKBONE, cfg, 'ln_post')
  time = reader.take(BACKBONE + 'temporal_embedding')[0]
  head = reader.dense(HEAD)
  tree = dict(backbone=backbone, temporal_embedding=time, head=head)
  table = places(arrays)
  if table:
    tree['adapters'] = {
      f'blocks_{i}': adapters(reader, blocks(arrays).format(i), table)
      for i in range(cfg.depth)
    }
  return tree


def adapters(reader: Reader, block: str, table: Mapping[str, str]) -> dict:
  """All adapters of a block."""
  layers = {'down': 'D_fc1', 'up': 'D_fc2'}
  return {
    ours: {
      layer: reader.dense(f'{block}{theirs}.{name}')
      for layer, name in layers.items()
    }
    for theirs, ours in table.items()
  }
