"""Published video checkpoints -> our classifiers, strictly.

One file per family of releases. The keys of a file decide what it is;
arguments: values that no file holds.

Each has `recognises(keys)`, `describe_format`, `read_spec` (the model part of a
config) and `convert`, which returns the tree.
"""

from i2v_jax.runtime.errors import UserError
from i2v_jax.weights import image, prefixes
from i2v_jax.weights.files import Weights
from i2v_jax.weights.releases import (
  dualpath,
  evl,
  st_adapter,
  swin,
  zeroi2v_aim,
)

RELEASES = (evl, dualpath, st_adapter, zeroi2v_aim, swin)


def open_release(source, which: str = '') -> Weights:
  """Opens a source and removes the prefixes that trainers add to keys."""
  return prefixes.unwrap(image.open_source(source, which), RELEASES, which)


def find_release(weights: Weights):
  """Finds the module of a release; raises UserError for an unknown one."""
  for release in RELEASES:
    if release.recognises(weights.arrays):
      return release
  raise UserError(
    f'{weights.what} is not a known published video model; its keys begin '
    f'with {sorted(weights.arrays)[:3]}.'
  )
