"""What is predicted of a video: classes, their probabilities, windows."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from i2v_jax.deploy.prediction.scoring import Scored
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import NonFiniteError, UserError, suggest
from i2v_jax.training.evaluation.calibration import THRESHOLD

TOP = 5  # classes of a video with one label

Named = tuple[str, float]
Choose = Callable[[np.ndarray], tuple[Named, ...]]


@dataclasses.dataclass(frozen=True, eq=False)
class WindowResult:
  """What is predicted of a window.

  Attributes:
    start: seconds from the first frame of the video.
    end: the same.
    probabilities: float32 [classes], calibrated.
    top: classes with their probabilities, the best first.
  """

  start: float
  end: float
  probabilities: np.ndarray
  top: tuple[Named, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
  """What is predicted of a video.

  Attributes:
    file: its path.
    probabilities: float32 [classes], the mean over its windows; none if it is
      bad.
    top: classes with their probabilities, the best first: of a task `multi`
      those that hold.
    windows: its windows, if they were asked for.
    error: why it is bad, or ''.
  """

  file: str
  probabilities: np.ndarray
  top: tuple[Named, ...] = ()
  windows: tuple[WindowResult, ...] | None = None
  error: str = ''

  def to_json(self) -> dict[str, Any]:
    """Makes what `i2v predict --json` prints of it."""
    if self.error:
      return {'file': self.file, 'error': self.error}
    found = {'file': self.file, 'top': _to_json(self.top)}
    if self.windows is None:
      return found
    return found | {
      'windows': [
        {
          'start': round(window.start, 3),
          'end': round(window.end, 3),
          'top': _to_json(window.top),
        }
        for window in self.windows
      ]
    }


def _to_json(top: Sequence[Named]) -> list[dict[str, Any]]:
  return [{'name': name, 'probability': round(value, 6)} for name, value in top]


def make_prediction(
  scored: Scored, choose: Choose, windows: bool
) -> Prediction:
  """Makes the result of a video.

  Args:
    scored: with calibrated probabilities as values.
    choose: the classes that are named.
    windows: whether those of each window are too.

  Raises:
    NonFiniteError: the model gives non-finite probabilities.
  """
  if scored.error:
    return Prediction(
      scored.path, np.empty(0, np.float32), (), None, scored.error
    )
  check_finite(scored)
  mean = scored.values.mean(axis=0)
  made = None
  if windows:
    made = tuple(
      WindowResult(*ends, values, choose(values))
      for ends, values in zip(
        scored.seconds.tolist(), scored.values, strict=True
      )
    )
  return Prediction(scored.path, mean, choose(mean), made)


def check_finite(scored: Scored) -> None:
  """Raises NonFiniteError for values of a model that has diverged."""
  if not np.isfinite(scored.values).all():
    raise NonFiniteError(
      f'The model gives non-finite values for {scored.path!r}; its parameters '
      'have diverged.'
    )


def make_choice(
  trained,
  top: int | None = None,
  threshold: float | Mapping[str | None, float] | None = None,
) -> Choose:
  """Makes what chooses the classes that are named.

  Args:
    trained: a `trained.Trained`.
    top: most classes of a video with one label; None for 5.
    threshold: of all classes or of some, where there are several labels; None
      for those fitted after training.

  Raises:
    UserError: an option of the other task, or an unknown class.
  """
  names = trained.class_names
  if trained.config['task'] == 'multi':
    if top is not None:
      raise UserError(
        f'{trained.path} gives any number of labels, so there is no --top; '
        'give --threshold.'
      )
    fitted = trained.calibration.thresholds
    return choose_held(names, make_thresholds(names, fitted, threshold))
  if threshold is not None:
    raise UserError(
      f'{trained.path} gives each video one label, so --threshold is for '
      '--timeline; give --top for the number of classes.'
    )
  return choose_best(names, TOP if top is None else top)


def choose_best(class_names: Sequence[str], count: int) -> Choose:
  """Chooses the `count` most probable classes, the best first."""
  ranges.COUNT('--top', count)

  def choose(probabilities: np.ndarray) -> tuple[Named, ...]:
    order = (-probabilities).argsort(kind='stable')[:count]
    return tuple((class_names[i], float(probabilities[i])) for i in order)

  return choose


def choose_held(class_names: Sequence[str], thresholds: np.ndarray) -> Choose:
  """Chooses the classes at or above their thresholds, the best first."""
  best = choose_best(class_names, len(class_names))
  least = dict(zip(class_names, thresholds.tolist(), strict=True))

  def choose(probabilities: np.ndarray) -> tuple[Named, ...]:
    return tuple(x for x in best(probabilities) if x[1] >= least[x[0]])

  return choose


def make_thresholds(
  class_names: Sequence[str],
  fitted: Sequence[float] | None,
  given: float | Mapping[str | None, float] | None,
) -> np.ndarray:
  """Makes the threshold of each class: float64 [classes].

  Args:
    class_names: in label order.
    fitted: after training, if they were; else each is 0.5.
    given: one for all classes, or those of some by name, which replace them; of
      the name None that of all others.

  Raises:
    UserError: a class is unknown, or a threshold not from 0 to 1.
  """
  if given is not None and not isinstance(given, Mapping):
    given = {None: given}
  default = fitted or [THRESHOLD] * len(class_names)
  found = dict(zip(class_names, default, strict=True))
  if None in (given or {}):
    found = dict.fromkeys(class_names, given[None])
  for name, value in (given or {}).items():
    if name is not None and name not in found:
      near = suggest(name, class_names) or '.'
      raise UserError(
        f'--threshold names the class {name!r}, which the model does not '
        f'have{near}'
      )
    ranges.SHARE('--threshold', value)
    found |= {} if name is None else {name: value}
  return np.array([found[name] for name in class_names], np.float64)
