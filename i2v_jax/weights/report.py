"""What happened to every key of a file."""

import dataclasses


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
  """

  format: str
  normalization: str
  loaded: tuple[str, ...] = ()
  reshaped: tuple[str, ...] = ()
  new: tuple[str, ...] = ()
  ignored: tuple[str, ...] = ()
