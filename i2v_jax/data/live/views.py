"""What a model sees of a frame: that of the first clip of an evaluation."""

import dataclasses

import cv2
import numpy as np

from i2v_jax.data.clips import clips
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.videos.resize import resize_short_side

SIDE = 640  # pixels, the long side of what viewers see


def make_frame_spec(spec: ClipSpec) -> ClipSpec:
  """Makes the spec of clips of one frame, with one crop, as tested otherwise.

  Args:
    spec: of the clips of a model without a grid of frames or boxes.
  """
  return dataclasses.replace(
    spec, num_frames=1, clips=1, crops=1, spatial_frames=0
  )


def make_view(image: np.ndarray, spec: ClipSpec) -> np.ndarray:
  """Makes the view of a frame, as `clips.make_test_views` does of a video.

  Args:
    image: uint8 RGB [H, W, 3], upright.
    spec: of `make_frame_spec`.

  Returns:
    uint8 [image_size, image_size, 3], an array of its own.

  Raises:
    UserError: the frame would be too large when resized.
  """
  frames = resize_short_side(image[None], clips.find_short_side(spec))
  return clips.make_views(frames, spec)['video'][0, 0].copy()


def shrink(image: np.ndarray) -> np.ndarray:
  """Shrinks a frame to a long side of at most `SIDE` pixels, for viewers."""
  scale = SIDE / max(image.shape[:2])
  if scale >= 1:
    return image.copy()
  height, width = (max(round(side * scale), 1) for side in image.shape[:2])
  return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
