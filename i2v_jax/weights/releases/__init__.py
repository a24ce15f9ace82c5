"""Published video checkpoints -> our classifiers, strictly.

One file per family of releases. What a file holds decides what it is; what no
file holds is asked for.
"""

from i2v_jax.runtime.errors import UserError
from i2v_jax.weights import image, prefixes
from i2v_jax.weights.files import Weights
from i2v_jax.weights.releases import dualpath, evl, st_adapter, zeroi2v_aim

RELEASES = (evl, dualpath, st_adapter, zeroi2v_aim)


def open_release(source, which: str = '') -> Weights:
  """What `image.open_source` opens, without the prefixes of trainers."""
  return prefixes.unwrapped(image.open_source(source, which), RELEASES, which)


def recognise(weights: Weights):
  """The module of a release; raises UserError if there is none."""
  for release in RELEASES:
    if release.recognises(weights.arrays):
      return release
  raise UserError(
    f'{weights.what} is no published video model that is known; its keys '
    f'begin with {sorted(weights.arrays)[:3]}.'
  )
