"""What a method needs of a frozen block, which may be another project's."""

import contextlib
import inspect
from collections.abc import Callable, Sequence

from flax import linen as nn

from i2v_jax.runtime.errors import UserError


def require_config(block, who: str, *fields: str):
  """`block.cfg`, of which `who` reads these fields.

  Raises:
    UserError: the block does not have them.
  """
  cfg = getattr(block, 'cfg', None)
  if missing := [name for name in fields if not hasattr(cfg, name)]:
    raise UserError(
      f'{who} reads {", ".join(missing)} from block.cfg; give '
      f'{_name(block)} a cfg that has it.'
    )
  return cfg


def count_prefix(block) -> int:
  """Tokens before the patches; 1, a class token, for a block without cfg."""
  return getattr(getattr(block, 'cfg', None), 'num_prefix', 1)


def count_window(block) -> int:
  """Side of the windows that its attention is within; 0 for all tokens."""
  return getattr(getattr(block, 'cfg', None), 'window', 0)


def check_parts(block) -> None:
  """Raises UserError unless the block has the parts that methods wire."""
  parts = 'ln1', 'attn', 'ln2', 'mlp'
  if missing := [name for name in parts if not hasattr(block, name)]:
    raise UserError(
      f'Adapters connect the parts {", ".join(parts)} of a block; name those '
      f'of {_name(block)} so, it has no {", ".join(missing)}.'
    )


def attend(block, *x, **hook):
  """`block.attn` of x, or of x_q, x_k, x_v, with `heads` where they move.

  Raises:
    UserError: it does not take these arguments.
  """
  try:
    inspect.signature(block.attn).bind(*x, **hook)
  except TypeError:
    inputs = ['x'] if len(x) == 1 else ['x_q', 'x_k', 'x_v']
    asked = ', '.join(inputs + list(hook))
    raise UserError(
      f'The attention of {_name(block)} does not take {asked}, which these '
      'adapters or this operator need; give it the arguments of '
      'i2v_jax.backbones.vit.Attention.'
    ) from None
  return block.attn(*x, **hook)


@contextlib.contextmanager
def change_layers(
  block, who: str, names: Sequence[str], kinds: tuple, after: Callable
):
  """While open, layers of these names return `after(name, x, y)` for y.

  Raises:
    UserError: on leaving, where a name was that of no layer, or of several.
  """
  found = {name: set() for name in names}

  def change(frozen, args, kwargs, context):
    y, layer = frozen(*args, **kwargs), context.module
    if not isinstance(layer, kinds) or layer.name not in found:
      return y
    found[layer.name].add(layer.path)
    return after(layer.name, args[0], y)

  with nn.intercept_methods(change):
    yield
  if wrong := [name for name, paths in found.items() if len(paths) != 1]:
    kind = ' or '.join(f'nn.{kind.__name__}' for kind in kinds)
    raise UserError(
      f'{who} needs one {kind} named {", ".join(wrong)} in {_name(block)}; '
      'name its layers so, or take a method that asks for no names.'
    )


def _name(block) -> str:
  return type(getattr(block, 'block', block)).__name__
