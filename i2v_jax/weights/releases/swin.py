"""ZeroI2V and AIM on Swin: `backbone.layers.…` and `cls_head.fc_cls`.

ZeroI2V is as its development code has it, which keeps a table of relative
positions for each frame; without adapters it is merged, or trained without
any. AIM's adapters have names of their own here.
"""

from collections.abc import Collection, Mapping

from i2v_jax.adapters import aim
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.formats import swin, swin_parts, swin_sizes
from i2v_jax.weights.formats.swin_sizes import Names
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases import zeroi2v_aim
from i2v_jax.weights.releases.arguments import Arguments
from i2v_jax.weights.releases.zeroi2v_aim import BACKBONE, HEAD

ANY_FRAMES = False  # parameters depend on their number
IGNORED = ()
BUFFERS = (*swin.BUFFERS, '.attn.t_relative_coords')
TIMES = 'attn.temporal_position_bias_table'
AIM = {'T_Adapter': 'time', 'S_Adapter2': 'space', 'S_Adapter': 'joint'}
ZEROI2V = {
  'attn.T_Adapter_in': 'qkv',
  'attn.S_Adapter': 'out',
  'mlp.MLP_Adapter': 'fc1',
  'mlp.MLP_Adapter_out': 'fc2',
}


def recognises(keys: Collection[str]) -> bool:
  below = [k.removeprefix(BACKBONE) for k in keys if k.startswith(BACKBONE)]
  return HEAD + '.weight' in keys and swin.recognises(below)


def describe_format(keys: Collection[str]) -> tuple[str, str]:
  """Returns format and normalisation, for the report."""
  kind, alone = 'AIM' if is_aim(keys) else 'ZeroI2V', ', without adapters'
  return f'{kind} on Swin{"" if find_places(keys) else alone}', 'imagenet'


def is_aim(keys: Collection[str]) -> bool:
  return any('.T_Adapter.' in key for key in keys)


def find_names(keys: Collection[str]) -> Names:
  """Finds where this file has the parts of its image model."""
  below = [k.removeprefix(BACKBONE) for k in keys if k.startswith(BACKBONE)]
  names = swin.find_names(below)
  parts = ('patch', 'patch_norm', 'stage', 'norm', 'positions')
  return names._replace(**{p: BACKBONE + getattr(names, p) for p in parts})


def find_places(keys: Collection[str]) -> dict:
  """Maps published names to ours, for adapters of the first block."""
  first = find_names(keys).find_block(0, 0)
  table = AIM if is_aim(keys) else ZEROI2V
  return {k: v for k, v in table.items() if f'{first}{k}.D_fc1.weight' in keys}


def read_spec(arrays: Arrays, arguments: Arguments) -> tuple[dict, int]:
  """Reads the model part of a config, and the number of classes."""
  names = find_names(arrays)
  sizes = swin_sizes.read_fields(arrays, names, {})
  given, found = arguments.num_heads, sizes['num_heads']
  if given is not None and given not in (found, list(found)):
    raise UserError(
      f'{arguments.what} has {found} heads in its stages, not {given}; leave '
      'num_heads out.'
    )
  if not sizes['image_size']:
    likely = swin_sizes.assume_image_size(arrays, names, sizes)
    if 'image_size' not in arguments.options:
      arguments.assumed.append(f'image_size {likely["image_size"]}')
    sizes |= likely
  sizes['image_size'] = arguments.options.get('image_size', sizes['image_size'])
  steps = count_steps(arrays, names, sizes['window'])
  if steps and not is_aim(arrays):
    sizes |= dict(bias='per_frame', steps=steps)
  read = _read_aim if is_aim(arrays) else _read_zeroi2v
  spec = dict(
    backbone=dict(family='swin') | sizes,
    temporal_embedding=False,
    adapter=read(arrays, arguments, sizes['embed_dim']),
  )
  if steps:
    spec['num_frames'] = steps * sizes['tubelet']
  return spec, zeroi2v_aim.count_classes(arrays, arguments)


def count_steps(arrays: Arrays, names: Names, window: int) -> int:
  """Steps of a clip, from tables of relative times; 0 where there are none.

  Raises:
    UserError: windows are over frames, as those of Video Swin.
  """
  first = names.find_block(0, 0)
  if first + TIMES in arrays:
    return (len(arrays[first + TIMES]) + 1) // 2
  index, key = arrays.get(first + names.index), first + names.table
  times = len(arrays[key]) // (2 * window - 1) ** 2
  over_frames = index is not None and index.shape[-1] != window**2
  if over_frames:
    raise UserError(
      f'{key!r} of {arrays.what} is for windows over several frames, as Video '
      'Swin has them; ZeroI2V and AIM have windows within a frame.'
    )
  return (times + 1) // 2 if times > 1 else 0


def _read_aim(arrays, arguments: Arguments, width: int) -> dict:
  arguments.asked.add('adapter_scale')  # a constant of the release
  given = arguments.adapter_scale
  scale = aim.PRESETS['release']['scale'] if given is None else given
  return dict(name='aim', scale=scale, rank=_read_rank(arrays) / width)


def _read_zeroi2v(arrays, arguments: Arguments, width: int) -> dict:
  found = frozenset(find_places(arrays).values())
  spec = zeroi2v_aim.read_zeroi2v(arguments, found)
  return spec | (dict(rank=_read_rank(arrays) / width) if found else {})


def _read_rank(arrays) -> int:
  place, first = next(iter(find_places(arrays))), find_names(arrays)
  return len(arrays[f'{first.find_block(0, 0)}{place}.D_fc1.bias'])


def convert(reader: Reader, model, arguments: Arguments) -> dict:
  cfg, arrays = model.image_model, reader.arrays
  reader.ignore(key for key in arrays if key.endswith(BUFFERS))
  names, places = find_names(arrays), find_places(arrays)
  tree = {
    'backbone': swin_parts.read_tree(reader, names, cfg),
    'head': reader.take_dense(HEAD),
  }
  blocks = [key for _, key in names.list_blocks(cfg.depths)]
  adapters = [_read_adapters(reader, key, places) for key in blocks]
  if places:
    tree['adapters'] = {f'blocks_{i}': x for i, x in enumerate(adapters)}
  return tree


def _read_adapters(reader: Reader, block: str, places: Mapping) -> dict:
  """Reads all adapters of a block; AIM's over time are in some blocks only."""
  here = {
    k: v for k, v in places.items() if reader.has(f'{block}{k}.D_fc1.bias')
  }
  found = zeroi2v_aim.read_adapters(reader, block, here)
  if reader.has(block + TIMES):
    found['times'] = {'table': reader.take(block + TIMES)}
  return found
