"""What every video classifier has, whatever its method."""

import jax.numpy as jnp
from flax import linen as nn
from flax.core import FrozenDict

from i2v_jax.backbones.image_model import ImageModel


class Classifier(nn.Module):
  """Clips of normalised pixels to logits `B x classes`, float32.

  Its tree has the parts `backbone` (the tree of the image model), `head` and
  what the method adds. What one classifier does not have is off here; its
  value is a field of those that have it.

  Attributes:
    image_model: config of the image backbone.
    num_classes: width of the head.
    num_frames: T, frames of a clip; 0 for any number.
    adapter: as `adapters.resolve` returns it, or None.
  """

  image_model: ImageModel
  num_classes: int
  num_frames: int
  adapter: FrozenDict | None = None

  temporal_operator = None  # as `operators.resolve` returns it
  mean_first = False  # frames are averaged before they are pooled
  time_constant = 0.0  # of the mean over frames; 0: they weigh the same
  projection = 0  # width after CLIP's projection; 0 for none
  decoded = ()  # parts that `decode` uses, if features can be kept
  no_gradient = ()  # parts that no gradient enters
  inputs = ('video',)  # names of the arrays it takes, in order
  num_boxes = 0  # boxes of a clip, each of which is classified; 0: the clip is

  @property
  def input_shapes(self) -> tuple[tuple[int, ...], ...]:
    """Shape of each array of one clip, without the batch axis."""
    return ((self.num_frames, *self.image_model.image_shape),)

  @property
  def num_steps(self) -> int:
    """T', images or tubelets that the blocks see of one clip."""
    shapes = dict(zip(self.inputs, self.input_shapes, strict=True))
    images = sum(shape[0] for key, shape in shapes.items() if key != 'boxes')
    return images // self.image_model.tubelet

  @property
  def readout_macs(self) -> dict[str, int]:
    """Multiply-accumulates of a clip after the image model has pooled."""
    return {'head': self.image_model.width * self.num_classes}

  @property
  def num_pooled(self) -> int:
    """How often the image model pools tokens for one clip."""
    return self.num_steps


def make_probabilities(logits, task: str):
  """Makes probabilities of logits `… x classes`.

  Those of a task `multi` are sigmoids, each of its own; of `single` they add up
  to 1.
  """
  activate = nn.sigmoid if task == 'multi' else nn.softmax
  return activate(logits)


class FrozenClassifier(Classifier):
  """A classifier that reads tokens of a frozen image model.

  It has `features`, as constants, and `decode`, from them to logits; its
  `adapters` make one vector for each clip of them.
  """

  no_gradient = ('backbone',)  # what cannot be trained
  decoded = ('adapters', 'head')  # what `decode` uses

  def __call__(self, video_BxTxHxWxC):
    """Normalised pixels to logits `B x classes`, float32."""
    return self.decode(self.features(video_BxTxHxWxC))

  def represent(self, video_BxTxHxWxC):
    """A vector for each clip, what the head reads: `B x D`, float32."""
    y_BxD = self.adapters(self.features(video_BxTxHxWxC))
    return y_BxD.astype(jnp.float32)

  @property
  def num_pooled(self) -> int:
    """It reads tokens, not what the image model pools."""
    return 0
