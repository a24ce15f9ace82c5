"""RoIAlign: against torchvision's kernel, and what it compiles to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from i2v_jax.models.roi_align import roi_align

VARIANTS = [(0, False), (0, True), (2, False), (2, True)]


@pytest.fixture
def stored(golden):
  with np.load(golden / 'ava_roi_align.npz') as file:
    return dict(file)


def by_image(rows, numbers):
  """Rows of a table as `images x most rows`, zeros where there are fewer."""
  counts = np.bincount(numbers)
  out = np.zeros((len(counts), counts.max(), *rows.shape[1:]), rows.dtype)
  for image, count in enumerate(counts):
    out[image, :count] = rows[numbers == image]
  return out


@pytest.mark.parametrize(('sampling', 'aligned'), VARIANTS)
def test_it_is_torchvisions_kernel_and_so_is_its_gradient(
  stored, sampling, aligned
):
  """Among the boxes are large, tiny, swapped and distant ones."""
  name = f'sampling_{sampling}_aligned_{str(aligned).lower()}'
  last = lambda x: np.ascontiguousarray(np.moveaxis(x, 1, -1))
  numbers = stored['boxes'][:, 0].astype(int)
  boxes_BxNx4 = by_image(stored['boxes'][:, 1:], numbers)
  weights = by_image(last(stored['cotangent']), numbers)

  def weighted(maps):
    found = roi_align(
      maps, boxes_BxNx4, 1 / 16, sampling=sampling, aligned=aligned
    )
    return (found * weights).sum(), found

  maps = jnp.asarray(last(stored['input']))
  grad, found = jax.jit(jax.grad(weighted, has_aux=True))(maps)
  wanted = by_image(last(stored[f'output/{name}']), numbers)
  for image, count in enumerate(np.bincount(numbers)):
    np.testing.assert_allclose(
      found[image, :count], wanted[image, :count], atol=1e-5
    )
  np.testing.assert_allclose(grad, last(stored[f'grad/{name}']), atol=1e-5)


def test_a_box_over_constant_patches_has_their_value():
  maps = jnp.full((1, 6, 9, 2), 3.0)
  boxes = jnp.array([[[8.0, 8.0, 100.0, 80.0]]])
  np.testing.assert_allclose(roi_align(maps, boxes, 1 / 16), 3.0, rtol=1e-6)


def test_rows_and_columns_are_not_swapped():
  """A map that grows to the right: so do the cells of a box, in each row."""
  maps = jnp.broadcast_to(jnp.arange(8.0)[None, None, :, None], (1, 4, 8, 1))
  cells = roi_align(maps, jnp.array([[[16.0, 0.0, 112.0, 63.0]]]), 1 / 16)
  assert (np.diff(cells[0, 0, ..., 0], axis=1) > 0).all()
  np.testing.assert_allclose(np.ptp(cells[0, 0, ..., 0], axis=0), 0, atol=1e-6)


def test_no_box_gathers_its_map():
  """The compiled program multiplies matrices, whatever the number of boxes."""
  boxes = jnp.zeros((2, 8, 4))
  cut = jax.jit(lambda maps, boxes: roi_align(maps, boxes, 1 / 16))
  text = cut.lower(jnp.zeros((2, 14, 14, 32)), boxes).compile().as_text()
  assert 'gather(' not in text
  assert text.count(' dot(') == 2
  assert text.count(' while(') == 2  # over samples of a cell: rows, columns
