"""What a `ClipSpec` with boxes excludes, and the frames of its test views."""

from i2v_jax.data.videos import resize
from i2v_jax.runtime.errors import UserError

LONGEST = 3  # long side of a test frame over `test_short_side`
_ALONE = 'a key frame has one view, and boxes that only a crop or a flip moves'


def check(spec) -> None:
  """Raises UserError if parts of a spec do not go with boxes, or need them."""
  if (spec.sampling == 'key_frame') != bool(spec.boxes):
    raise UserError(
      f'sampling is {spec.sampling!r} with boxes={spec.boxes}; boxes are those '
      "of key frames, so take sampling 'key_frame' with 1 box or more, or "
      'another sampling with 0 boxes.'
    )
  if not spec.boxes:
    _check_without(spec)
    return
  for field, only in dict(randaugment='off', clips=1, crops=1).items():
    value = getattr(spec, field)
    if value != only:
      raise UserError(
        f'{field} is {value!r} with boxes; {_ALONE}: set {field} to {only!r}.'
      )
  if spec.test_frame == 'squashed' and spec.test_short_side:
    raise UserError(
      f'test_short_side is {spec.test_short_side}, but squashed frames have '
      "the image size; set it to 0, or test_frame to 'padded'."
    )
  if spec.grid:
    compute_shape(spec, spec.image_size, spec.image_size)


def _check_without(spec) -> None:
  for field, none in dict(box_jitter=(), box_extend=(0, 0)).items():
    if any(getattr(spec, field)):
      raise UserError(
        f'{field} needs boxes; set it to {none}, or boxes above 0.'
      )
  if spec.test_frame != 'padded':
    raise UserError(
      f'test_frame {spec.test_frame!r} needs boxes; leave it at '
      "'padded', which has no effect without them."
    )


def compute_size(spec, height: int, width: int) -> tuple[int, int]:
  """Computes (height, width) of a test frame before padding."""
  if spec.test_frame == 'squashed':
    return spec.image_size, spec.image_size
  short = spec.test_short_side or spec.image_size
  low, high = min(height, width), max(height, width)
  if high <= LONGEST * low:
    return resize.compute_size(height, width, short)
  most = LONGEST * short
  fitting = resize.compute_size(height, width, max(most * low // high, 1))
  return min(fitting[0], most), min(fitting[1], most)


def compute_shape(spec, height: int, width: int) -> tuple[int, int]:
  """Computes (height, width) of a test frame with its padding.

  Raises:
    UserError: frames are to be tiled in framesets, but are not the square that
      a model takes.
  """
  size = compute_size(spec, height, width)
  if spec.test_frame == 'squashed':
    return size
  up, across = (-(-side // spec.pad_to) * spec.pad_to for side in size)
  square = spec.image_size, spec.image_size
  if spec.grid and (up, across) != square:
    raise UserError(
      f'padded test frames of a {height} x {width} video are {up} x {across} '
      f'pixels, but framesets are {square[0]} x {square[1]}, as the model is; '
      "set test_frame to 'squashed' (views.frame) and test_short_side to 0 "
      '(views.short_side).'
    )
  return up, across
