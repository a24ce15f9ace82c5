"""What happened to every key of a file."""

import dataclasses

from i2v_jax.backbones.vit_config import SIZES
from i2v_jax.runtime.errors import UserError


class NotStatedError(UserError):
  """Something that no file holds and the caller has not given.

  Attributes:
    name: of the argument.
  """

  def __init__(self, name: str, message: str):
    super().__init__(name, message)  # as it is pickled between processes
    self.name = name

  def __str__(self) -> str:
    return self.args[1]


def num_heads(width: int, what: str) -> int:
  """Heads of a width, which no array tells: as published, else of 64 channels.

  Raises:
    NotToldError: a width that is neither published nor cut so.
  """
  published = {sizes[0]: sizes[2] for sizes in SIZES.values()}
  if width in published:
    return published[width]
  if width % 64 or width > 1024:  # wider models have wider heads
    raise NotStatedError(
      'num_heads',
      f'{what} does not tell how many heads it has, and its width of {width} '
      'is not one of the usual; give num_heads=….',
    )
  return width // 64


@dataclasses.dataclass(frozen=True)
class Report:
  """Which keys were used, and how. A key that is nowhere here is an error.

  Attributes:
    format: the name of the format.
    normalization: of the pixels, as `data.normalization` names it.
    loaded: keys that became parameters.
    reshaped: parameters that were resampled, with both sizes.
    new: parameters that such a file does not have, by design.
    ignored: keys that the model has no use for, by design.
    assumed: what the file does not tell and nobody said, as such files are.
    resampling: kind of `positions.KINDS` that the library of the file takes.
    taken_from: which file, wrapping and prefix these weights were found under.
  """

  format: str
  normalization: str
  loaded: tuple[str, ...] = ()
  reshaped: tuple[str, ...] = ()
  new: tuple[str, ...] = ()
  ignored: tuple[str, ...] = ()
  assumed: tuple[str, ...] = ()
  resampling: str = 'bicubic'
  taken_from: tuple[str, ...] = ()

  def of_file(self, weights) -> 'Report':
    """This report with what the `Weights` say about their file."""
    ignored = (*self.ignored, *weights.beside)
    taken_from = weights.taken_from
    return dataclasses.replace(self, ignored=ignored, taken_from=taken_from)
