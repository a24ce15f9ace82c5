"""What a clip cannot be is said before a video is read."""

import pytest

from i2v_jax.data.clips import spec


def make_spec(**changes):
  options = dict(num_frames=4, image_size=32, stride=3) | changes
  return spec.ClipSpec(**options)


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
    (dict(release_quirks=True), "must be 'random_stride', not 'dense'"),
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


def test_a_scale_below_one_is_refused():
  with pytest.raises(ValueError, match='can be 1 or more, or 0 for off'):
    make_spec(scale_crop=0.9)
