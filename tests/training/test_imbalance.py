"""Weights and offsets of uneven classes, against values worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import detection_quickstart, quickstart
from i2v_jax.data.sets.sources import Split
from i2v_jax.training import experiment
from i2v_jax.training.imbalance import make_imbalance
from i2v_jax.training.losses import sum_losses

NAMES = ('run', 'jump', 'sit.down')
LABELS = np.array([0] * 6 + [1] * 2 + [2])  # N = 9
TARGETS = np.array([[1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]])
LOGITS = jnp.array([[1.0, -2.0, 0.5], [0.0, 0.3, -1.0]])


def make_split(labels=LABELS, targets=None, names=NAMES):
  ids = tuple(map(str, range(len(labels if targets is None else targets))))
  if targets is not None:
    labels, targets = np.full(len(targets), -1), np.array(targets, bool)
  return Split(ids, labels, names, ids, targets=targets)


def make(split, class_weights='none', beta=0.5, adjustment=0.0):
  config = {'class_weights': class_weights, 'effective_beta': beta}
  return make_imbalance(config | {'logit_adjustment': adjustment}, split)


def test_one_label_each():
  found = make(make_split(), 'inverse').weights
  np.testing.assert_allclose(found, [9 / 18, 9 / 6, 9 / 3], rtol=1e-6)
  # (1 - 0.5) / (1 - 0.5^n): 32/63, 2/3, 1; they are to add up to 3.
  raw = np.array([32 / 63, 2 / 3, 1.0])
  found = make(make_split(), 'effective').weights
  np.testing.assert_allclose(found, 3 * raw / raw.sum(), rtol=1e-6)
  found = make(make_split(), {'sit.down': 4.0}).weights
  np.testing.assert_array_equal(found, [1, 1, 4])
  assert make(make_split()) == (None, None)


def test_inverse_weights_are_those_of_scikit_learn():
  utils = pytest.importorskip('sklearn.utils.class_weight')
  wanted = utils.compute_class_weight(
    'balanced', classes=np.arange(3), y=LABELS
  )
  found = make(make_split(), 'inverse').weights
  np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize('rule', ['inverse', 'effective'])
def test_a_class_without_examples_weighs_1_and_changes_no_other(rule):
  wider = make_split(names=(*NAMES, 'fly'))
  wanted = [*make(make_split(), rule).weights, 1]
  np.testing.assert_array_equal(make(wider, rule).weights, wanted)


def test_weights_of_several_labels_are_those_of_positives():
  split = make_split(targets=TARGETS)  # 4, 1, 1 of 5
  found = make(split, 'inverse').weights
  np.testing.assert_allclose(found, [1 / 4, 4, 4], rtol=1e-6)
  # E(1) = 1, E(4) = (1 - 1/16) / (1/2) = 15/8.
  found = make(split, 'effective').weights
  np.testing.assert_allclose(found, [8 / 15, 15 / 8, 15 / 8], rtol=1e-6)
  all_or_none = make_split(targets=[[1, 0, 1], [1, 0, 0]])
  np.testing.assert_array_equal(make(all_or_none, 'inverse').weights, 1)


def test_offsets_are_logarithms_of_shares_or_of_odds():
  found = make(make_split(), adjustment=2.0).offsets
  wanted = 2 * np.log([6 / 9, 2 / 9, 1 / 9])
  np.testing.assert_allclose(found, wanted, rtol=1e-6)
  found = make(make_split(targets=TARGETS), adjustment=1.0).offsets
  np.testing.assert_allclose(found, np.log([4, 1 / 4, 1 / 4]), rtol=1e-6)
  none_and_all = make_split(targets=[[1, 0, 1], [1, 0, 0]])
  found = make(none_and_all, adjustment=1.0).offsets
  np.testing.assert_allclose(found, np.log([3, 1 / 3, 1]), atol=1e-6)


def test_the_loss_of_one_label_uses_them_and_hits_do_not():
  imbalance = make(make_split(), 'inverse', adjustment=1.0)
  label = np.array([1, 0])
  batch = {'label': label, 'mask': np.array([1.0, 1.0], 'f4')}
  loss, hits = sum_losses(LOGITS, batch, 0.0, imbalance)
  log_p = jax.nn.log_softmax(LOGITS + imbalance.offsets[None])
  wanted = -(1.5 * log_p[0, 1] + 0.5 * log_p[1, 0])
  np.testing.assert_allclose(loss, wanted, rtol=1e-6)
  assert hits == 0  # adjusted, the second would be right


def test_weights_of_smoothed_and_mixed_labels_go_with_each_class():
  imbalance = make(make_split(), {'run': 2.0})
  batch = {'label': np.array([0]), 'mask': np.ones(1, 'f4')}
  batch |= {'share': np.array([0.75], 'f4'), 'other': np.array([2])}
  loss, _ = sum_losses(LOGITS[:1], batch, 0.3, imbalance)
  log_p = jax.nn.log_softmax(LOGITS[0])
  # t = (0.75, 0, 0.25) * 0.7 + 0.1, and the first weighs 2.
  wanted = -(2 * 0.625 * log_p[0] + 0.1 * log_p[1] + 0.275 * log_p[2])
  np.testing.assert_allclose(loss, wanted, rtol=1e-6)


def test_the_loss_of_several_labels_by_hand():
  imbalance = make(make_split(targets=TARGETS), 'inverse', adjustment=1.0)
  batch = {'targets': np.array([[1, 0, 1]], np.uint8), 'label': np.array([-1])}
  batch['mask'] = np.ones(1, 'f4')
  loss, hits = sum_losses(LOGITS[:1], batch, 0.0, imbalance)
  p = 1 / (1 + np.exp(-(np.array(LOGITS[0]) + np.log([4, 1 / 4, 1 / 4]))))
  each = [-np.log(p[0]) / 4, -np.log(1 - p[1]), -4 * np.log(p[2])]
  np.testing.assert_allclose(loss, np.mean(each), rtol=1e-6)
  assert hits == 1  # by plain logits


def test_a_weight_of_an_unknown_class_is_refused():
  with pytest.raises(ValueError, match=r"names 'sit', which .*'sit.down'"):
    make(make_split(), {'sit': 2.0})


@pytest.mark.parametrize(
  ('change', 'error'),
  [
    ({'task': 'multi'}, "task='multi' is for complete clips"),
    ({'class_weights': 'inverse'}, 'class_weights .* set it to none'),
    ({'logit_adjustment': 1.0}, r'logit_adjustment .* set it to 0\.0'),
    ({'data.balanced': True}, r'data\.balanced .* set it to False'),
  ],
)
def test_none_of_it_goes_with_boxes(change, error):
  config = detection_quickstart.get_config('smoke')
  config.update_from_flattened_dict(change)
  with pytest.raises(ValueError, match=error):
    experiment.check_config(config)


def test_weights_of_a_config_are_a_rule_or_numbers():
  config = quickstart.get_config('smoke')
  config.class_weights = {'sit.down': 2}
  found = experiment.check_config(config)
  assert found['class_weights'] == {'sit.down': 2}
  for wrong in ({'run': 0.0}, 'sqrt'):
    config.class_weights = wrong
    with pytest.raises(ValueError, match='class_weights'):
      experiment.check_config(config)
