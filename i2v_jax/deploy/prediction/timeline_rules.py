"""The windows and rules of the timelines of a trained model."""

from collections.abc import Mapping

import numpy as np

from i2v_jax.data.loading.window_spans import Sliding, Windows, check_windows
from i2v_jax.data.sets.background import is_background
from i2v_jax.deploy.prediction import results
from i2v_jax.deploy.prediction.results import check_finite
from i2v_jax.deploy.prediction.scoring import Scored
from i2v_jax.deploy.prediction.timeline import (
  STAY,
  Rules,
  Timeline,
  make_timeline,
)
from i2v_jax.runtime.errors import UserError

SECONDS = 2.0  # of a window where nothing else says it


def choose_windows(
  trained, window: float | None = None, step: float | None = None
) -> Sliding:
  """Chooses the windows of a timeline.

  A window is as long as what the model was trained on: of a model with dense
  clips, a clip, and otherwise the median segment; else two seconds.

  Args:
    trained: a `trained.Trained`.
    window: seconds, if another length is wanted.
    step: seconds from one to the next; None for half a window.

  Raises:
    UserError: a value is out of its range.
  """
  spec, frames = trained.spec, 0
  if window is None and spec.sampling == 'dense':
    window, frames = 0.0, spec.num_frames * spec.stride
  learnt = trained.calibration.segment_seconds or SECONDS
  seconds = learnt if window is None else window
  windows = Sliding(seconds, step, frames)
  check_windows(windows)
  return windows


def make_rules(
  trained,
  threshold: float | Mapping[str | None, float] | None = None,
  stay: float = STAY,
  min_length: float = 0.0,
  max_gap: float = 0.0,
) -> Rules:
  """Makes the rules of a timeline.

  Args:
    trained: a `trained.Trained`.
    threshold: from which on a class holds, as in `results.make_thresholds`.
    stay: see `Rules`.
    min_length: see `Rules`.
    max_gap: see `Rules`.

  Raises:
    UserError: an unknown class, a value out of its range, or a model that knows
      no class but `background`.
  """
  names = tuple(trained.class_names)
  if all(map(is_background, names)):
    raise UserError(
      f'{trained.path} knows only {names[0]!r}, which is never a segment.'
    )
  fitted = trained.calibration.thresholds
  thresholds = results.make_thresholds(names, fitted, threshold)
  exclusive = trained.config['task'] == 'single'
  return Rules(names, thresholds, exclusive, stay, min_length, max_gap)


def describe_timeline(
  scored: Scored, windows: Windows, rules: Rules
) -> Timeline:
  """Makes the timeline of a scored video, or one with its error."""
  if scored.error:
    return Timeline(scored.path, error=scored.error)
  check_finite(scored)
  values = np.asarray(scored.values, np.float64)
  return make_timeline(scored.path, scored.seconds, values, windows.step, rules)
