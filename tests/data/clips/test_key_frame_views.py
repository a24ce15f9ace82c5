"""Test frames of key frames are complete, and few shapes are compiled."""

import pytest

from i2v_jax.data.clips.spec import ClipSpec


def make_spec(**changes):
  options = dict(num_frames=4, image_size=224, boxes=5, sampling='key_frame')
  return ClipSpec(**options | changes)


@pytest.mark.parametrize(
  ('height', 'width', 'size', 'shape'),
  [
    (256, 256, (256, 256), (256, 256)),
    (480, 640, (256, 341), (256, 352)),  # 341.33
    (640, 480, (341, 256), (352, 256)),
    (128, 256, (256, 512), (256, 512)),
    (100, 300, (256, 768), (256, 768)),  # the longest without less height
    (100, 400, (192, 768), (192, 768)),
    (100, 1000, (76, 760), (80, 768)),
    (3, 5000, (1, 768), (16, 768)),
    (5000, 3, (768, 1), (768, 16)),
    (1, 16_000_000, (1, 768), (16, 768)),
  ],
)
def test_a_padded_frame_is_a_multiple_of_the_patch(height, width, size, shape):
  spec = make_spec(test_short_side=256)
  assert spec.test_size(height, width) == size
  assert spec.test_shape(height, width) == shape


def test_another_patch_pads_to_its_own_multiple():
  spec = make_spec(pad_to=14)
  assert spec.test_size(480, 640) == (224, 299)
  assert spec.test_shape(480, 640) == (224, 308)


@pytest.mark.parametrize('size', [(480, 640), (5000, 3)])
def test_a_squashed_frame_is_the_square_that_the_model_takes(size):
  spec = make_spec(test_frame='squashed', pad_to=32)
  assert spec.test_size(*size) == spec.test_shape(*size) == (224, 224)


def test_framesets_need_the_square_that_the_model_takes():
  spec = make_spec(grid=(2, 2))
  assert spec.test_shape(100, 100) == (224, 224)
  with pytest.raises(ValueError, match=r'of a 480 x 640 .* 224 x 304 .*squash'):
    spec.test_shape(480, 640)
  spec = make_spec(grid=(2, 2), test_frame='squashed')
  assert spec.test_shape(480, 640) == (224, 224)
