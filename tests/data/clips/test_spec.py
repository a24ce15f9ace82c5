"""What a clip cannot be is said before a video is read."""

import pytest

from i2v_jax.data.clips import spec


def make_spec(**changes):
  options = dict(num_frames=4, image_size=32, stride=3) | changes
  return spec.ClipSpec(**options)


def make_boxes(**changes):
  return make_spec(**dict(sampling='key_frame', boxes=5) | changes)


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('sampling', 'random'),
    ('test_sampling', 'mmaction2'),
    ('randaugment', 'on'),
    ('erasing_mode', 'grey'),
    ('crops', 2),
    ('num_frames', 0),
    ('image_size', 0),
    ('stride', 0),
    ('short_side', -1),
    ('clips', 0),
    ('test_short_side', 31),
    ('flip', 1.5),
    ('erasing', -0.1),
    ('lighting', -0.1),
    ('randaugment_ops', 15),
    ('randaugment_magnitude', 10.5),
    ('spatial_frames', -1),
  ],
)
def test_a_setting_that_cannot_be_is_named(field, value):
  with pytest.raises(ValueError, match=f'{field} .*{value}'):
    make_spec(**{field: value})


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('crop_area', (1.0, 0.08)),
    ('crop_area', (0.5, 2.0)),
    ('crop_aspect', (0.0, 1.0)),
    ('test_short_side', -1),
    ('jitter', (0.5, 0.5, 0.5)),
    ('jitter', (1.5, 0.5, 0.5, 0.1)),
    ('jitter', (0.5, 0.5, 0.5, 0.6)),
  ],
)
def test_a_range_that_cannot_be_is_named(field, value):
  with pytest.raises(ValueError, match=field):
    make_spec(**{field: value})


def test_three_crops_want_the_crop_as_short_side():
  with pytest.raises(ValueError, match='test_short_side must equal image_size'):
    make_spec(crops=3, test_short_side=40)
  assert make_spec(crops=3, test_short_side=32, clips=4).views == 12


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    (dict(release_quirks=True), "'random_stride' or 'key_frame', not 'dense'"),
    (
      dict(release_quirks=True, sampling='random_stride', test_short_side=40),
      'release_quirks, .* test_short_side must equal image_size 32, not 40',
    ),
    (
      dict(test_sampling='mmaction0', sampling='random_stride'),
      'for dense and uniform clips',
    ),
    (
      dict(test_sampling='mmaction0', sampling='uniform', clips=2),
      'clips must be 1, not 2',
    ),
  ],
)
def test_settings_that_do_not_go_together_are_named(changes, words):
  with pytest.raises(ValueError, match=words):
    make_spec(**changes)


@pytest.mark.parametrize(
  'scale',
  [0.9, (0.9, 1.2), (1.3, 1.2), (1.2,), (), 'large', True, float('nan')],
)
def test_a_scale_below_one_is_refused(scale):
  with pytest.raises(ValueError, match='can be 1 or more, or 0 for off'):
    make_spec(scale_crop=scale)


def test_a_scale_is_the_upper_end_or_both():
  assert make_spec(scale_crop=1.5).scales == (1, 1.5)
  assert make_spec(scale_crop=[1.1, 1.5]).scales == (1.1, 1.5)


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('hsv_jitter', (10, 26)),
    ('hsv_jitter', (10.5, 26, 26)),
    ('hsv_jitter', (180, 26, 26)),
    ('box_jitter', (0.2, 0.1, 0.1)),
    ('box_jitter', (0.2, 0.1, 0.1, -0.05)),
    ('box_extend', (0.1,)),
    ('box_extend', (0.1, 1.5)),
    ('test_frame', 'cropped'),
    ('boxes', -1),
    ('pad_to', 0),
  ],
)
def test_a_setting_of_boxes_that_cannot_be_is_named(field, value):
  with pytest.raises(ValueError, match=f'{field} is '):
    make_boxes(**{field: value})


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    (dict(boxes=0), "'key_frame' with boxes=0; .* another sampling"),
    (dict(sampling='dense'), "sampling is 'dense' with boxes=5"),
    (dict(randaugment='after_crop'), "set randaugment to 'off'"),
    (
      dict(grid=(2, 2), test_short_side=48),
      r"are 48 x 48 pixels, but framesets are 32 x 32, .* 'squashed'",
    ),
    (dict(clips=2), 'clips is 2 with boxes'),
    (dict(crops=3), 'crops is 3 with boxes'),
    (dict(test_sampling='mmaction0'), "with sampling 'key_frame'"),
    (
      dict(test_frame='squashed', test_short_side=40),
      'squashed frames have the image size',
    ),
  ],
)
def test_what_boxes_exclude_is_named(changes, words):
  with pytest.raises(ValueError, match=words):
    make_boxes(**changes)


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    (dict(box_jitter=(0.2, 0.1, 0.1, 0.05)), 'box_jitter needs boxes'),
    (dict(box_extend=(0.1, 0.05)), 'box_extend needs boxes'),
    (dict(test_frame='squashed'), "test_frame 'squashed' needs boxes"),
  ],
)
def test_what_needs_boxes_is_named(changes, words):
  with pytest.raises(ValueError, match=words):
    make_spec(**changes)
