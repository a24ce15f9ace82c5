"""Scores of an evaluation, given by hand."""

import numpy as np

from i2v_jax.training.report.evaluations import Scores


def make(p, labels=None, targets=None):
  p = np.array(p, np.float32)
  labels = np.full(len(p), -1) if labels is None else np.array(labels)
  ids = np.array([f'{n}.mp4' for n in range(len(p))])
  unknown = np.full((len(p), 2), np.nan)
  names = list('abc')
  return Scores(p, labels, targets, ids, unknown[:, 0], unknown, names)
