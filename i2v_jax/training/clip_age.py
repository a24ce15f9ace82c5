"""Whether frames before training clips, `clip.age`, change anything."""

from collections.abc import Mapping
from typing import Any

from i2v_jax.models import streaming
from i2v_jax.runtime.errors import UserError


def check_age(config: Mapping[str, Any], model) -> None:
  """Raises UserError where frames before training clips change nothing."""
  given = f'clip.age is {config["clip"]["age"]}'
  if reason := streaming.find_obstacle(model):
    raise UserError(
      f'{given}, which only models that can read a stream can use: {reason}; '
      'or set clip.age to 0.'
    )
  if config['cache_gb']:
    raise UserError(
      f'{given}, and cache_gb keeps features of clips that have no frames '
      'before them; set one of the two to 0.'
    )
  if not streaming.count_bytes(model)['blocks']:
    raise UserError(
      f'{given}, but no block of this model looks at other frames, so those '
      'before a clip change nothing; set clip.age to 0, or train heads that '
      'look back.'
    )
