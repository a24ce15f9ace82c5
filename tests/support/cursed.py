"""What workers may meet that is no error, but worse."""

import dataclasses
import os
import threading

from i2v_jax.data.loading import windows
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.loading.windows import WindowReader
from i2v_jax.data.prepare import staging


@dataclasses.dataclass(frozen=True)
class Cursed(Loader):
  """Video 3 hangs, video 5 takes its process along."""

  def load_clip(self, index, rng):
    if index == 3:
      threading.Event().wait()
    if index == 5:
      os.abort()
    return super().load_clip(index, rng)


@dataclasses.dataclass(frozen=True)
class CursedWindows(WindowReader):
  """The second block of a video of this name takes its process along."""

  def __call__(self, path, numbers=None):
    windows.MOST_FRAMES = 6
    if numbers is not None and path.endswith('exits.mp4'):
      os._exit(3)
    return super().__call__(path, numbers)


def store(path, recipe, fps):
  """As `staging.store`, but for videos of two names."""
  if path.endswith('hangs.mp4'):
    threading.Event().wait()
  if path.endswith('aborts.mp4'):
    os.abort()
  return staging.store(path, recipe, fps)


def meet(folder, number, count):
  """Waits until `count` calls are in here; returns who this process is."""
  (folder / str(number)).touch()
  while len(list(folder.iterdir())) < count:
    threading.Event().wait(0.01)  # busy, they would take the others' time
  return os.getpid()


class Empty(Exception):  # noqa: N818
  """An error that counts as false."""

  def __len__(self):
    return 0


def fail(error):
  """Raises the error, or returns what cannot be sent."""
  if error is not None:
    raise error
  return threading.Lock()
