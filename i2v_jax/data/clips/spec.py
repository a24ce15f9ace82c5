"""How clips are sampled, cropped, augmented and laid out."""

import dataclasses
import math
import reprlib
from collections.abc import Mapping

from i2v_jax.data.clips import grid, key_frame_views
from i2v_jax.data.clips.spec_values import (
  BOX_JITTER,
  CHOICES,
  FLAGS,
  HSV,
  INTEGERS,
  JITTER,
  MOST,
  NUMBERS,
  check_numbers,
  is_number,
)
from i2v_jax.runtime.errors import UserError, check_choice


@dataclasses.dataclass(frozen=True)
class ClipSpec:
  """How clips are sampled, cropped and augmented; sizes in pixels.

  Attributes:
    num_frames: T, frames of a clip.
    image_size: side of the square the model takes.
    sampling: `dense`, every `stride`-th frame; `uniform`, T frames spread over
      the complete video; `random_stride`, dense with a new stride for each
      training clip, as in DualPath; `key_frame`, every `stride`-th frame around
      a key frame with boxes, as in VideoMAE-Action-Detection.
    stride: distance of neighbouring frames of a dense clip, and of test clips
      with `random_stride`.
    age: how many frames, of the same distance, come with a training clip of
      dense sampling from before it; where a video has none, its first one.
    short_side: short side to which training videos are resized first.
    scale_crop: if not 0, replaces the next two: a square of the image size, cut
      from a video whose short side is 1 to `scale_crop` times that size, or
      `low` to `high` times if it is (low, high).
    crop_area: range of the share of the frame that a training crop covers.
    crop_aspect: range of its width over its height.
    flip: probability of a mirrored training clip.
    flip_map: label -> label of the mirrored clip, where they differ.
    lighting: standard deviation of AlexNet's PCA noise; 0 for none.
    jitter: strengths of brightness, contrast, saturation and hue, applied in
      random order; mmaction2 has (0.5, 0.5, 0.5, 0.1); () for none.
    hsv_jitter: most that is added to hue, saturation and value, integers in the
      units of OpenCV; VideoMAE-Action-Detection has (10, 26, 26); () for none.
    randaugment: `before_crop`, `after_crop` or `off`.
    randaugment_ops: number of operations drawn for a clip.
    randaugment_magnitude: their mean level, 0 to 10.
    erasing: probability of an erased rectangle.
    erasing_mode: `const` fills with grey, `rand` with noise.
    clips: test clips along time.
    crops: test crops of each, 1 (centre) or 3 (along the long side).
    test_short_side: short side of resized test videos; 0 means `image_size`.
    test_sampling: placement of dense and uniform test clips: `mmaction1`, as
      version 1.x of mmaction2, or `mmaction0`, as AIM.
    release_quirks: whether to place test clips and crops of `random_stride` as
      the release of DualPath does, short of the far end, instead of evenly;
      with `key_frame`, whether boxes that a training crop leaves out stay, as
      lines or points with their labels, as in VideoMAE-Action-Detection,
      instead of being dropped.
    grid: rows and columns of a frameset (see `grid.make_framesets`); () for
      none.
    grid_antialias: whether frames are smoothed as they shrink into its cells.
    spatial_frames: T_S, number of frames that a model with a grid also gets at
      full size: every T / T_S-th; 0 for all.
    boxes: N, number of boxes of a training clip: fewer are padded, of more N
      are chosen at random; 0 if clips have a label instead of boxes.
    box_jitter: `(x_out, x_in, y_out, y_in)`, how far sides of training boxes
      move at most, see `boxes.jitter`; VideoMAE-Action-Detection has (0.2, 0.1,
      0.1, 0.05); () for none.
    box_extend: shares of width and height by which test boxes grow in total;
      VideoMAE-Action-Detection has (0.1, 0.05).
    test_frame: test frames with boxes are complete: `padded`, resized to the
      short side `test_short_side`, with pixels of `pad_colour` at the right and
      bottom, or `squashed`, resized to the square of the image size.
    pad_to: sides of padded frames are multiples of so many pixels: the patch.
    pad_colour: red, green and blue, 0 to 255; what a model sees as 0.
  """

  num_frames: int
  image_size: int
  sampling: str = 'dense'
  stride: int = 1
  age: int = 0
  short_side: int = 256
  scale_crop: float | tuple[float, float] = 0.0
  crop_area: tuple[float, float] = (0.08, 1.0)
  crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
  flip: float = 0.5
  flip_map: Mapping[int, int] = dataclasses.field(default_factory=dict)
  lighting: float = 0.0
  jitter: tuple[float, float, float, float] | tuple[()] = ()
  hsv_jitter: tuple[int, int, int] | tuple[()] = ()
  randaugment: str = 'off'
  randaugment_ops: int = 4
  randaugment_magnitude: float = 7.0
  erasing: float = 0.0
  erasing_mode: str = 'const'
  clips: int = 1
  crops: int = 1
  test_short_side: int = 0
  test_sampling: str = 'mmaction1'
  release_quirks: bool = False
  grid: tuple[int, int] | tuple[()] = ()
  grid_antialias: bool = False
  spatial_frames: int = 0
  boxes: int = 0
  box_jitter: tuple[float, float, float, float] | tuple[()] = ()
  box_extend: tuple[float, float] = (0.0, 0.0)
  test_frame: str = 'padded'
  pad_to: int = 16
  pad_colour: tuple[int, int, int] = (0, 0, 0)

  def __post_init__(self):
    self._check_values()
    self._check_test_views()
    self._check_grid()
    self._check_age()
    key_frame_views.check(self)

  def _check_values(self) -> None:
    for field, known in CHOICES.items():
      check_choice(field, getattr(self, field), known)
    for field, (low, high) in INTEGERS.items():
      value = getattr(self, field)
      if not (is_number(value, low, high) and value == int(value)):
        self._refuse(field, f'an integer from {low} to {high}')
      object.__setattr__(self, field, int(value))
    for field, (low, high) in NUMBERS.items():
      if not is_number(getattr(self, field), low, high):
        self._refuse(field, f'a number from {low} to {high}')
    for field in FLAGS:
      if not isinstance(getattr(self, field), bool):
        self._refuse(field, 'True or False')
    self._check_lists()

  def _refuse(self, field: str, wanted: str):
    value = reprlib.repr(getattr(self, field))
    raise UserError(f'{field} is {value}; it can be {wanted}.')

  def _check_lists(self) -> None:
    scales = check_numbers(self.scales, (MOST, MOST)) or ()
    if self.scale_crop != 0 and not (scales and 1 <= scales[0] <= scales[1]):
      self._refuse(
        'scale_crop',
        '1 or more, or 0 for off, or (low, high), 1 <= low <= high',
      )
    if self.jitter not in ((), []) and not check_numbers(self.jitter, JITTER):
      self._refuse(
        'jitter',
        '(brightness, contrast, saturation, hue), each 0 to 1 and hue 0 to '
        '0.5, or () for none',
      )
    hsv = check_numbers(self.hsv_jitter, HSV) if self.hsv_jitter else ()
    if hsv is None or any(value != int(value) for value in hsv):
      self._refuse(
        'hsv_jitter',
        '(hue, saturation, value), integers, hue 0 to 179 and the others 0 to '
        '255, or () for none',
      )
    self._check_box_lists()
    for field, most in dict(crop_area=1, crop_aspect=MOST).items():
      ends = check_numbers(getattr(self, field), (most, most))
      if not (ends and 0 < ends[0] <= ends[1]):
        self._refuse(field, f'(low, high), 0 < low <= high <= {most}')

  def _check_box_lists(self) -> None:
    jitter = self.box_jitter
    if jitter not in ((), []) and not check_numbers(jitter, BOX_JITTER):
      self._refuse(
        'box_jitter', '(x_out, x_in, y_out, y_in), each 0 to 1, or () for none'
      )
    if not check_numbers(self.box_extend, (1, 1)):
      self._refuse('box_extend', '(along x, along y), each 0 to 1')

  def _check_test_views(self) -> None:
    cropped = not self.boxes
    if cropped and 0 < self.test_short_side < self.image_size:
      raise UserError(
        f'test_short_side {self.test_short_side} is smaller than the crop of '
        f'{self.image_size}.'
      )
    along = self.crops == 3 or (self.release_quirks and cropped)
    if along and self.test_short_side not in (0, self.image_size):
      raise UserError(
        'Three crops, and those of release_quirks, are cut along the long '
        f'side, so test_short_side must equal image_size {self.image_size}, '
        f'not {self.test_short_side}.'
      )
    quirky = ('random_stride', 'key_frame')
    if self.release_quirks and self.sampling not in quirky:
      raise UserError(
        'release_quirks are those of DualPath and of VideoMAE-Action-Detection,'
        f" so sampling must be 'random_stride' or 'key_frame', not "
        f'{self.sampling!r}.'
      )
    if self.test_sampling == 'mmaction0':
      self._check_mmaction0()

  def _check_mmaction0(self) -> None:
    if self.sampling not in ('dense', 'uniform'):
      raise UserError(
        "test_sampling 'mmaction0' is for dense and uniform clips; leave it at "
        f"'mmaction1' with sampling {self.sampling!r}."
      )
    if self.sampling == 'uniform' and self.clips > 1:
      raise UserError(
        "test_sampling 'mmaction0' makes 1 uniform clip, so clips must be 1, "
        f'not {self.clips}.'
      )

  def _check_grid(self) -> None:
    if not self.grid:
      if self.spatial_frames or self.grid_antialias:
        raise UserError(
          'spatial_frames and grid_antialias need a grid; set grid to its '
          '(rows, columns), or leave them out.'
        )
      return
    if not all(check_numbers(self.grid, (MOST, MOST)) or (0,)):
      self._refuse('grid', '(rows, columns), or ()')
    size = self.image_size
    grid.check(self.num_frames, size, size, *self.grid)
    if self.spatial_frames and self.num_frames % self.spatial_frames:
      raise UserError(
        f'spatial_frames {self.spatial_frames} does not divide num_frames '
        f'{self.num_frames}; take a divisor, or 0 for all frames.'
      )

  def _check_age(self) -> None:
    if self.age and (self.sampling != 'dense' or self.grid or self.boxes):
      raise UserError(
        f'age is {self.age}, and applies only to dense clips without a grid '
        'and without boxes; set age to 0.'
      )

  @property
  def views(self) -> int:
    """V, test views of a video."""
    return self.clips * self.crops

  @property
  def scales(self) -> tuple[float, float]:
    """Lowest and highest short side before a crop, over the image size."""
    crop = self.scale_crop
    return tuple(crop) if isinstance(crop, list | tuple) else (1.0, crop)

  @property
  def shapes(self) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of a test clip: name -> shape."""
    square = (self.image_size, self.image_size, 3)
    shapes = {'video': (self.spatial_frames or self.num_frames, *square)}
    if self.grid:
      shapes['grid'] = (self.num_frames // math.prod(self.grid), *square)
    return shapes

  @property
  def train_shapes(self) -> dict[str, tuple[int, ...]]:
    """The same of a training clip, with the frames before it."""
    frames, *square = self.shapes['video']
    return self.shapes | {'video': (self.age + frames, *square)}

  def test_size(self, height: int, width: int) -> tuple[int, int]:
    """Computes (height, width) of a test frame with boxes, before padding."""
    return key_frame_views.compute_size(self, height, width)

  def test_shape(self, height: int, width: int) -> tuple[int, int]:
    """Computes (height, width) of a test frame with boxes, as a model gets it.

    There are few: a long side is at most three times the short one.

    Args:
      height: of the video, in pixels.
      width: of the video, in pixels.
    """
    return key_frame_views.compute_shape(self, height, width)
