"""What the caller says of a release, because no file does."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from i2v_jax.weights.report import NotToldError, num_heads


@dataclasses.dataclass(frozen=True)
class Told:
  """The arguments of `load_release`."""

  what: str
  method: str | None
  backbone: Any
  offsets: Any
  num_heads: int | None
  adapter_scale: float | None
  options: Mapping[str, Any]

  def ask(self, name: str, why: str):
    """An argument that this file needs; raises NotToldError without it."""
    value = getattr(self, name)
    if value is None:
      message = f'{self.what} does not hold {why}; give {name}=….'
      raise NotToldError(name, message)
    return value

  def vit(self, sizes: Mapping[str, Any]) -> dict:
    """The backbone's part of a model spec, with heads and image size."""
    size = self.options.get('image_size', sizes['image_size'])
    heads = self.num_heads or sizes.get('num_heads')
    heads = heads or num_heads(sizes['width'], self.what)
    return dict(sizes) | dict(num_heads=heads, image_size=size)
