"""Reports on every key of a file."""

import dataclasses

from i2v_jax.backbones.vit_config import SIZES
from i2v_jax.runtime.errors import UserError


class MissingArgumentError(UserError):
  """A value that neither the file nor the caller gives.

  Attributes:
    name: the argument that gives it.
  """

  def __init__(self, name: str, message: str):
    super().__init__(name, message)  # args, so that it can be pickled
    self.name = name

  def __str__(self) -> str:
    return self.args[1]


def infer_num_heads(width: int, what: str) -> int:
  """Infers the number of heads: as published for a width, else of 64 channels.

  Raises:
    MissingArgumentError: the width is not published and not a multiple of 64,
      or above 1024.
  """
  published = {sizes[0]: sizes[2] for sizes in SIZES.values()}
  if width in published:
    return published[width]
  if width % 64 or width > 1024:  # wider models have wider heads
    raise MissingArgumentError(
      'num_heads',
      f'{what} does not state its number of heads, and its width of {width} '
      'is unusual; give num_heads=….',
    )
  return width // 64


@dataclasses.dataclass(frozen=True)
class Report:
  """Which keys were used, and how; any other key is an error.

  Attributes:
    format: name of the format.
    normalization: normalisation of pixels, named as in `data.normalization`.
    loaded: keys that became parameters.
    reshaped: parameters that were resampled, with both sizes.
    new: parameters that such files lack, by design.
    ignored: keys that the model does not use, by design.
    assumed: values that neither file nor caller gave.
    resampling: kind of `positions.KINDS` that the file's library uses.
    taken_from: file, wrapping and prefix of these weights.
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
    """Returns this report with what the `Weights` state about their file."""
    ignored = (*self.ignored, *weights.others)
    taken_from = weights.taken_from
    return dataclasses.replace(self, ignored=ignored, taken_from=taken_from)
