"""A clip is what decoding, sampling and transforms give when called by hand."""

import numpy as np
import pytest

from i2v_jax.data.clips import clips, colour, flips, randaugment, sampling
from i2v_jax.data.clips.crops import (
  center_crop,
  random_resized_crop,
  random_scale_crop,
  three_crop,
)
from i2v_jax.data.videos import decode
from i2v_jax.data.videos.resize import resize, resize_short_side

PLAIN = dict(short_side=64, crop_area=(1, 1), crop_aspect=(1, 1), flip=0.0)
SCHEMES = ['dense', 'uniform', 'random_stride']
schemes = pytest.mark.parametrize('scheme', SCHEMES)


def make_spec(**changes):
  options = dict(num_frames=4, image_size=32, stride=3) | changes
  return clips.ClipSpec(**options)


def train(path, seed=0, label=0, **changes):
  with decode.open_video(path) as video:
    rng = np.random.default_rng(seed)
    arrays, label = clips.make_train_clip(
      video, label, make_spec(**changes), rng
    )
  assert arrays.keys() == {'video'}
  return arrays['video'], label


def views(path, span=None, **changes):
  with decode.open_video(path) as video:
    arrays = clips.make_test_views(video, make_spec(**changes), span)
  assert arrays.keys() == {'video'}
  return arrays['video']


def train_indices(scheme, count, rng):
  if scheme == 'dense':
    return sampling.sample_dense_train(count, 4, 3, rng)
  if scheme == 'uniform':
    return sampling.sample_uniform_train(count, 4, rng)
  return sampling.sample_random_stride(count, 4, rng)


def indices_of(scheme, count, num_clips):
  if scheme == 'uniform':
    return sampling.sample_uniform_test(count, 4, num_clips)
  return sampling.sample_dense_test(count, 4, 3, num_clips)


def resized(path, indices, side):
  frames = decode.read_frames(path, indices)
  return resize_short_side(frames, side)


def mirrored(path, seed):
  """The mirrored clip of `PLAIN` by hand, and the source of further draws."""
  rng = np.random.default_rng(seed)
  frames = resized(path, train_indices('dense', 280, rng), 64)
  frames = random_resized_crop(frames, 32, rng, (1, 1), (1, 1))
  return flips.random_flip(frames, 0, rng, 1.0)[0], rng


@pytest.fixture
def wrestling(videos):
  return videos / 'arm_wrestling.mp4'  # 280 frames, 340 x 256


@schemes
def test_a_training_clip_is_a_crop_of_the_sampled_frames(wrestling, scheme):
  options = dict(crop_area=(0.2, 0.3), crop_aspect=(0.5, 0.6), short_side=64)
  found, label = train(wrestling, 5, 2, sampling=scheme, flip=0.0, **options)
  assert found.shape == (4, 32, 32, 3) and found.dtype == np.uint8
  assert label == 2
  rng = np.random.default_rng(5)
  indices = train_indices(scheme, 280, rng)
  wanted = random_resized_crop(
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

  def invert(frames, rng, magnitude, num_ops):
    assert (magnitude, num_ops) == (9.0, 2)
    sizes.append(frames.shape[1:3])
    return 255 - frames

  monkeypatch.setattr(randaugment, 'rand_augment', invert)
  found, _ = train(
    wrestling,
    randaugment=place,
    randaugment_magnitude=9.0,
    randaugment_ops=2,
    **PLAIN,
  )
  assert sizes == seen
  plain, _ = train(wrestling, **PLAIN)
  wanted = 255 - plain.astype(int) if seen else plain
  # Resizing rounds halves up, of either.
  assert np.abs(found - wanted).max() <= (place == 'before_crop')


def test_unless_told_randaugment_is_m7_n4(wrestling):
  found, _ = train(wrestling, randaugment='after_crop', **PLAIN | {'flip': 1.0})
  frames, rng = mirrored(wrestling, 0)
  wanted = randaugment.rand_augment(frames, rng, magnitude=7, num_ops=4)
  np.testing.assert_array_equal(found, wanted)


def test_light_falls_on_the_mirrored_clip_before_it_is_augmented(wrestling):
  options = PLAIN | dict(flip=1.0)
  found, _ = train(
    wrestling, 6, lighting=0.5, randaugment='after_crop', **options
  )
  frames, rng = mirrored(wrestling, 6)
  lit = colour.add_lighting_noise(frames, rng, 0.5)
  assert (lit != frames).mean() > 0.9
  np.testing.assert_array_equal(found, randaugment.rand_augment(lit, rng))


def test_jitter_comes_after_the_light(wrestling):
  options = PLAIN | dict(flip=1.0, lighting=0.5, jitter=(0.5, 0.4, 0.3, 0.1))
  found, _ = train(wrestling, 6, **options)
  frames, rng = mirrored(wrestling, 6)
  lit = colour.add_lighting_noise(frames, rng, 0.5)
  wanted = colour.jitter(lit, rng, (0.5, 0.4, 0.3, 0.1))
  assert (wanted != lit).mean() > 0.9
  np.testing.assert_array_equal(found, wanted)


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
    cut = [three_crop(frames, 32) for frames in all_frames]
  else:
    cut = [[center_crop(frames, 32)] for frames in all_frames]
  wanted = [clip[crop] for crop in range(crops) for clip in cut]
  np.testing.assert_array_equal(found, wanted)


@schemes
def test_a_span_looks_at_that_part_only(wrestling, scheme):
  options = dict(sampling=scheme, clips=2)
  found = views(wrestling, span=(100, 150), **options)
  indices = 100 + indices_of(scheme, 50, 2).ravel()
  frames = center_crop(resized(wrestling, indices, 32), 32)
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
  square = center_crop(resized(path, looped, 64), 64)
  np.testing.assert_array_equal(clip, resize(square, 32, 32))


def test_a_rule_for_test_clips_is_followed(wrestling):
  options = dict(test_sampling='mmaction0')
  for scheme, indices in (
    ('dense', sampling.sample_dense_test(280, 4, 3, 2, 'mmaction0')),
    ('uniform', sampling.sample_uniform_test(280, 4, 1, 'mmaction0')),
  ):
    found = views(wrestling, sampling=scheme, clips=len(indices), **options)
    frames = resized(wrestling, indices.ravel(), 32)
    wanted = center_crop(frames, 32).reshape(found.shape)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(('count', 'crops'), [(1, 1), (3, 1), (2, 3)])
def test_the_release_stops_short_of_the_far_end(wrestling, count, crops):
  options = dict(sampling='random_stride', clips=count, crops=crops)
  found = views(wrestling, release_quirks=True, **options)
  # 94 strided frames leave 90 starts, 43 columns 11 offsets.
  starts = {1: [0], 2: [0, 45], 3: [0, 30, 60]}[count]
  wanted = [
    resized(wrestling, 3 * np.arange(i, i + 4), 32)[:, :, x : x + 32]
    for x in [0, 3, 7][:crops]
    for i in starts
  ]
  np.testing.assert_array_equal(found, wanted)


def test_scale_crop_takes_the_place_of_the_random_resized_crop(videos):
  path = videos / 'flipping_pancake.mkv'
  options = dict(sampling='uniform', scale_crop=1.5, crop_area=(0.5, 0.5))
  found, _ = train(path, flip=0.0, **options)
  rng = np.random.default_rng(0)
  with decode.open_video(path) as video:
    frames = video.read(
      sampling.sample_uniform_train(video.info.frames, 4, rng)
    )
  frames = resize_short_side(frames, 256)
  wanted = random_scale_crop(frames, 32, rng, (1.0, 1.5))
  assert (found == wanted).all()
