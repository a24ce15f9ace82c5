"""What the caller says of a release, because no file does."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.report import NotStatedError, num_heads


@dataclasses.dataclass(frozen=True)
class Stated:
  """The arguments of `load_release`, and what became of them.

  `asked` are those that the file needed; `assumed` is what nobody told.
  """

  what: str
  method: str | None
  backbone: Any
  offsets: Any
  num_heads: int | None
  adapter_scale: float | None
  options: Mapping[str, Any]
  asked: set = dataclasses.field(default_factory=set)
  assumed: list = dataclasses.field(default_factory=list)

  def ask(self, name: str, why: str):
    """An argument that this file needs; raises NotToldError without it."""
    self.asked.add(name)
    value = getattr(self, name)
    if name == 'adapter_scale' and not isinstance(value, int | float | None):
      raise UserError(f'adapter_scale is {value!r}, not a number.')
    if value is None:
      message = f'{self.what} does not hold {why}; give {name}=….'
      raise NotStatedError(name, message)
    return value

  def check(self, method: str) -> None:
    """Raises UserError for what was said and does not go with the file."""
    if self.method not in (None, method):
      raise UserError(f'{self.what} is of {method}, not of {self.method}.')
    for name in ('backbone', 'offsets', 'adapter_scale'):
      if getattr(self, name) is not None and name not in self.asked:
        raise UserError(f'{self.what} is of {method}, which has no {name}.')

  def vit(self, sizes: Mapping[str, Any]) -> dict:
    """The backbone's part of a model spec, with heads and image size."""
    size = self.options.get('image_size', sizes['image_size'])
    heads = self.num_heads or sizes.get('num_heads')
    if not heads:
      heads = num_heads(sizes['width'], self.what)
      self.assumed.append(f'num_heads {heads}')
    return dict(sizes) | dict(num_heads=heads, image_size=size)
