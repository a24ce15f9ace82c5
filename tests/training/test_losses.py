"""Losses of boxes and of clips with several labels, against sums by hand."""

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


def make_labelled(logits=((2.0, -1.0), (0.5, 0.0), (9.0, 9.0))):
  targets = np.array([[1, 0], [1, 0], [0, 0]], np.uint8)
  known = {'label': np.full(3, -1), 'mask': np.array([1, 1, 0], 'f4')}
  return jnp.array(logits), known | {'targets': targets}


def test_a_clip_of_several_labels_is_the_mean_of_its_classes():
  loss, hits = sum_losses(*make_labelled())
  clips = [(2.0, 1, -1.0, 0), (0.5, 1, 0.0, 0)]
  wanted = sum((entropy(a, x) + entropy(b, y)) / 2 for a, x, b, y in clips)
  np.testing.assert_allclose(loss, wanted, rtol=1e-6)
  assert hits == 1  # of the second, a class at 0.5 counts as there


def test_labels_are_smoothed_towards_a_half():
  logits, batch = make_labelled()
  loss, hits = sum_losses(logits, batch, 0.2)
  p = 1 / (1 + np.exp(-np.array(logits[:2])))
  soft = np.array([[0.9, 0.1], [0.9, 0.1]])
  wanted = -(soft * np.log(p) + (1 - soft) * np.log(1 - p)).mean(axis=1).sum()
  np.testing.assert_allclose(loss, wanted, rtol=1e-6)
  assert hits == 1


def test_mixed_clips_share_the_labels_of_both():
  logits, batch = make_labelled()
  batch |= {'share': np.full(3, 0.75, 'f4')}
  batch['other'] = batch['targets'][[2, 0, 1]]
  loss, _ = sum_losses(logits, batch)
  soft = [(0.75, 0.0), (1.0, 0.0)]
  entropies = [
    t * entropy(x, 1) + (1 - t) * entropy(x, 0)
    for row, ts in zip(logits.tolist(), soft, strict=False)
    for x, t in zip(row, ts, strict=True)
  ]
  np.testing.assert_allclose(loss, sum(entropies) / 2, rtol=1e-6)
