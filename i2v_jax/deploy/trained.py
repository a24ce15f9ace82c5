"""Loads trained models from a workdir, an export or an adapter file."""

import dataclasses
import functools
import logging
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from i2v_jax.data.clips.clips import ClipSpec, make_test_views
from i2v_jax.data.loading.window_spans import make_sliding
from i2v_jax.data.sets import given_clips
from i2v_jax.data.videos import faults
from i2v_jax.data.videos.decode import (
  DecodeError,
  FrameFolder,
  Video,
  open_video,
)
from i2v_jax.deploy.prediction import (
  encoders,
  reading,
  results,
  timeline_rules,
)
from i2v_jax.deploy.prediction.results import Prediction
from i2v_jax.deploy.prediction.timeline import Timeline
from i2v_jax.models import video
from i2v_jax.models.probabilities import compute_probabilities
from i2v_jax.runtime import sharding
from i2v_jax.training import experiment
from i2v_jax.training.evaluation.calibration import UNFITTED, Calibration
from i2v_jax.training.stored import read_stored

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Trained:
  """A classifier with all that is needed to use it.

  Attributes:
    model: the classifier.
    params: all its parameters, on the devices of `mesh`.
    config: config of the run that trained it.
    class_names: in label order.
    identity: JSON facts that identify the weights.
    mesh: mesh of devices.
    path: the folder or adapter file it was loaded from.
    calibration: temperature and thresholds that were fitted after training.
  """

  model: video.VideoClassifier
  params: Mapping
  config: Mapping[str, Any]
  class_names: tuple[str, ...]
  identity: Mapping[str, Any]
  mesh: Any
  path: pathlib.Path
  calibration: Calibration = UNFITTED

  @property
  def folder(self) -> pathlib.Path:
    """The folder for its results."""
    return self.path.parent if self.path.is_file() else self.path

  @property
  def training_fps(self) -> float | None:
    """Median frames per second of the videos it was trained on, if known."""
    return self.calibration.training_fps or None

  @property
  def spec(self) -> ClipSpec:
    """Preprocessing and views of the config."""
    return experiment.make_clip_spec(self.config)

  def probabilities(self, path, spec: ClipSpec | None = None, span=None):
    """Computes class probabilities `[classes]` of a video, averaged over views.

    Of a task `multi` each is between 0 and 1 by itself. They are not
    calibrated.

    Args:
      path: video file, its bytes, a folder of frames, or a video that
        `open_video` opened.
      spec: preprocessing and views in place of those of the config.
      span: first frame and the one after the last; None takes all.
    """
    if isinstance(path, Video | FrameFolder):
      views = make_test_views(path, spec or self.spec, span)
    else:
      name = '<bytes>' if isinstance(path, bytes) else path
      with faults.report_bugs(name), open_video(path) as opened:
        views = make_test_views(opened, spec or self.spec, span)
    name, task = self.config['data']['normalization'], self.config['task']
    batch = jax.tree.map(lambda x: x[None], views)
    return jax.device_get(
      compute_probabilities(self.model, name, self.params, batch, task=task)
    )[0]

  def calibrate(self, probabilities: np.ndarray) -> np.ndarray:
    """Applies the fitted temperature to probabilities `[..., classes]`."""
    return self.calibration.apply(probabilities, self.config['task'])

  def top(self, path, k: int | None = None) -> list[tuple[str, float]]:
    """Returns the classes of a video, calibrated, as `named` does."""
    return self.named(self.calibrate(self.probabilities(path)), k)

  def named(
    self, probabilities, k: int | None = None
  ) -> list[tuple[str, float]]:
    """Names classes with their probabilities, the best first.

    Args:
      probabilities: calibrated, `[classes]`.
      k: number of classes of a video with one label; None for 5. Of several
        labels those are named that reach their thresholds.

    Raises:
      UserError: `k` is below 1, or given for several labels.
    """
    return list(results.make_choice(self, k)(probabilities))

  def predict(
    self,
    paths,
    *,
    window: float | None = None,
    step: float | None = None,
    top: int | None = None,
    threshold: float | Mapping[str, float] | None = None,
    **options,
  ) -> Iterator[Prediction]:
    """Predicts videos, in the order in which they are named.

    They are read by threads and computed in batches. Threads may call it at
    once.

    Args:
      paths: one or several of what `i2v predict` takes: videos, folders,
        patterns, lists.
      window: seconds of a window that slides over each video.
      step: seconds from one window to the next; None for half a window.
      top: classes named of a video with one label; None for 5.
      threshold: from which on one of several labels holds, for all classes or
        by name; None for those fitted after training.
      **options: `spec`, `fps`, `threads`, `workers` of `reading.make_reading`.

    Yields:
      A `Prediction` for each video; that of one that cannot be read has its
      `error`.

    Raises:
      FileNotFoundError: a list or pattern is not there.
      UserError: options that do not go together.
    """
    choose = results.make_choice(self, top, threshold)
    windows = make_sliding(window, step)
    read = reading.make_reading(self, windows, **options)
    clips = _list_clips(paths)
    scored = reading.score_classes(self, clips, read)
    make = functools.partial(
      results.make_prediction, choose=choose, windows=windows is not None
    )
    return map(make, scored)

  def timeline(
    self,
    path,
    *,
    window: float | None = None,
    step: float | None = None,
    threshold: float | Mapping[str, float] | None = None,
    rules: Mapping[str, float] | None = None,
    **options,
  ) -> Timeline:
    """Finds what happens when in a video.

    Args:
      path: of the video.
      window: seconds of the window that slides over it; None as in
        `timeline_rules.choose_windows`.
      step: seconds from one window to the next; None for half a window.
      threshold: as in `predict`, of a model with one label too.
      rules: `stay`, `min_length` and `max_gap` of `timeline.Rules`.
      **options: as in `predict`.

    Raises:
      DecodeError: the video cannot be read, or has a single window.
      UserError: options that do not go together.
    """
    windows = timeline_rules.choose_windows(self, window, step)
    found = timeline_rules.make_rules(self, threshold, **rules or {})
    read = reading.make_reading(self, windows, **options)
    (scored,) = reading.score_classes(self, [os.fspath(path)], read)
    made = timeline_rules.describe_timeline(scored, windows, found)
    if made.error:
      raise DecodeError(made.error)
    return made

  def features(
    self,
    paths,
    *,
    per: str | None = None,
    window: float | None = None,
    step: float | None = None,
    **options,
  ) -> np.ndarray:
    """Computes what the classifier reads of videos: float32 [n, D].

    Args:
      paths: as in `predict`.
      per: `clip`, or `window`, whose rows of one video follow those of another.
      window: seconds of a window.
      step: seconds from one window to the next; None for half a window.
      **options: as in `predict`.

    Raises:
      DecodeError: a video cannot be read.
      UserError: options that do not go together.
    """
    encoder = encoders.encode_with_run(self, per, window, step, **options)
    found = [np.empty((0, encoder.width), np.float32)]
    for scored in encoder.encode(_list_clips(paths)):
      if scored.error:
        raise DecodeError(scored.error)
      found.append(scored.values)
    return np.concatenate(found)


