"""What the values of a `ClipSpec` may be, each on its own."""

from collections.abc import Sequence

from i2v_jax.data.clips import randaugment, sampling

MOST = 2**31 - 1
# Maxima: brightness, contrast, saturation, hue; of OpenCV's HSV; of boxes.
JITTER, HSV, BOX_JITTER = (1, 1, 1, 0.5), (179, 255, 255), (1, 1, 1, 1)
CHOICES = {
  'sampling': ('dense', 'uniform', 'random_stride', 'key_frame'),
  'test_sampling': sampling.RULES,
  'randaugment': ('off', 'before_crop', 'after_crop'),
  'erasing_mode': ('const', 'rand'),
  'crops': (1, 3),
  'test_frame': ('padded', 'squashed'),
}
# Field -> lowest and highest value.
INTEGERS = {
  'num_frames': (1, MOST),
  'image_size': (1, MOST),
  'stride': (1, MOST),
  'age': (0, MOST),
  'short_side': (1, MOST),
  'randaugment_ops': (0, len(randaugment.OPS)),
  'clips': (1, MOST),
  'crops': (1, 3),
  'test_short_side': (0, MOST),
  'spatial_frames': (0, MOST),
  'boxes': (0, MOST),
  'pad_to': (1, MOST),
}
NUMBERS = {
  'flip': (0, 1),
  'lighting': (0, MOST),
  'randaugment_magnitude': (0, 10),
  'erasing': (0, 1),
}
FLAGS = ('release_quirks', 'grid_antialias')


def is_number(value, low: float, high: float) -> bool:
  """Whether a value is a number from `low` to `high`, and not a flag."""
  real = isinstance(value, int | float) and not isinstance(value, bool)
  return real and low <= value <= high  # not NaN


def check_numbers(values, most: Sequence[float]) -> tuple | None:
  """Returns the values if each is a number from 0 to its `most`, else None."""
  if not isinstance(values, list | tuple) or len(values) != len(most):
    return None
  inside = map(is_number, values, (0,) * len(most), most)
  return tuple(values) if all(inside) else None
