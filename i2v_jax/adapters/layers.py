"""Small trainable layers that adapters are made of."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax.adapters.dropout import Dropout
from i2v_jax.adapters.past import answered_by_streams, none_before
from i2v_jax.backbones.custom_vjp import with_derivatives
from i2v_jax.backbones.declared import Declared, Dense
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

ACTIVATIONS = {
  'none': lambda x: x,
  'gelu': lambda x: nn.gelu(x, approximate=False),
  'relu': nn.relu,
}

# torch's default for linear and convolution layers, U(-1/sqrt(n), 1/sqrt(n))
# with n inputs; what LoRA calls kaiming_uniform(a=sqrt(5)).
torch_uniform = nn.initializers.variance_scaling(1 / 3, 'fan_in', 'uniform')
normal = nn.initializers.normal(0.02)
zeros = nn.initializers.zeros


def symmetric_uniform(bound: float):
  """U(-bound, bound); torch draws biases so, with 1/sqrt(n) of n inputs."""

  def init(rng, shape, dtype=jnp.float32):
    return jax.random.uniform(rng, shape, dtype, -bound, bound)

  return init


def torch_dense(features: int, fan_in: int, **options) -> Dense:
  """A linear layer of `fan_in` inputs that starts as torch's; for heads."""
  return Dense(
    features,
    kernel_init=torch_uniform,
    bias_init=symmetric_uniform(fan_in**-0.5),
    precision='highest',
    **options,
  )


def identity(x):
  return x


def change_patches(change, x, num_prefix: int):
  """Changes the patches, leaves the tokens before them as they are."""
  prefix, patches = x[..., :num_prefix, :], x[..., num_prefix:, :]
  return jnp.concatenate([prefix, change(patches)], axis=-2)


def count_channels(rank: float, width: int) -> int:
  """Channels of a rank: a number of them, or a share of the width below 1."""
  rank = ranges.rank('rank', rank)
  count = int(width * rank) if rank < 1 else rank
  if not count:
    raise UserError(
      f'A rank of {rank} leaves no channel of {width}; give a larger one.'
    )
  return count


def thin_product(x, kernel):
  """x @ kernel, the gradient of which transposes nothing wide.

  JAX has the gradient of an up-projection as (dY^T X)^T: a CPU then makes a
  transposed copy of the wide dY, and computes again for it whatever led to it.
  Here it is X^T dY, and that of a down-projection (dY^T X)^T.
  """
  return _thin_product(x, kernel)


def _product(x, kernel):
  return jax.lax.dot_general(x, kernel, (((x.ndim - 1,), (0,)), ((), ())))


def _thin_product_tangent(kept, dx, dkernel):
  x, kernel = kept
  return _product(dx, kernel) + _product(x, dkernel)


def _thin_product_backward(kept, dy):
  x, kernel = kept
  last, leading = x.ndim - 1, tuple(range(x.ndim - 1))
  sums = (leading, leading), ((), ())
  dx = jax.lax.dot_general(dy, kernel, (((last,), (1,)), ((), ())))
  if kernel.shape[0] < kernel.shape[1]:
    return dx, jax.lax.dot_general(x, dy, sums)
  # Without the barrier XLA turns the product round again.
  dkernel = jax.lax.optimization_barrier(jax.lax.dot_general(dy, x, sums))
  return dx, dkernel.T


_thin_product = with_derivatives(
  lambda *args: (_product(*args), args),
  _thin_product_tangent,
  _thin_product_backward,
)


def make_dense(features: int, **options) -> Dense:
  """`nn.Dense` for the narrow layers of adapters, with `thin_product`."""
  product = lambda x, kernel, *_, **__: thin_product(x, kernel)
  return Dense(features, dot_general=product, **options)


class Bottleneck(nn.Module):
  """b(x) = scale * up(dropout(activation(down(x)))), or x + b(x) with `skip`.

  `up` starts at zero, so b starts as zero. Dropout acts when the caller of the
  model passes a `dropout` rng.

  Attributes:
    rank: channels between down and up, or below 1 their share of the width.
    activation: `none`, `gelu` (exact) or `relu`.
    skip: add x.
    scale: factor on b.
    dropout: between the activation and `up`.
    down_init: of the kernel of `down`.
    dtype: compute type.
  """

  rank: float
  activation: str = 'none'
  skip: bool = False
  scale: float = 1.0
  dropout: float = 0.0
  down_init: Any = normal
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x):
    width, dtype = x.shape[-1], self.dtype
    rank, init = count_channels(self.rank, width), self.down_init
    down = make_dense(rank, kernel_init=init, dtype=dtype, name='down')
    up = make_dense(width, kernel_init=zeros, dtype=dtype, name='up')
    drop = Dropout(self.dropout)
    h = drop(ACTIVATIONS[self.activation](down(x)))
    branch = self.scale * up(h)
    return x + branch if self.skip else branch


