"""Augmentations of a batch in the training step: MixUp, CutMix, token dropping.

Clips with frames before them (`clip.age`) get a random number of these.

MixUp and CutMix act on uint8 pixels before they are normalised, so a mixed
batch has the arrays of a plain one, and others for its shares and labels.

Token dropping trains on a random share of the patches, as FLIP (arXiv
2212.00794) and PatchDropout (arXiv 2208.07220) do for images. Class token and
registers are always kept, and evaluation sees every patch. A clip keeps the
same positions in all its frames, because attention over time, shifted heads
and channels, and convolutions over frames pair tokens of equal index in
different frames, which must show the same place.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from i2v_jax import adapters
from i2v_jax.runtime.errors import UserError


def augment_batch(
  model, batch, rng, mixup: float, cutmix: float, drop_patches: float
):
  """Applies MixUp, CutMix and token dropping to a batch.

  Returns:
    The batch, with `kept` `B x K` where patches are dropped, `age` int32 `B`
    where clips have frames before them, and the key left for dropout.
  """
  if mixup or cutmix:
    rng, drawn = jax.random.split(rng)
    grid = adapters.option(model.adapter, 'grid', ())
    batch = mix(batch, drawn, mixup, cutmix, grid)
  if drop_patches:
    rng, drawn = jax.random.split(rng)
    block = model.image_model.block(0)
    size, patches = len(batch['label']), block.num_tokens - block.num_prefix
    kept_BxK = draw_kept(drawn, size, patches, drop_patches)
    batch = dict(batch) | {'kept': kept_BxK}
  if before := count_before(model, batch):
    rng, drawn = jax.random.split(rng)
    shape = batch['label'].shape
    age_B = jax.random.randint(drawn, shape, 0, before + 1, jnp.int32)
    batch = dict(batch) | {'age': age_B}
  return batch, rng


def count_before(model, batch) -> int:
  """Frames that a batch has before its clips."""
  if 'video' not in batch or model.inputs != ('video',):
    return 0
  return batch['video'].shape[1] - model.num_frames


def mix(
  batch: Mapping[str, jax.Array],
  rng: jax.Array,
  mixup: float = 0.0,
  cutmix: float = 0.0,
  grid: tuple[int, int] | tuple[()] = (),
) -> dict[str, jax.Array]:
  """Blends row i of a batch with row i - B // 2: a pure function.

  One share, and for CutMix one box, is drawn for the batch: MixUp (arXiv
  1710.09412) takes `share` of each pixel of the row itself and the rest of the
  other's; CutMix (1905.04899) puts a box of the other into all frames. With
  both on, one of them is drawn, each half of the time. Pixels are rounded to
  uint8. Data are shuffled, so neighbours at a fixed distance are as random as a
  permutation, and no device has to gather the batch.

  A placeholder, of `mask` 0, is not mixed, nor is its partner.

  Args:
    batch: `video` uint8 `B x T x H x W x 3`, `label` and `mask` `B`, `targets`
      `B x classes` where clips have any number of labels, and where a model
      takes framesets `grid`, which is mixed as its frames are.
    rng: source of all draws.
    mixup: alpha of Beta(alpha, alpha), from which the share is drawn; 0 is off.
    cutmix: the same for the share outside the box.
    grid: rows and columns of a frameset.

  Returns:
    The batch with mixed pixels, `share` float32 `B` of its own `label` or
    `targets`, and `other`, those of the rest.
  """
  partner = lambda x: jnp.roll(x, x.shape[0] // 2, axis=0)
  keep_HxW, share = draw_mixing(rng, batch['video'].shape[2:4], mixup, cutmix)
  plain_B = (batch['mask'] == 0) | (partner(batch['mask']) == 0)
  mixed = dict(batch)
  mixed['video'] = _blend(batch['video'], partner, keep_HxW, plain_B)
  if 'grid' in batch:
    keep_HxW = tile_mask(keep_HxW, *grid)
    mixed['grid'] = _blend(batch['grid'], partner, keep_HxW, plain_B)
  mixed['share'] = jnp.where(plain_B, 1.0, share)
  mixed['other'] = partner(batch.get('targets', batch['label']))
  return mixed


def make_targets(batch: Mapping[str, jax.Array], num_classes: int) -> jax.Array:
  """Makes targets of a batch, mixed or not: float32 `B x classes`."""
  several = 'targets' in batch
  spread = lambda x: (
    x.astype(jnp.float32) if several else jax.nn.one_hot(x, num_classes)
  )
  own_BxC = spread(batch['targets' if several else 'label'])
  if 'share' not in batch:
    return own_BxC
  other_BxC = spread(batch['other'])
  share_Bx1 = batch['share'][:, None]
  return share_Bx1 * own_BxC + (1 - share_Bx1) * other_BxC


def draw_mixing(
  rng: jax.Array, size: tuple[int, int], mixup: float, cutmix: float
) -> tuple[jax.Array, jax.Array]:
  """Draws the share each pixel keeps, `H x W` in 0..1, and its mean."""
  choose, one, two, place = jax.random.split(rng, 4)
  by_mixup = by_cutmix = None
  if mixup:
    share = jax.random.beta(one, mixup, mixup, dtype=jnp.float32)
    by_mixup = jnp.full(size, share), share
  if cutmix:
    share = jax.random.beta(two, cutmix, cutmix, dtype=jnp.float32)
    centre = jax.random.randint(place, (2,), 0, jnp.array(size), jnp.int32)
    by_cutmix = make_box_mask(share, centre, size)
  if not (mixup and cutmix):
    return by_mixup or by_cutmix
  first = jax.random.bernoulli(choose)
  return jax.tree.map(lambda a, b: jnp.where(first, a, b), by_mixup, by_cutmix)


def make_box_mask(share, centre, size: tuple[int, int]):
  """Makes a mask, 1 outside CutMix's box and 0 inside, `H x W`, and its mean.

  The box has sqrt(1 - share) times the sides of the frame and is clipped at its
  edges, so the mean, not `share`, is the weight of the label.
  """
  inside = jnp.ones(size, bool)
  for axis in range(2):
    half = jnp.floor(size[axis] * jnp.sqrt(1 - share)).astype(int) // 2
    pixel = jax.lax.broadcasted_iota(int, size, axis)
    low, high = centre[axis] - half, centre[axis] + half
    inside &= (low <= pixel) & (pixel < high)
  keep_HxW = 1.0 - inside
  return keep_HxW, keep_HxW.mean()


def tile_mask(keep_HxW: jax.Array, rows: int, columns: int) -> jax.Array:
  """Tiles a mask for framesets: small frames are masked as the large one."""
  small = keep_HxW[rows // 2 :: rows, columns // 2 :: columns]
  return jnp.tile(small, (rows, columns))


def _blend(clips_BxTxHxWxC, partner, keep_HxW, plain_B):
  keep = jnp.where(
    plain_B[:, None, None, None, None], 1.0, keep_HxW[None, None, ..., None]
  )
  other = partner(clips_BxTxHxWxC)
  mixed = keep * clips_BxTxHxWxC + (1 - keep) * other
  return jnp.rint(mixed).astype(jnp.uint8)


def check_mixing(batch_size: int, mixup: float, cutmix: float) -> None:
  """Raises UserError where a batch has no two rows to mix."""
  for key, alpha in (('mixup', mixup), ('cutmix', cutmix)):
    if alpha and batch_size < 2:
      raise UserError(
        f'{key} is {alpha}, which needs a batch_size of 2 or more.'
      )


def check_drop_patches(model, share: float) -> None:
  """Raises UserError if a classifier cannot be trained with such a share."""
  if not 0 <= share < 1:
    raise UserError(
      f'drop_patches is {share}; it is a share from 0 for none to below 1.'
    )
  if share and (reason := _find_reason(model)):
    name = model.adapter['name'] if model.adapter else 'This image model'
    raise UserError(
      f'{name} does not go with drop_patches: {reason}; set it to 0.'
    )


def _find_reason(model) -> str:
  spec = model.adapter
  if model.num_boxes:
    return 'boxes are read from the map of all patches'
  if model.image_model.block(0).window:
    return 'attention in windows needs all patches of a frame'
  if not spec:
    return ''
  method = adapters.METHODS[spec['name']]
  if not issubclass(method, adapters.Method):
    return 'its classifier reads all patches of a frame'
  return method.fixed_size(spec)


def count_kept(patches: int, share: float) -> int:
  """Counts the patches kept of a frame, at least one."""
  return max(1, round(patches * (1 - share)))


def draw_kept(rng, clips: int, patches: int, share: float):
  """Draws the positions that each clip keeps, in order: `B x K` int32."""
  scores_BxP = jax.random.uniform(rng, (clips, patches), jnp.float32)
  order_BxP = jnp.argsort(scores_BxP, axis=-1).astype(jnp.int32)
  return jnp.sort(order_BxP[:, : count_kept(patches, share)], axis=-1)
