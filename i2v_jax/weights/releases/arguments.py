"""The arguments of `load_release`: values that no file holds."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.report import MissingArgumentError, infer_num_heads


@dataclasses.dataclass(frozen=True)
class Arguments:
  """The arguments of `load_release`, and a record of their use.

  `asked` holds those that the file needed; `assumed` the values assumed.
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
    """Returns an argument that the file needs, or raises an error for it."""
    self.asked.add(name)
    value = getattr(self, name)
    if name == 'adapter_scale' and not isinstance(value, int | float | None):
      raise UserError(f'adapter_scale is {value!r}, not a number.')
    if value is None:
      message = f'{self.what} does not hold {why}; give {name}=….'
      raise MissingArgumentError(name, message)
    return value

  def check(self, method: str) -> None:
    """Raises UserError for arguments that contradict the file."""
    if self.method not in (None, method):
      raise UserError(f'{self.what} is of {method}, not of {self.method}.')
    for name in ('backbone', 'offsets', 'adapter_scale'):
      if getattr(self, name) is not None and name not in self.asked:
        raise UserError(f'{self.what} is of {method}, which has no {name}.')

  def make_backbone(self, sizes: Mapping[str, Any]) -> dict:
    """Makes the backbone's part of a model spec: heads and image size."""
    size = self.options.get('image_size', sizes['image_size'])
    heads = self.num_heads or sizes.get('num_heads')
    if not heads:
      heads = infer_num_heads(sizes['width'], self.what)
      self.assumed.append(f'num_heads {heads}')
    return dict(sizes) | dict(num_heads=heads, image_size=size)
