"""DualPath as a classifier: a frozen image model, two stacks, a head."""

import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.adapters.dualpath import DualPath
from i2v_jax.adapters.layers import check_frames, torch_dense
from i2v_jax.backbones.declared import Dense
from i2v_jax.backbones.image_model import make_module
from i2v_jax.models.classifier import Classifier
from i2v_jax.runtime.errors import UserError


class DualPathClassifier(Classifier):
  """Single frames and framesets through the same frozen blocks.

  Parameters: `backbone` (the tree of the image model), `adapters` (both stacks
  and the framesets' table), `projection` (CLIP's, frozen), `head`. Dropout
  acts when a `dropout` rng is passed to `apply`.

  Attributes:
    image_model: the image backbone.
    num_classes: width of the head.
    num_frames: T, frames of a clip; a multiple of the cells of a frameset and
      of the frames of the spatial path. 0 for any.
    adapter: `name` and options of `DualPath`.
    projection: width E that CLIP's projection gives; 0 for none.
  """

  projection: int = 0

  inputs = ('video', 'grid')

  def setup(self):
    self.backbone = make_module(self.image_model)
    self.adapters = self.paths(dtype=self.image_model.dtype)
    if self.projection:
      self.project = Dense(
        self.projection,
        use_bias=False,
        dtype=self.image_model.dtype,
        name='projection',
      )
    width = self.projection or self.image_model.width
    self.head = Head(width, self.head_inputs, self.num_classes)

  def paths(self, **options) -> DualPath:
    given = {k: v for k, v in self.adapter.items() if k != 'name'}
    return DualPath(self.image_model, **given, **options)

  @property
  def input_shapes(self) -> tuple[tuple[int, ...], ...]:
    """Shapes of one clip: `video` of T_S frames, `grid` of T_G framesets."""
    paths = self.paths(parent=None)
    rows, columns = paths.grid
    for part in (rows * columns, paths.spatial_frames):
      if self.num_frames % part:
        raise UserError(
          f'DualPath needs num_frames to be a multiple of {part}, not '
          f'{self.num_frames}.'
        )
    image = self.image_model.image_shape
    framesets = self.num_frames // rows // columns
    return ((paths.spatial_frames, *image), (framesets, *image))

  @property
  def head_inputs(self) -> int:
    """Channels that the head takes: those of both paths."""
    return 2 * (self.projection or self.image_model.width)

  @property
  def readout_macs(self) -> dict[str, int]:
    """Multiply-accumulates of a clip after the image model has pooled."""
    width = self.image_model.width
    return {
      'projection': self.num_steps * width * self.projection,
      'head': count_head_macs(self),
    }

  def __call__(self, video_BxTxHxWxC, grid_BxGxHxWxC):
    """Normalised frames and framesets to logits `B x classes`, float32."""
    return self.head(self.represent(video_BxTxHxWxC, grid_BxGxHxWxC))

  def represent(self, video_BxTxHxWxC, grid_BxGxHxWxC):
    """A vector for each clip, what the head reads: `B x 2E`, float32."""
    return average(*self.features(video_BxTxHxWxC, grid_BxGxHxWxC))

  def features(self, video_BxTxHxWxC, grid_BxGxHxWxC):
    """Features of single frames `B x T_S x E` and framesets `B x T_G x E`."""
    x_BxTxLxD, z_BxGxLxD = self.encode(video_BxTxHxWxC, grid_BxGxHxWxC)
    return self.read(x_BxTxLxD), self.read(z_BxGxLxD)

  def encode(self, video_BxTxHxWxC, grid_BxGxHxWxC):
    """Tokens of both paths after the adapted blocks, before the final norm."""
    (frames, *_), (framesets, *_), *_ = self.input_shapes
    check_frames(video_BxTxHxWxC, frames)
    check_frames(grid_BxGxHxWxC, framesets)
    backbone, paths = self.backbone, self.adapters
    x_BxTxLxD = backbone.embed(video_BxTxHxWxC)
    z_BxGxLxD = backbone.embed(
      grid_BxGxHxWxC, paths.position_code(grid_BxGxHxWxC.shape[1])
    )
    x_BxTxLxD = backbone.encode(x_BxTxLxD, paths.spatial)
    return x_BxTxLxD, backbone.encode(z_BxGxLxD, paths.temporal)

  def read(self, x_BxTxLxD):
    """Features of each image, after CLIP's projection if there is one."""
    return self.apply_projection(self.backbone.pool(x_BxTxLxD))

  def apply_projection(self, y):
    """CLIP's projection of the last axis; the identity if there is none."""
    return self.project(y) if self.projection else y


def average(y_BxSxE, y_BxGxE):
  """Averages the features of each path, joined as `join`: `B x 2E`."""
  return join(*(y.astype(jnp.float32).mean(axis=1) for y in (y_BxSxE, y_BxGxE)))


def join(spatial, temporal):
  """Joins what both paths say, framesets first, as the head reads it."""
  return jnp.concatenate([temporal, spatial], axis=-1)


class Head(nn.Module):
  """Two linear layers with a GELU between, torch's initialisation."""

  width: int
  num_inputs: int
  num_classes: int

  @nn.compact
  def __call__(self, y_Bx2E):
    h = torch_dense(self.width, self.num_inputs, name='fc1')(y_Bx2E)
    h = nn.gelu(h, approximate=False)
    return torch_dense(self.num_classes, self.width, name='fc2')(h)


def count_head_macs(model: DualPathClassifier) -> int:
  """Counts the multiply-accumulates of the head for one clip, or one box."""
  width = model.projection or model.image_model.width
  return width * (model.head_inputs + model.num_classes)
