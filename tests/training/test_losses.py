"""Losses of boxes, against sums by hand."""

import jax.numpy as jnp
import numpy as np

from i2v_jax.training.losses import sum_losses

LOGITS = jnp.array([[[2.0, -1.0], [0.5, 0.0]], [[-3.0, 1.0], [9.0, 9.0]]])
BATCH = {
  'box_labels': np.array([[[1, 1], [0, 1]], [[0, 0], [1, 1]]], np.uint8),
  'box_mask': np.array([[1, 1], [1, 0]], 'f4'),
  'mask': np.array([1, 1], 'f4'),
}


def entropy(logit, target):
  p = 1 / (1 + np.exp(-logit))
  return -np.log(p if target else 1 - p)


def test_a_box_is_the_mean_of_its_classes_and_a_clip_the_sum_of_its_boxes():
  loss, _ = sum_losses(LOGITS, BATCH)
  boxes = [(2.0, 1, -1.0, 1), (0.5, 0, 0.0, 1), (-3.0, 0, 1.0, 0)]
  wanted = sum((entropy(a, x) + entropy(b, y)) / 2 for a, x, b, y in boxes)
  np.testing.assert_allclose(loss, wanted, rtol=1e-6)


def test_hits_are_a_share_of_the_boxes_that_have_a_class():
  """One of two in the first clip; the second has no box with a class."""
  _, hits = sum_losses(LOGITS, BATCH)
  np.testing.assert_allclose(hits, 0.5)


def test_padded_boxes_and_masked_clips_count_nothing():
  one, _ = sum_losses(LOGITS, BATCH | {'mask': np.array([0, 1], 'f4')})
  np.testing.assert_allclose(
    one, (entropy(-3.0, 0) + entropy(1.0, 0)) / 2, rtol=1e-6
  )
  none = BATCH | {'box_mask': np.zeros((2, 2), 'f4')}
  assert sum_losses(LOGITS, none) == (0, 0)
