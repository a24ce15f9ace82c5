"""RoIAlign: features of boxes, cut from maps of patches.

Bilinear samples on a grid factor into rows and columns, so a box is two small
matrix products with its map. No map is gathered for a box, and any number of
boxes is one product.
"""

import jax
import jax.numpy as jnp


def roi_align(
  map_BxHxWxD,
  boxes_BxNx4,
  scale: float,
  *,
  size: int = 7,
  sampling: int = 0,
  aligned: bool = False,
  limits_Nx4=None,
):
  """Averages bilinear samples of each cell of each box (arXiv 1703.06870).

  As `torchvision.ops.roi_align`. The result is differentiable in the map; boxes
  are constants.

  Args:
    map_BxHxWxD: features of patches.
    boxes_BxNx4: x1, y1, x2, y2 in pixels of the image.
    scale: patches per pixel, such as 1 / 16.
    size: P, cells along each side of a box.
    sampling: samples along each side of a cell; 0 for one per patch that the
      cell covers, rounded up.
    aligned: whether the centre of a patch is half a patch from its edge. If
      not, boxes are also at least a patch wide and high, as first released.
    limits_Nx4: first column and row, last column and row of the patches that
      each box may read, as if the map ended there; None for all.

  Returns:
    float32 `B x N x P x P x D`. What lies more than a patch outside the map
    counts as zero.
  """
  high, wide = map_BxHxWxD.shape[1:3]
  if limits_Nx4 is None:
    limits_Nx4 = jnp.array([[0, 0, wide - 1, high - 1]], jnp.float32)
  corners = jax.lax.stop_gradient(boxes_BxNx4).astype(jnp.float32) * scale
  corners -= 0.5 if aligned else 0.0
  ends = lambda table, axis: (table[..., axis], table[..., axis + 2])
  weigh = lambda axis, length: weigh_patches(
    *ends(corners, axis),
    *ends(limits_Nx4, axis),
    length,
    size,
    sampling,
    aligned,
  )
  rows_BxNxPxH, columns_BxNxPxW = weigh(1, high), weigh(0, wide)
  cut = lambda text, *arrays: jnp.einsum(text, *arrays, precision='highest')
  map_BxHxWxD = map_BxHxWxD.astype(jnp.float32)
  y_BxNxPxWxD = cut('bnph,bhwd->bnpwd', rows_BxNxPxH, map_BxHxWxD)
  return cut('bnqw,bnpwd->bnpqd', columns_BxNxPxW, y_BxNxPxWxD)


def weigh_patches(
  start_BxN,
  stop_BxN,
  first_N,
  last_N,
  length: int,
  size: int,
  sampling: int,
  aligned: bool,
):
  """Weights of the patches along one axis in each cell: `B x N x P x L`.

  Args:
    start_BxN: first edge of each box, in patches.
    stop_BxN: last edge.
    first_N: first patch that each box may read; one for all has N = 1.
    last_N: last patch.
    length: L, patches along the axis.
    size: P, cells of a box.
    sampling: samples of a cell, or 0.
    aligned: see `roi_align`.
  """
  extent_BxN = stop_BxN - start_BxN
  if not aligned:
    extent_BxN = jnp.maximum(extent_BxN, 1.0)
  cell_BxN = extent_BxN / size
  count_BxN = jnp.full_like(cell_BxN, sampling)
  if not sampling:
    count_BxN = jnp.ceil(cell_BxN)
  cells_P = jnp.arange(size, dtype=jnp.float32)
  begin_BxNxP = start_BxN[..., None] + cell_BxN[..., None] * cells_P[None, None]

  def add(sample, total_BxNxPxL):
    share_BxN = cell_BxN * (sample + 0.5) / jnp.maximum(count_BxN, 1.0)
    place_BxNxP = begin_BxNxP + share_BxN[..., None]
    taken_BxN = sample < count_BxN
    found = _interpolate(place_BxNxP, first_N, last_N, length)
    return total_BxNxPxL + jnp.where(taken_BxN[..., None, None], found, 0.0)

  none = jnp.zeros((*begin_BxNxP.shape, length), jnp.float32)
  most = count_BxN.max(initial=0.0).astype(jnp.int32)
  total_BxNxPxL = jax.lax.fori_loop(0, most, add, none)
  return total_BxNxPxL / jnp.maximum(count_BxN, 1.0)[..., None, None]


def _interpolate(place_BxNxP, first_N, last_N, length: int):
  """Bilinear weights of the patches around each place: `B x N x P x L`."""
  first, last = first_N[None, :, None], last_N[None, :, None]
  inside_BxNxP = (place_BxNxP >= first - 1) & (place_BxNxP <= last + 1)
  place_BxNxP = jnp.clip(place_BxNxP, first, last)
  patches_L = jnp.arange(length, dtype=jnp.float32)
  away = jnp.abs(place_BxNxP[..., None] - patches_L[None, None, None])
  near = jnp.maximum(1 - away, 0.0)
  return jnp.where(inside_BxNxP[..., None], near, 0.0)
