"""The rows of a block's attention that belong to a query; traced by JAX."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from i2v_jax.backbones.swin import cut_windows, join_windows
from i2v_jax.models.attention.layout import Layout, find_query
from i2v_jax.models.attention.record import Call, weigh


@dataclasses.dataclass(frozen=True)
class Rows:
  """Keeps, of one block, weights `B x T x N x H x W` and the rest `B x T x N`.

  Attributes:
    block: its index.
    layout: of the model.
    at: as `layout.check_place` returns it.
  """

  block: int
  layout: Layout
  at: tuple | None

  def __call__(self, call: Call):
    learned = call.part in ('decoder', 'pool')
    if call.block != self.block or (learned and self.at is not None):
      return None
    return getattr(self, call.part)(call)

  def space(self, call: Call):
    q, k = add_steps(call.q), add_steps(call.k)
    query = find_query(self.layout, call.cfg, call.path, self.at, q.shape[-2])
    if call.cfg.window:
      shown = weigh_windows(call, q, k, query.rows)
      return self.split(call, choose(shown, query.steps))
    q = choose(q, query.steps)[..., list(query.rows), :]
    shown = weigh(call, q, choose(k, query.steps)).mean(axis=-2)
    return self.split(call, shown)

  def time(self, call: Call):
    """What a place looks at: of frame T of `at`, or the mean of all."""
    weights_BxLxNxTxT = weigh(call, call.q, call.k)
    frame = self.at and self.at[2]
    if frame is None:
      shown_BxLxNxT = weights_BxLxNxTxT.mean(axis=-2)
    else:
      shown_BxLxNxT = weights_BxLxNxTxT[..., frame // self.layout.stride, :]
    patches, _ = self.split(call, shown_BxLxNxT.transpose(0, 3, 2, 1))
    return patches, jnp.zeros(patches.shape[:3])

  def decoder(self, call: Call):
    weights_BxNxM = weigh(call, call.q, call.k)[..., 0, :]
    shape = (*weights_BxNxM.shape[:2], self.layout.steps, -1)
    return self.split(call, weights_BxNxM.reshape(shape).swapaxes(1, 2))

  def pool(self, call: Call):
    q, k = add_steps(call.q), add_steps(call.k)
    return self.split(call, weigh(call, q, k)[..., 0, :])

  def split(self, call: Call, weights_BxTxNxL):
    """Cuts weights of keys into a map of patches, and the sum of the rest."""
    high, wide = self.layout.map_shape(call.cfg)
    first = weights_BxTxNxL.shape[-1] - high * wide
    rest, patches = jnp.split(weights_BxTxNxL, [first], axis=-1)
    return patches.reshape(*rest.shape[:-1], high, wide), rest.sum(axis=-1)


def add_steps(x):
  """Tokens of images as those of clips of one step."""
  return x[:, None] if x.ndim == 3 else x


def choose(x_BxT, steps):
  """Some steps of a clip, or all for None."""
  return x_BxT if steps is None else x_BxT[:, list(steps)]


def weigh_windows(call: Call, q, k, rows):
  """Mean of these rows within windows, on the complete map: `B x T x N x L`."""
  cfg, tokens = call.cfg, call.cfg.window**2
  cut = lambda x: x.reshape(*x.shape[:2], -1, tokens, x.shape[-1])
  weights_BxTxWxNxLxM = weigh(call, cut(q), cut(k))
  asked = np.zeros((1, q.shape[-2], 1), np.float32)
  asked[:, list(rows)] = 1 / len(rows)
  asked_WxL = cut_windows(jnp.asarray(asked), cfg).reshape(-1, tokens)
  shown = jnp.einsum(
    'wl,btwnlm->btwmn', asked_WxL, weights_BxTxWxNxLxM, precision='highest'
  )
  shown_BxTxLxN = shown.reshape(*q.shape[:3], -1)
  return join_windows(shown_BxTxLxN, cfg).swapaxes(-1, -2)
