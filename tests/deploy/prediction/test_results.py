"""Which classes are named, and how."""

import dataclasses
import threading

import numpy as np
import pytest

from i2v_jax.deploy.prediction import results
from i2v_jax.deploy.prediction.scoring import Scored

NAMES = ('left', 'right', 'up')


def multi(model, thresholds=None):
  """The model with any number of labels, and fitted thresholds."""
  fitted = dataclasses.replace(model.calibration, thresholds=thresholds)
  config = model.config | {'task': 'multi'}
  return dataclasses.replace(model, config=config, calibration=fitted)


def test_the_best_classes_are_named():
  p = np.array([0.25, 0.5, 0.25])
  assert results.choose_best(NAMES, 2)(p) == (('right', 0.5), ('left', 0.25))


def test_classes_hold_from_their_thresholds_on():
  p = np.array([0.25, 0.5, 0.75])
  choose = results.choose_held(NAMES, np.array([0.2, 0.6, 0.75]))
  assert choose(p) == (('up', 0.75), ('left', 0.25))
  assert choose(np.zeros(3)) == ()


def test_thresholds_are_fitted_given_or_half():
  make = lambda *args: results.make_thresholds(NAMES, *args).tolist()
  assert make(None, None) == [0.5, 0.5, 0.5]
  assert make((0.1, 0.2, 0.3), None) == [0.1, 0.2, 0.3]
  assert make((0.1, 0.2, 0.3), {'up': 0.9}) == [0.1, 0.2, 0.9]
  assert make((0.1, 0.2, 0.3), 0.4) == [0.4, 0.4, 0.4]
  assert make((0.1, 0.2, 0.3), {'up': 0.9, None: 0.4}) == [0.4, 0.4, 0.9]
  with pytest.raises(ValueError, match=r"'upp'.*did you mean 'up'"):
    make(None, {'upp': 0.4})
  with pytest.raises(ValueError, match=r'--threshold is 1\.5'):
    make(None, {None: 1.5})


def test_several_labels_have_thresholds_and_one_label_a_number(model):
  several = multi(model, (0.1, 0.2, 0.3))
  p = np.array([0.05, 0.25, 0.35])
  assert results.make_choice(several)(p) == (('up', 0.35), ('right', 0.25))
  assert results.make_choice(several, None, 0.3)(p) == (('up', 0.35),)
  assert len(results.make_choice(model, 2)(p)) == 2
  assert several.named(p) == [('up', 0.35), ('right', 0.25)]
  assert model.named(p, 2) == [('up', 0.35), ('right', 0.25)]
  with pytest.raises(ValueError, match='there is no --top'):
    results.make_choice(several, top=1)
  with pytest.raises(ValueError, match='there is no --top'):
    several.named(p, 5)
  with pytest.raises(ValueError, match='--top is -1; it can be an integer'):
    model.named(p, -1)
  with pytest.raises(ValueError, match='--threshold is for --timeline'):
    results.make_choice(model, threshold=0.5)


def test_probabilities_of_several_labels_are_calibrated(model, clips):
  several = multi(model)
  fitted = dataclasses.replace(several.calibration, temperature=2.0)
  cooler = dataclasses.replace(several, calibration=fitted)
  (plain,), (found,) = (m.predict(clips[0]) for m in (several, cooler))
  np.testing.assert_allclose(
    found.probabilities, cooler.calibrate(plain.probabilities), rtol=1e-5
  )
  assert (found.probabilities != plain.probabilities).any()


def test_a_diverged_model_is_named():
  values = np.array([[0.5, np.nan, 0.5]])
  scored = Scored('a.mp4', np.zeros((1, 2)), values, '', 0)
  with pytest.raises(FloatingPointError, match=r"non-finite.*'a\.mp4'"):
    results.make_prediction(scored, results.choose_best(NAMES, 1), False)


def test_json_is_rounded():
  windows = (results.WindowResult(0.0, 1 / 3, None, (('up', 1 / 3),)),)
  made = results.Prediction('a.mp4', None, (('up', 2 / 3),), windows)
  up = lambda p: [{'name': 'up', 'probability': p}]
  window = {'start': 0.0, 'end': 0.333, 'top': up(0.333333)}
  assert made.to_json() == {
    'file': 'a.mp4',
    'top': up(0.666667),
    'windows': [window],
  }


def test_two_threads_predict_at_once(model, clips):
  wanted = [result.to_json() for result in model.predict(clips)]
  found = {}

  def run(name):
    found[name] = [result.to_json() for result in model.predict(clips)]

  threads = [threading.Thread(target=run, args=[n]) for n in range(2)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert found == {0: wanted, 1: wanted}


def test_a_path_a_list_and_a_pattern_are_taken(model, clips):
  (one,) = model.predict(clips[0])
  folder = clips[0].rpartition('/')[0]
  many = [result.file for result in model.predict(f'{folder}/[01].mp4')]
  assert one.file == clips[0] and many == clips[:2]
