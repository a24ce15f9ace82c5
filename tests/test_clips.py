"""A clip is what decoding, sampling and transforms give when called by hand."""

import numpy as np
import pytest

from i2v_jax.data import clips, decode, randaugment, sampling, transforms

PLAIN = dict(short_side=64, crop_area=(1, 1), crop_aspect=(1, 1), flip=0.0)
schemes = pytest.mark.parametrize('scheme', ['dense', 'uniform'])


def make_spec(**changes):
  options = dict(num_frames=4, image_size=32, stride=3) | changes
  return clips.ClipSpec(**options)


def train(path, seed=0, label=0, **changes):
  with decode.open_video(path) as video:
    rng = np.random.default_rng(seed)
    return clips.train_clip(video, label, make_spec(**changes), rng)


def views(path, span=None, **changes):
  with decode.open_video(path) as video:
    return clips.test_views(video, make_spec(**changes), span)


def indices_of(scheme, count, num_clips):
  if scheme == 'dense':
    return sampling.dense_test(count, 4, 3, num_clips)
  return sampling.uniform_test(count, 4, num_clips)


def resized(path, indices, side):
  frames = decode.read_frames(path, indices)
  return transforms.resize_short_side(frames, side)


@pytest.fixture
def wrestling(videos):
  return videos / 'arm_wrestling.mp4'  # 280 frames, 340 x 256


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('sampling', 'random'),
    ('randaugment', 'on'),
    ('erasing_mode', 'grey'),
    ('crops', 2),
    ('num_frames', 0),
    ('image_size', 0),
    ('stride', 0),
    ('short_side', -1),
    ('clips', 0),
    ('test_short_side', 31),
  ],
)
def test_a_setting_that_cannot_be_is_named(field, value):
  with pytest.raises(ValueError, match=f'{field} .*{value}'):
    make_spec(**{field: value})


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('flip', 1.5),
    ('erasing', -0.1),
    ('crop_area', (1.0, 0.08)),
    ('crop_area', (0.5, 2.0)),
    ('crop_aspect', (0.0, 1.0)),
    ('test_short_side', -1),
  ],
)
def test_a_range_that_cannot_be_is_named(field, value):
  with pytest.raises(ValueError, match=field):
    make_spec(**{field: value})


def test_three_crops_want_the_crop_as_short_side():
  with pytest.raises(ValueError, match='test_short_side must equal image_size'):
    make_spec(crops=3, test_short_side=40)
  assert make_spec(crops=3, test_short_side=32, clips=4).views == 12


@schemes
def test_a_training_clip_is_a_crop_of_the_sampled_frames(wrestling, scheme):
  options = dict(crop_area=(0.2, 0.3), crop_aspect=(0.5, 0.6), short_side=64)
  found, label = train(wrestling, 5, 2, sampling=scheme, flip=0.0, **options)
  assert found.shape == (4, 32, 32, 3) and found.dtype == np.uint8
  assert label == 2
  rng = np.random.default_rng(5)
  if scheme == 'dense':
    indices = sampling.dense_train(280, 4, 3, rng)
  else:
    indices = sampling.uniform_train(280, 4, rng)
  wanted = transforms.random_resized_crop(
    resized(wrestling, indices, 64), 32, rng, area=(0.2, 0.3), aspect=(0.5, 0.6)
  )
  np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize('place', ['off', 'before_crop', 'after_crop'])
def test_the_seed_decides_a_training_clip(wrestling, place):
  options = dict(randaugment=place, erasing=0.5, erasing_mode='rand')
  one, again, other = (train(wrestling, s, **options)[0] for s in (1, 1, 2))
  assert one.shape == (4, 32, 32, 3) and one.dtype == np.uint8
  np.testing.assert_array_equal(one, again)
  assert (one != other).any()


