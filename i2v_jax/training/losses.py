"""Losses of a batch, summed over its clips, and the share that is right."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax

from i2v_jax.training.augment import make_targets
from i2v_jax.training.imbalance import EVEN, Imbalance


def sum_losses(
  logits,
  batch: Mapping[str, jax.Array],
  label_smoothing: float = 0.0,
  imbalance: Imbalance = EVEN,
):
  """Sums loss and hits over the clips of a batch; rows of mask 0 count nothing.

  Args:
    logits: `B x classes` of clips, or `B x N x classes` of their boxes.
    batch: `mask` `B`, and `label`, `targets` or what `sum_boxes` reads.
    label_smoothing: of the targets of clips.
    imbalance: weights and offsets of classes, for clips.
  """
  if logits.ndim == 3:
    return sum_boxes(logits, batch)
  kind = sum_labels if 'targets' in batch else sum_clips
  return kind(logits, batch, label_smoothing, imbalance)


def sum_clips(logits_BxC, batch, label_smoothing: float, imbalance: Imbalance):
  """Sums the cross-entropy of clips, and clips whose best class is right.

  It is the sum over classes of -w t log p, not divided by the weights.
  """
  targets_BxC = optax.smooth_labels(
    make_targets(batch, logits_BxC.shape[-1]), label_smoothing
  )
  if imbalance.weights is not None:
    targets_BxC *= imbalance.weights[None]
  loss_B = optax.softmax_cross_entropy(
    _adjust(logits_BxC, imbalance), targets_BxC
  )
  hit_B = logits_BxC.argmax(axis=-1) == batch['label']
  return (loss_B * batch['mask']).sum(), (hit_B * batch['mask']).sum()


def sum_labels(logits_BxC, batch, label_smoothing: float, imbalance: Imbalance):
  """Sums the binary cross-entropy of clips, each the mean of its classes.

  Smoothed targets are t (1 - s) + s / 2, and weights are those of positives. A
  hit is a clip of which each class is decided rightly at a probability of 0.5.

  Args:
    logits_BxC: of the clips.
    batch: `targets` `B x C` of 0 and 1, and `mask` `B`.
    label_smoothing: s.
    imbalance: weights and offsets.
  """
  targets_BxC = make_targets(batch, logits_BxC.shape[-1])
  targets_BxC = targets_BxC * (1 - label_smoothing) + label_smoothing / 2
  adjusted_BxC = _adjust(logits_BxC, imbalance)
  if imbalance.weights is None:
    loss_BxC = optax.sigmoid_binary_cross_entropy(adjusted_BxC, targets_BxC)
  else:
    held_BxC = imbalance.weights[None] * jax.nn.log_sigmoid(adjusted_BxC)
    other_BxC = jax.nn.log_sigmoid(-adjusted_BxC)
    loss_BxC = -targets_BxC * held_BxC - (1 - targets_BxC) * other_BxC
  hit_B = ((logits_BxC >= 0) == (batch['targets'] > 0)).all(axis=-1)
  loss_B = loss_BxC.mean(axis=-1)
  return (loss_B * batch['mask']).sum(), (hit_B * batch['mask']).sum()


def _adjust(logits_BxC, imbalance: Imbalance):
  if imbalance.offsets is None:
    return logits_BxC
  return logits_BxC + imbalance.offsets[None]


def sum_boxes(logits_BxNxC, batch):
  """Sums the binary cross-entropy of boxes, each the mean of its classes.

  A clip counts by its number of boxes, as in VideoMAE-Action-Detection. A hit
  is a box whose best class is one of its own; of each clip the share of hits
  among its boxes with a class is taken.

  Args:
    logits_BxNxC: of each box.
    batch: `box_labels` `B x N x C` of 0 and 1, `box_mask` `B x N` of the boxes
      that are no padding, and `mask` `B`.
  """
  targets_BxNxC = batch['box_labels'].astype(jnp.float32)
  mask_BxN = batch['box_mask'] * batch['mask'][:, None]
  loss_BxNxC = optax.sigmoid_binary_cross_entropy(logits_BxNxC, targets_BxNxC)
  loss = (loss_BxNxC.mean(axis=-1) * mask_BxN).sum()
  best_BxNx1 = logits_BxNxC.argmax(axis=-1, keepdims=True)
  hit_BxN = jnp.take_along_axis(targets_BxNxC, best_BxNx1, axis=-1)[..., 0]
  counted_BxN = mask_BxN * targets_BxNxC.max(axis=-1)
  count_B = jnp.maximum(counted_BxN.sum(axis=1), 1.0)
  return loss, ((hit_BxN * counted_BxN).sum(axis=1) / count_B).sum()
