"""Vectors of clips, windows or frames: of a trained model or an image model."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from i2v_jax.backbones.normalization import normalize
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.loading.window_spans import (
  Each,
  Windows,
  check_windows,
  make_sliding,
)
from i2v_jax.data.loading.windows import WindowReader
from i2v_jax.data.videos.frame_folder import FPS, check_fps
from i2v_jax.deploy.prediction.reading import (
  Reading,
  change_parallelism,
  make_reading,
)
from i2v_jax.deploy.prediction.results import check_finite
from i2v_jax.deploy.prediction.scoring import (
  Program,
  Scored,
  score,
)
from i2v_jax.models.inputs import (
  full_precision,
  full_precision_of,
  normalize_clips,
)
from i2v_jax.params import sha256
from i2v_jax.runtime import sharding
from i2v_jax.runtime.errors import UserError, check_choice
from i2v_jax.training import experiment
from i2v_jax.weights.image import load_image_model

PER = ('clip', 'window', 'frame')
FRAMES = 8  # of a clip or window, for an image model
VIEWS = 64  # of a batch, for an image model
SECONDS = 120.0  # limit for reading, as in configs


@dataclasses.dataclass(frozen=True)
class Encoder:
  """A model that gives a vector for each window, with how it reads videos.

  Attributes:
    compute: views, arrays `B x V x …`, to vectors `B x D`.
    mesh: devices over which windows are sharded.
    batch_size: about the number of views of a batch.
    reading: how videos are read.
    per: one of `PER`.
    facts: JSON, of the model.
  """

  compute: Callable[[Mapping], jax.Array]
  mesh: jax.sharding.Mesh
  batch_size: int
  reading: Reading
  per: str
  facts: Mapping[str, Any]

  @property
  def width(self) -> int:
    """D."""
    shapes = {
      name: jax.ShapeDtypeStruct((1, self.reading.spec.views, *shape), np.uint8)
      for name, shape in self.reading.spec.shapes.items()
    }
    return jax.eval_shape(self.compute, shapes).shape[1]

  def choose_size(self, count: int) -> int:
    """Chooses the windows of a batch for `count` videos."""
    return self.reading.choose_size(self.batch_size, self.mesh, count)

  def encode(
    self,
    clips: Sequence[str],
    done: int = 0,
    row: int = 0,
    progress: Callable[[float], Any] = lambda share: None,
  ) -> Iterator[Scored]:
    """Computes the vectors of videos after the first `done`: [n, D] of each.

    Args:
      clips: paths of all videos.
      done: number of those before an interruption.
      row: as in `scoring.score`.
      progress: as in `scoring.score`.
    """
    reading, size = self.reading, self.choose_size(len(clips))
    program = Program(self.compute, self.mesh, size)
    for scored in score(
      clips[done:], reading.reader, program, reading.parallel, row, progress
    ):
      check_finite(scored)
      yield scored


def encode_with_run(
  trained, per: str | None, window, step, **options
) -> Encoder:
  """Makes the encoder of a trained model: what its classifier reads.

  Args:
    trained: a `trained.Trained`.
    per: `clip` or `window`; None for a window if its length is given.
    window: seconds.
    step: seconds; None for half a window.
    **options: of `make_reading`.

  Raises:
    UserError: options that do not go together.
  """
  per, windows = choose_per(per, window, step)
  if per == 'frame':
    raise UserError(
      f'{trained.path} sees clips, not single frames; give --per window, or an '
      'image model as --weights without --workdir.'
    )
  compute = functools.partial(
    compute_vectors,
    trained.model,
    trained.config['data']['normalization'],
    trained.params,
  )
  reading = make_reading(trained, windows, **options)
  facts = {'run': str(trained.path), 'sha256': sha256(trained.params)[:16]}
  size = trained.config['batch_size']
  return Encoder(compute, trained.mesh, size, reading, per, facts)


def encode_with_image_model(
  source,
  per: str | None,
  window,
  step,
  *,
  image_size: int | None = None,
  mirror: bool = False,
  fps: float | None = None,
  threads: int | None = None,
  workers: int | None = None,
) -> Encoder:
  """Makes the encoder of a frozen image model: the mean over frames.

  Frames are resized to the image size by their short side, and the centre is
  cut out; each gives the vector that stands for an image in its family. A clip
  or window has 8 frames, spread evenly.

  Args:
    source: as in `load_image_model`.
    per: one of `PER`.
    window: seconds.
    step: seconds from one window to the next, None for half a window; of
      frames the distance, None for all frames.
    image_size: pixels; None for that of the weights.
    mirror: whether vectors are means with those of mirrored frames, so that a
      mirrored video has the same.
    fps: frames per second of videos that are folders of frames.
    threads: that read at once.
    workers: processes that read instead.

  Raises:
    FileNotFoundError: `source` does not exist.
    UserError: as `load_image_model`; or options do not go together.
  """
  per, windows = choose_per(per, window, step)
  check_fps(FPS if fps is None else fps)
  loaded = _load(source, image_size)
  cfg, normalization = loaded.model.cfg, loaded.report.normalization
  mesh = sharding.make_mesh()
  params = jax.device_put(loaded.params, sharding.replicated(mesh))
  frames = 1 if per == 'frame' else FRAMES
  spec = ClipSpec(frames, cfg.image_shape[0], sampling='uniform')
  reader = WindowReader(spec, windows, FPS if fps is None else fps, SECONDS)
  given = {'threads': Parallelism.threads}
  reading = Reading(reader, change_parallelism(given, threads, workers))
  compute = functools.partial(
    compute_image_vectors, loaded.model, normalization, mirror, params
  )
  facts = {
    'weights': str(source),
    'sha256': sha256(loaded.params)[:16],
    'mirror': mirror,
  }
  return Encoder(compute, mesh, VIEWS, reading, per, facts)


def _load(source, image_size: int | None):
  """Loads an image model that gives a vector for each image."""
  choices = {} if image_size is None else {'image_size': image_size}
  dtype = experiment.choose_dtype({'dtype': 'auto'})
  loaded = load_image_model(source, dtype=dtype, **choices)
  if (tubelet := loaded.model.cfg.tubelet) > 1:
    raise UserError(
      f'The patches of {source} span {tubelet} frames, so it gives no vector '
      'for an image; take an image model.'
    )
  return loaded


def choose_per(
  per: str | None, window: float | None, step: float | None
) -> tuple[str, Windows]:
  """Chooses of what there are vectors, and where its windows are.

  Raises:
    UserError: options that do not go together.
  """
  per = per or ('clip' if window is None else 'window')
  check_choice('--per', per, PER)
  if per == 'window' and window is None:
    raise UserError('--per window needs the length of a window: --window.')
  if per != 'window' and window is not None:
    raise UserError(f'--per {per} has no windows; leave --window out.')
  if per == 'frame':
    windows = Each(step or 0.0)
    check_windows(windows)
    return per, windows
  return per, make_sliding(window, step)


@functools.partial(jax.jit, static_argnums=(0, 1))
def compute_vectors(model, normalization: str, params, views: Mapping):
  """Computes what the head of a classifier reads: `B x D`, mean over views."""
  batch, count = views['video'].shape[:2]
  clips = {k: x.reshape(-1, *x.shape[2:]) for k, x in views.items()}
  pixels = normalize_clips(clips, normalization, model.image_model.dtype)
  with full_precision(model):
    found = model.apply({'params': params}, *pixels, method='represent')
  return found.reshape(batch, count, -1).mean(axis=1)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def compute_image_vectors(
  module, normalization: str, mirror: bool, params, views: Mapping
):
  """Computes the mean over frames of what stands for an image: `B x D`."""
  video = views['video']
  images = video.reshape(-1, *video.shape[3:])

  def embed(images):
    pixels = normalize(images, normalization, module.cfg.dtype)
    found = module.apply({'params': params}, pixels, pooled=True)
    return found.astype('float32')

  with full_precision_of(module.cfg.dtype):
    found = embed(images)
    if mirror:
      found = (found + embed(images[:, :, ::-1])) / 2
  return found.reshape(len(video), -1, found.shape[-1]).mean(axis=1)
