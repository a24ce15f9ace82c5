"""LARS: each tensor moves by a share of its norm."""

import numpy as np

from i2v_jax.training import optimizer


def test_lars_moves_by_a_share_of_the_norm():
  params = {'kernel': np.float32([[3.0, 4.0]]), 'bias': np.zeros(2, 'f4')}
  grads = {'kernel': np.float32([[0.0, 2.0]]), 'bias': np.ones(2, 'f4')}
  options = dict(weight_decay=0.0, momentum=0.9)
  tx = optimizer.make_optimizer(lambda _: 0.1, name='lars', **options)
  state = tx.init(params)
  first, state = tx.update(grads, state, params)
  # 0.001 of a norm of 5, along the gradient; as SGD where the norm is 0.
  np.testing.assert_allclose(first['kernel'], [[0, -0.1 * 0.005]], rtol=1e-6)
  np.testing.assert_allclose(first['bias'], [-0.1, -0.1], rtol=1e-6)
  second, _ = tx.update(grads, state, params)
  np.testing.assert_allclose(second['kernel'], 1.9 * first['kernel'], rtol=1e-6)
