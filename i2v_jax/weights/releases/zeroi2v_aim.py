"""ZeroI2V and AIM: `backbone.…` and `cls_head.fc_cls`, from mmaction2.

On CLIP in OpenAI's names, on the ImageNet ViT in timm's. The two methods
share key names; only AIM has `T_Adapter`. A model without adapters is a
merged ZeroI2V.
"""

from collections.abc import Collection, Mapping

from i2v_jax.adapters import zeroi2v
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.formats import clip_openai, timm
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases.arguments import Arguments

ANY_FRAMES = False  # parameters depend on their number
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
  'attn.T_Adapter_in': 'qkv',  # in the ImageNet ViT
  'T_Adapter_in_q': 'q',
  'T_Adapter_in_k': 'k',
  'T_Adapter_in_v': 'v',
  'S_Adapter': 'out',
  'MLP_Adapter': 'fc1',
  'MLP_Adapter_out': 'fc2',
}


def recognises(keys: Collection[str]) -> bool:
  return 'backbone.temporal_embedding' in keys


def describe_format(keys: Collection[str]) -> tuple[str, str]:
  """Returns format and normalisation, for the report."""
  on = 'CLIP' if is_on_clip(keys) else 'ImageNet ViT'
  kind = 'AIM' if is_aim(keys) else 'ZeroI2V'
  merged = '' if find_places(keys) else ', merged'
  # AIM's configurations differ from the weights' own, which is half.
  of_imagenet = 'imagenet' if is_aim(keys) else 'half'
  return f'{kind} on {on}{merged}', 'clip' if is_on_clip(keys) else of_imagenet


def is_on_clip(keys: Collection[str]) -> bool:
  return 'backbone.conv1.weight' in keys


def is_aim(keys: Collection[str]) -> bool:
  return any('.T_Adapter.' in key for key in keys)


def choose_block_key(keys: Collection[str]) -> str:
  return CLIP_BLOCKS if is_on_clip(keys) else TIMM_BLOCKS


def find_places(keys: Collection[str]) -> dict:
  """Maps published names to ours, for adapters of the first block."""
  first = choose_block_key(keys).format(0)
  table = AIM if is_aim(keys) else ZEROI2V
  return {k: v for k, v in table.items() if f'{first}{k}.D_fc1.weight' in keys}


def read_spec(arrays: Arrays, arguments: Arguments) -> tuple[dict, int]:
  """Reads the model part of a config, and the number of classes."""
  if is_on_clip(arrays):
    sizes = dict(family='clip') | clip_openai.read_sizes(arrays, BACKBONE)
  else:
    sizes = dict(family='imagenet') | timm.read_sizes(arrays, BACKBONE)
  adapter = (
    _read_aim(arrays, arguments)
    if is_aim(arrays)
    else _read_zeroi2v(arrays, arguments)
  )
  classes = count_classes(arrays, arguments)
  frames = arrays[BACKBONE + 'temporal_embedding'].shape[1]
  found = dict(
    backbone=arguments.make_backbone(sizes), num_frames=frames, adapter=adapter
  )
  return found, classes


def count_classes(arrays, arguments: Arguments) -> int:
  if HEAD + '.bias' not in arrays:
    raise UserError(
      f'{arguments.what} has no head, {HEAD}.weight and {HEAD}.bias; add those '
      'of the file it was made from.'
    )
  return len(arrays[HEAD + '.bias'])


def _read_aim(arrays, arguments: Arguments) -> dict:
  return dict(
    name='aim',
    num_adapters=len(find_places(arrays)),
    rank=_read_rank(arrays),
    scale=arguments.ask('adapter_scale', "the scale of AIM's adapters"),
  )


def _read_zeroi2v(arrays, arguments: Arguments) -> dict:
  found = frozenset(find_places(arrays).values())
  spec = read_zeroi2v(arguments, found)
  return spec | (dict(rank=_read_rank(arrays)) if found else {})


def read_zeroi2v(arguments: Arguments, found: frozenset) -> dict:
  """Makes the spec of ZeroI2V with adapters at these places."""
  offsets = arguments.ask('offsets', 'which heads look at which frames')
  counts = {frozenset(p): count for count, p in zeroi2v.PLACES.items()}
  if found not in counts:
    raise UserError(
      f'{arguments.what} has adapters at {sorted(found)}, which is no known '
      'arrangement of ZeroI2V.'
    )
  method = 'gelu_adapters' if arguments.method == 'gelu_adapters' else 'zeroi2v'
  spec = dict(name=method, offsets=offsets, num_adapters=counts[found])
  if not found:
    arguments.asked.add('adapter_scale')  # merged files have none
    return spec
  scale = arguments.ask('adapter_scale', "the scale of ZeroI2V's adapters")
  return spec | dict(scale=scale)


def _read_rank(arrays) -> int:
  first = next(iter(find_places(arrays)))
  return len(arrays[f'{choose_block_key(arrays).format(0)}{first}.D_fc1.bias'])


def convert(reader: Reader, model, arguments: Arguments) -> dict:
  cfg, arrays = model.image_model, reader.arrays
  if is_on_clip(arrays):
    backbone = clip_openai.read_tower(reader, BACKBONE, cfg)
  else:
    backbone = timm.read_tower(reader, BACKBONE, cfg, 'ln_post')
  time = reader.take(BACKBONE + 'temporal_embedding')[0]
  head = reader.take_dense(HEAD)
  tree = dict(backbone=backbone, temporal_embedding=time, head=head)
  table = find_places(arrays)
  if table:
    tree['adapters'] = {
      f'blocks_{i}': read_adapters(
        reader, choose_block_key(arrays).format(i), table
      )
      for i in range(cfg.depth)
    }
  return tree


def read_adapters(reader: Reader, block: str, table: Mapping[str, str]) -> dict:
  """Reads all adapters of a block."""
  layers = {'down': 'D_fc1', 'up': 'D_fc2'}
  return {
    ours: {
      layer: reader.take_dense(f'{block}{theirs}.{name}')
      for layer, name in layers.items()
    }
    for theirs, ours in table.items()
  }