def _list_clips(paths) -> list[str]:
  """Lists the videos that a caller names; logs what is left out."""
  one = isinstance(paths, str | os.PathLike)
  given = given_clips.list_clips([paths] if one else paths)
  for note in given.notes:
    _LOG.warning('%s', note)
  return given.clips


def load(path, *, weights: str = '', root: str = '') -> Trained:
  """Loads the newest checkpoint of a workdir, an export, or an adapter file.

  Args:
    path: the folder, or an adapter file.
    weights: new place of the frozen weights, if they have moved.
    root: new place of the data, if it has moved.

  Raises:
    FileNotFoundError: `path` is none of these, or the frozen weights cannot be
      found.
    UserError: a file is damaged, or the frozen weights are not those of the
      training.
  """
  return place_on_mesh(*read_stored(path, weights, root))


def place_on_mesh(
  model,
  params,
  config,
  class_names,
  identity,
  path,
  calibration: Calibration = UNFITTED,
) -> Trained:
  """Returns a `Trained` with parameters on the devices of a new mesh.

  Parameters that the run sharded are sharded over the devices of this machine.
  """
  mesh = sharding.make_mesh()
  params = jax.device_put(
    params, sharding.make_shardings_for_use(params, config['mesh'], mesh)
  )
  return Trained(
    model, params, config, class_names, identity, mesh, path, calibration
  )
