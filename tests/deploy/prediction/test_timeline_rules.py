"""Windows and rules of a model's timelines, unless others are given."""

import dataclasses

import numpy as np
import pytest

from i2v_jax.data.loading.window_spans import Sliding
from i2v_jax.data.sets.segments import Segments
from i2v_jax.data.videos.decode import DecodeError
from i2v_jax.deploy.prediction.timeline_rules import choose_windows, make_rules
from i2v_jax.training.evaluation.calibration import Calibration


def change(model, calibration=(), **config):
  fitted = dataclasses.replace(model.calibration, **dict(calibration))
  return dataclasses.replace(
    model, config=model.config | config, calibration=fitted
  )


def test_a_window_is_as_long_as_what_the_model_was_trained_on(model):
  clip = dict(model.config['clip'], sampling='dense', stride=3)
  dense = change(model, clip=clip)
  assert choose_windows(dense) == Sliding(0.0, None, 12)
  assert choose_windows(dense, 1.5, 0.5) == Sliding(1.5, 0.5)
  learnt = {'segment_seconds': 1.25}
  assert choose_windows(change(dense, learnt)) == Sliding(0.0, None, 12)
  uniform = change(model, clip=dict(clip, sampling='uniform'))
  assert choose_windows(uniform) == Sliding(2.0)
  learnt = change(uniform, learnt)
  assert choose_windows(learnt) == Sliding(1.25)
  with pytest.raises(ValueError, match='--step is 2 seconds, more than'):
    choose_windows(learnt, step=2.0)


def test_the_median_is_that_of_listed_segments():
  spans = np.array([[0, 1], [5, 7], [np.nan, np.nan], [0, 9]])
  segments = Segments((), np.zeros(4, int), spans)
  assert segments.median_seconds == 2.0
  assert segments.choose(np.array([2])).median_seconds == 0.0
  fitted = Calibration(segment_seconds=2.0, training_fps=25.0)
  assert Calibration.from_json(fitted.to_json()) == fitted
  younger = ('segment_seconds', 'training_fps')
  older = {k: v for k, v in fitted.to_json().items() if k not in younger}
  assert Calibration.from_json(older) == Calibration()


def test_one_label_is_exclusive_and_several_are_not(model):
  assert make_rules(model).exclusive
  several = change(model, {'thresholds': (0.1, 0.2, 0.3)}, task='multi')
  rules = make_rules(several, {'up': 0.9}, min_length=1.0)
  assert not rules.exclusive and rules.min_length == 1.0
  assert rules.thresholds.tolist() == [0.1, 0.2, 0.9]
  names = ('background',)
  with pytest.raises(ValueError, match="only 'background'"):
    make_rules(dataclasses.replace(model, class_names=names))


def test_a_timeline_that_cannot_be_is_raised(model, clips):
  with pytest.raises(DecodeError, match='no longer than a window'):
    model.timeline(clips[0], window=5.0)
  with pytest.raises(DecodeError, match='cannot be opened'):
    model.timeline(clips[3], window=0.2)