@pytest.mark.parametrize(
  ('place', 'seen'),
  [('off', []), ('before_crop', [(64, 85)]), ('after_crop', [(32, 32)])],
)
def test_randaugment_acts_where_it_is_told(wrestling, monkeypatch, place, seen):
  sizes = []

  def invert(frames, rng):
    sizes.append(frames.shape[1:3])
    return 255 - frames

  monkeypatch.setattr(randaugment, 'rand_augment', invert)
  found, _ = train(wrestling, randaugment=place, **PLAIN)
  assert sizes == seen
  plain, _ = train(wrestling, **PLAIN)
  wanted = 255 - plain.astype(int) if seen else plain
  # Resizing rounds halves up, of either.
  assert np.abs(found - wanted).max() <= (place == 'before_crop')


@pytest.mark.parametrize('mode', ['const', 'rand'])
def test_erasing_covers_one_rectangle(wrestling, mode):
  erased, _ = train(wrestling, 3, erasing=1.0, erasing_mode=mode, **PLAIN)
  plain, _ = train(wrestling, 3, **PLAIN)
  changed = (erased != plain).any(axis=(0, 3))
  rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
  box = np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
  assert 0 < erased[box].size < plain.size / 2
  assert (erased[box] == 128).all() == (mode == 'const')


def test_a_mirrored_clip_has_the_mirrored_label(wrestling):
  options = PLAIN | dict(flip=1.0, flip_map={0: 1, 1: 0})
  plain, _ = train(wrestling, **PLAIN)
  for label, mirrored in ((0, 1), (1, 0), (2, 2)):
    found, its_label = train(wrestling, label=label, **options)
    np.testing.assert_array_equal(found, plain[:, :, ::-1])
    assert its_label == mirrored
  unmoved, its_label = train(wrestling, label=0, **options | {'flip': 0.0})
  np.testing.assert_array_equal(unmoved, plain)
  assert its_label == 0


@schemes
@pytest.mark.parametrize(
  ('count', 'crops', 'side'), [(1, 1, 0), (3, 1, 40), (2, 3, 0), (1, 3, 32)]
)
def test_views_are_all_clips_of_each_crop_in_turn(
  wrestling, scheme, count, crops, side
):
  options = dict(sampling=scheme, clips=count, crops=crops)
  found = views(wrestling, test_short_side=side, **options)
  assert found.shape == (count * crops, 4, 32, 32, 3)
  assert found.dtype == np.uint8
  all_frames = [
    resized(wrestling, indices, side or 32)
    for indices in indices_of(scheme, 280, count)
  ]
  if crops == 3:
    cut = [transforms.three_crop(frames, 32) for frames in all_frames]
  else:
    cut = [[transforms.center_crop(frames, 32)] for frames in all_frames]
  wanted = [clip[crop] for crop in range(crops) for clip in cut]
  np.testing.assert_array_equal(found, wanted)


@schemes
def test_a_span_looks_at_that_part_only(wrestling, scheme):
  options = dict(sampling=scheme, clips=2)
  found = views(wrestling, span=(100, 150), **options)
  indices = 100 + indices_of(scheme, 50, 2).ravel()
  frames = transforms.center_crop(resized(wrestling, indices, 32), 32)
  np.testing.assert_array_equal(found.reshape(frames.shape), frames)
  whole = views(wrestling, **options)
  assert (whole != found).any()
  np.testing.assert_array_equal(
    views(wrestling, span=(0, 280), **options), whole
  )


def test_an_upright_video_of_a_phone_is_seen_upright(videos):
  path = videos / 'rotated_90.mov'
  looped = [0, 1, 2, 0]  # it has three frames
  found = views(path, crops=3, stride=1)
  frames = resized(path, looped, 32)
  assert frames.shape == (4, 57, 32, 3)
  top, bottom, middle = (frames[:, y : y + 32] for y in (0, 24, 12))
  np.testing.assert_array_equal(found, [top, bottom, middle])
  # A square of the whole area does not fit, so the central one is taken.
  clip, _ = train(path, stride=1, **PLAIN)
  square = transforms.center_crop(resized(path, looped, 64), 64)
  np.testing.assert_array_equal(clip, transforms.resize(square, 32, 32))
