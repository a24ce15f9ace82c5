"""Layer-wise decay of the learning rate (arXiv 2106.08254, as VideoMAE has it).

The head and the final norm learn at the full rate, the last block at `decay`
times it, and so on down to the embeddings. An adapter counts as its block.
"""

import re
from collections.abc import Mapping

from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax.backbones.image_model import ImageModel

EMBEDDINGS = ('patch', 'cls', 'registers', 'pos', 'ln_pre', 'ln_patch')
_BLOCK, _MERGE = (
  re.compile(r'\bblocks_(\d+)\b'),
  re.compile(r'\bmerges_(\d+)\b'),
)


def count_layers(mine: Mapping, cfg: ImageModel) -> dict:
  """Counts the layers between each parameter and the head.

  Args:
    mine: a trainable tree.
    cfg: of its image model.

  Returns:
    A tree of integers, 0 for the head and the final norm, 1 for the last block.
  """
  flat = flatten_dict(mine, sep='/')
  found = {path: _count(path, cfg) for path in flat}
  return unflatten_dict(found, sep='/')


def _count(path: str, cfg: ImageModel) -> int:
  depth = cfg.num_blocks
  if block := _BLOCK.search(path):
    return depth - int(block[1])
  if merge := _MERGE.search(path):  # counts as the block before it
    before = [i for i in range(depth) if cfg.block(i).stage <= int(merge[1])]
    return depth - before[-1]
  top, *below = path.split('/')
  first = top == 'temporal_embedding' or (below[:1] and below[0] in EMBEDDINGS)
  return depth + 1 if first else 0
