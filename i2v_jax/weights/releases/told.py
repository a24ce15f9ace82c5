"""What the caller says of a release, because no file does."""

import dataclasses
from collections.abc import Mapping
from typing import Any


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
    """An argument that this file needs; raises ValueError without it."""
    value = getattr(self, name)
    if value is None:
      raise ValueError(f'{self.what} does not hold {why}; give {name}=….')
    return value

  def vit(self, sizes: Mapping[str, Any]) -> dict:
    """The backbone's part of a model spec, with heads and image size."""
    size = self.options.get('image_size', sizes['image_size'])
    heads = dict(num_heads=max(1, sizes['width'] // 64))
    if self.num_heads:
      sizes = dict(sizes) | dict(num_heads=self.num_heads)
    return heads | dict(sizes) | dict(image_size=size)
