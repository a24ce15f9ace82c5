"""The lowest block that the gradient reaches; those below run forward only.

JAX differentiates with respect to the trainable tree alone, so the backward
pass ends by itself at the lowest trained parameter.
"""

import re
from collections.abc import Mapping

from flax.traverse_util import flatten_dict

from i2v_jax.runtime.errors import UserError

AFTER = ('head/', 'backbone/ln_post/', 'backbone/map/')  # after all blocks
BLOCK = re.compile(r'(adapters|backbone)/blocks_(\d+)/')
MERGING = re.compile(r'backbone/merges_(\d+)/')  # between two stages


def check(model, mine: Mapping) -> None:
  """Raises UserError for trained parameters that get no gradient."""
  for part in model.no_gradient:
    if part in mine:
      raise UserError(
        f'{model.adapter["name"]} gives {part} no gradient, so it cannot be '
        'trained; take it out of trainable.'
      )


def find_lowest_block(model, mine: Mapping) -> int:
  """Finds the lowest block that the gradient goes through; depth if none.

  Args:
    model: a classifier.
    mine: its trainable tree.
  """
  paths = flatten_dict(mine, sep='/')
  if 'backbone' in model.no_gradient:
    return model.image_model.num_blocks
  return min(_find_block(path, model.image_model) for path in paths)


def _find_block(path: str, cfg) -> int:
  if found := BLOCK.match(path):
    return int(found[2])
  depth = cfg.num_blocks
  if found := MERGING.match(path):  # which is before the next stage
    stages = [cfg.block(i).stage for i in range(depth)]
    return stages.index(int(found[1]) + 1)
  return depth if path.startswith(AFTER) else 0


def describe_depth(model, mine: Mapping) -> str:
  """Describes how far the gradient goes, or returns ''.

  Reports that the gradient stops above block 0, or reaches it only for the
  temporal embedding.
  """
  depth, lowest = model.image_model.num_blocks, find_lowest_block(model, mine)
  if lowest:
    return f'; the gradient goes through {depth - lowest} of {depth} blocks'
  if 'temporal_embedding' not in mine:
    return ''
  rest = {k: v for k, v in mine.items() if k != 'temporal_embedding'}
  without = find_lowest_block(model, rest) if rest else depth
  if not without:
    return ''
  return (
    f'; the gradient goes through all {depth} blocks to temporal_embedding, '
    f'through {depth - without} with model.temporal_embedding=False'
  )
