"""Prefixes in a config (`trainable`, the optimiser) that its model has."""

from collections.abc import Mapping
from typing import Any

from i2v_jax.params import check_prefixes, matches
from i2v_jax.runtime.errors import UserError

# A model may be told not to have these.
OPTIONAL = ('adapters', 'projection', 'temporal_embedding')
BY_PREFIX = ('lr_multipliers', 'decay_multipliers', 'first_channels')


def drop_absent(config: Mapping[str, Any], params: Mapping) -> dict[str, Any]:
  """A config without the prefixes of parts that are absent or not trained.

  Args:
    config: an experiment, whose `trainable` and tables of the optimiser name
      parameters by prefix.
    params: its parameters, or their shapes.

  Raises:
    UserError: a prefix matches nothing, as a misspelt one; names its key.
  """
  absent = set(OPTIONAL) - set(params)
  kept = lambda paths: [p for p in paths if p.split('/')[0] not in absent]
  trainable = kept(config['trainable'])
  check_prefixes(params, trainable, 'trainable')
  if not trainable:
    raise UserError(
      f'trainable is {list(config["trainable"])}, none of which is in this '
      f'model; name some of {", ".join(sorted(params))}.'
    )
  is_trained = lambda path: any(
    matches(path, t) or matches(t, path) for t in trainable
  )
  options = dict(config['optimizer'])
  for key in BY_PREFIX:
    there = kept(options[key])
    if key != 'first_channels':  # whose paths are checked with their shapes
      check_prefixes(params, there, f'optimizer.{key}')
      there = filter(is_trained, there)
    options[key] = {p: options[key][p] for p in there}
  return {**config, 'trainable': trainable, 'optimizer': options}


def describe_dropped(
  before: Mapping[str, Any], after: Mapping[str, Any]
) -> str:
  """What `present` has taken out of a config, in words, or ''."""
  lists = {'trainable': (before['trainable'], after['trainable'])}
  for key in BY_PREFIX:
    lists[f'optimizer.{key}'] = [c['optimizer'][key] for c in (before, after)]
  gone = {key: sorted({*old} - {*new}) for key, (old, new) in lists.items()}
  named = [
    f'{", ".join(paths)} ({key})' for key, paths in gone.items() if paths
  ]
  begin = 'left out, as the model lacks them or they are not trained'
  return f'{begin}: {"; ".join(named)}' if named else ''
