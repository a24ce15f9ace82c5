"""Position tables for other image sizes."""

import numpy as np
import pytest

from i2v_jax.weights.positions import resample_positions


def table(side, first=1, width=20):
  rng = np.random.default_rng(0)
  return rng.standard_normal((first + side**2, width), 'f4')


def test_the_same_size_is_left_alone():
  found = resample_positions(table(3), 3)
  np.testing.assert_array_equal(found, table(3))


@pytest.mark.parametrize(('side', 'grid'), [(37, 16), (3, 6), (14, 24)])
def test_it_is_what_torch_computes(side, grid):
  torch = pytest.importorskip('torch')
  patches = torch.tensor(table(side)[1:].reshape(1, side, side, -1))
  wanted = torch.nn.functional.interpolate(
    patches.permute(0, 3, 1, 2), size=(grid, grid), mode='bicubic'
  )
  wanted = wanted.permute(0, 2, 3, 1).reshape(grid**2, -1).numpy()
  found = resample_positions(table(side), grid)
  np.testing.assert_array_equal(found[0], table(side)[0])
  np.testing.assert_allclose(found[1:], wanted, rtol=0, atol=5e-6)


def test_a_linear_ramp_stays_linear_inside():
  ramp = np.repeat(np.arange(8.0, dtype='f4'), 8).reshape(64, 1)
  found = resample_positions(np.concatenate([[[9.0]], ramp]), 16)
  rows = found[1:].reshape(16, 16)
  wanted = (np.arange(16) + 0.5) / 2 - 0.5
  offset = 3 / 64  # of this kernel, at a quarter between two rows
  apart = rows[4:12] - np.tile(wanted[4:12, None], 16)
  np.testing.assert_allclose(np.abs(apart), offset, atol=1e-5)


def test_without_class_token_all_rows_are_patches():
  assert resample_positions(table(3, first=0), 6, first=0).shape == (36, 20)


@pytest.mark.parametrize('rows', [9, 8, 3])
def test_what_is_no_square_is_named(rows):
  with pytest.raises(ValueError, match='a class token and a square'):
    resample_positions(np.zeros((rows, 2)), 4)
