"""A loader some of whose videos are no errors, but worse."""

import dataclasses
import os
import threading

from i2v_jax.data.loader import Loader


@dataclasses.dataclass(frozen=True)
class Cursed(Loader):
  """Video 3 hangs, video 5 takes its process along."""

  def train(self, index, rng):
    if index == 3:
      threading.Event().wait()
    if index == 5:
      os.abort()
    return super().train(index, rng)
