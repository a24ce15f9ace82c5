"""How a trained model reads videos, and what it computes of them."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.loading.window_spans import Windows, check_windows
from i2v_jax.data.loading.windows import WindowReader
from i2v_jax.data.videos.frame_folder import FPS, check_fps
from i2v_jax.deploy.prediction.scoring import (
  Program,
  Scored,
  choose_size,
  score,
)
from i2v_jax.models.probabilities import compute_probabilities
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError


@dataclasses.dataclass(frozen=True)
class Reading:
  """How videos are read.

  Attributes:
    reader: the views of their windows.
    parallel: threads and workers.
  """

  reader: WindowReader
  parallel: Parallelism

  @property
  def spec(self) -> ClipSpec:
    """How views are made."""
    return self.reader.spec

  def choose_size(self, batch_size: int, mesh, count: int) -> int:
    """Chooses the windows of a batch for `count` videos.

    A single video without windows is a batch of its own: nothing is padded.
    Otherwise as `scoring.choose_size`.
    """
    if self.reader.windows is None and count == 1:
      return mesh.shape['data']
    return choose_size(batch_size, self.spec, mesh)


def make_reading(
  trained,
  windows: Windows = None,
  *,
  spec: ClipSpec | None = None,
  fps: float | None = None,
  threads: int | None = None,
  workers: int | None = None,
) -> Reading:
  """Makes the reading of a trained model; what is None is as in its config.

  Args:
    trained: a `trained.Trained`.
    windows: where windows are.
    spec: preprocessing and views.
    fps: frames per second of videos that are folders of frames.
    threads: that read at once.
    workers: processes that read instead.

  Raises:
    UserError: the model classifies boxes, or a value is out of its range.
  """
  if trained.model.num_boxes:
    raise UserError(
      f'{trained.path} classifies boxes, not complete clips; use i2v detect.'
    )
  data = trained.config['data']
  fps = data.get('fps', FPS) if fps is None else fps
  check_fps(fps)
  check_windows(windows)
  seconds = data.get('clip_seconds', 0)
  reader = WindowReader(spec or trained.spec, windows, fps, seconds)
  given = dict(trained.config.get('loader', {}))
  return Reading(reader, change_parallelism(given, threads, workers))


def change_parallelism(
  given: dict[str, Any], threads: int | None, workers: int | None
) -> Parallelism:
  """Makes the threads and workers of a config, or others in their place.

  Threads that are given alone read in place of workers of the config.
  """
  if threads is not None and workers is None:
    workers = 0
  changes = {'threads': threads, 'workers': workers}
  changes = {
    name: ranges.FROM_0(f'--{name}', value)
    for name, value in changes.items()
    if value is not None
  }
  return Parallelism(**given | changes)


def score_classes(
  trained,
  paths: Sequence[str],
  reading: Reading,
  row: int = 0,
  progress: Callable[[float], Any] = lambda share: None,
  count: int | None = None,
) -> Iterator[Scored]:
  """Computes calibrated class probabilities of windows, `[n, classes]`.

  Args:
    trained: the model.
    paths: of the videos.
    reading: how they are read.
    row: as in `scoring.score`.
    progress: as in `scoring.score`.
    count: of videos, those before an interruption too; None if there was none.
  """
  task = trained.config['task']
  compute = functools.partial(
    compute_probabilities,
    trained.model,
    trained.config['data']['normalization'],
    trained.params,
    task=task,
  )
  size = reading.choose_size(
    trained.config['batch_size'], trained.mesh, count or len(paths)
  )
  program = Program(compute, trained.mesh, size)
  for found in score(
    paths, reading.reader, program, reading.parallel, row, progress
  ):
    if not found.error:
      found = found._replace(values=trained.calibrate(found.values))
    yield found