def bottleneck_macs(width: int, rank: float) -> int:
  """Multiply-accumulates of `down` and `up` for one token."""
  return 2 * width * count_channels(rank, width)


class LowRank(nn.Module):
  """scale * up(down(x)) without biases, the update of a linear layer (LoRA)."""

  rank: int
  scale: float = 1.0
  down_init: Any = torch_uniform
  up_init: Any = zeros
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x, width: int):
    layer = lambda size, init, name: make_dense(
      size, use_bias=False, kernel_init=init, dtype=self.dtype, name=name
    )
    h = layer(self.rank, self.down_init, 'down')(x)
    return self.scale * layer(width, self.up_init, 'up')(h)


PER_CHANNEL = 'convolutions per channel'  # sums of shifted inputs, no product


class PerChannelConv(Declared, nn.Module):
  """Convolves every channel by itself, with zeros outside.

  Written as a sum over shifted inputs: XLA's grouped convolution takes over 20
  times as long on a CPU.

  Attributes:
    sizes: of the kernel, one per axis after the first; odd, to centre it.
    kernel_init: of the kernel, `sizes x channels`; torch's by default.
    bias_init: None for torch's.
    causal: the kernel ends at each frame, the first of these axes, instead of
      being centred there.
    dtype: compute type.
  """

  sizes: Sequence[int]
  kernel_init: Any = torch_uniform
  bias_init: Any = None
  causal: bool = False
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x):
    sizes, shape = tuple(self.sizes), x.shape[1:-1]
    if len(sizes) != len(shape) or not all(size % 2 for size in sizes):
      raise UserError(
        f'A kernel over {len(shape)} axes needs as many odd sizes, not {sizes}.'
      )
    bias_init = self.bias_init or symmetric_uniform(math.prod(sizes) ** -0.5)
    kernel = self.param(
      'kernel', self.kernel_init, (*sizes, x.shape[-1]), jnp.float32
    )
    bias = self.param('bias', bias_init, x.shape[-1:], jnp.float32)
    wide = lambda y: jnp.expand_dims(y.astype(self.dtype), range(x.ndim - 1))
    total = jnp.broadcast_to(wide(bias), x.shape)
    inputs = self.pad(x)
    for tap in np.ndindex(*sizes):
      ends = [start + n for start, n in zip(tap, shape, strict=True)]
      cut = tuple(map(slice, tap, ends))
      total += wide(kernel[tap]) * inputs[tap[0]][:, :, *cut[1:]]
    return total

  def pad(self, x):
    """Inputs as each tap along the first axis sees them; the others padded."""
    size, *others = self.sizes
    around = [(other // 2, other // 2) for other in others]
    pad = lambda x, first: jnp.pad(x, [(0, 0), first, *around, (0, 0)])
    if self.causal and (past := self.before(pad(x, (0, 0)), size - 1)):
      return [past.look_back(n, 0) for n in reversed(range(size))]
    before = size - 1 if self.causal else size // 2
    padded = pad(x, (before, size - 1 - before))
    return [padded[:, tap : tap + x.shape[1]] for tap in range(size)]

  @answered_by_streams
  def before(self, x_BxTx, count: int):
    """As `Method.before`."""
    return none_before(x_BxTx, count)


def find_side(patches: int) -> int:
  """Finds the side of the square that patches form."""
  side = math.isqrt(patches)
  if side**2 != patches:
    raise UserError(
      f'{patches} patches are no square; this adapter needs the patches of a '
      'square image and a class token before them.'
    )
  return side


def check_frames(video_BxTxHxWxC, num_frames: int) -> None:
  """Raises UserError if a video has another number of frames than the model.

  0 is any number.
  """
  if video_BxTxHxWxC.ndim != 5:
    raise UserError(
      f'A video is B x T x H x W x 3, not of shape {video_BxTxHxWxC.shape}.'
    )
  found = video_BxTxHxWxC.shape[1]
  if num_frames and found != num_frames:
    raise UserError(
      f'This model takes {num_frames} frames, the video has {found}.'
    )
