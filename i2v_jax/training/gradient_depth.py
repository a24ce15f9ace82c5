"""How far down the gradient goes: what lies below is computed forward only.

JAX differentiates with respect to the trainable tree alone, so that the
backward pass ends by itself at the lowest trained parameter.
"""

import re
from collections.abc import Mapping

from flax.traverse_util import flatten_dict

from i2v_jax.runtime.errors import UserError

BEHIND = ('head/', 'backbone/ln_post/', 'backbone/map/')  # all blocks
BLOCK = re.compile(r'(adapters|backbone)/blocks_(\d+)/')


def check(model, mine: Mapping) -> None:
  """Raises UserError for what is trained and gets no gradient."""
  for part in model.no_gradient:
    if part in mine:
      raise UserError(
        f'{model.adapter["name"]} gives {part} no gradient, so it cannot be '
        'trained; take it out of trainable.'
      )


def find_lowest_block(model, mine: Mapping) -> int:
  """First block that the gradient goes through; the depth where none.

  Args:
    model: a classifier.
    mine: its trainable tree.
  """
  paths = flatten_dict(mine, sep='/')
  if 'backbone' in model.no_gradient:
    return model.image_model.num_blocks
  return min(_find_block(path, model.image_model.num_blocks) for path in paths)


def _find_block(path: str, depth: int) -> int:
  if found := BLOCK.match(path):
    return int(found[2])
  return depth if path.startswith(BEHIND) else 0


def describe_depth(model, mine: Mapping) -> str:
  """What is worth saying of how far the gradient goes, or ''.

  That it ends above block 0, or goes on there for one table's sake.
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
