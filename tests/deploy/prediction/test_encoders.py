"""Vectors of a trained model, and of an image model on its own."""

import jax
import numpy as np
import pytest
import small

import i2v_jax
from i2v_jax.backbones.normalization import normalize
from i2v_jax.data.clips.clips import make_test_views
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.videos.decode import DecodeError, open_video
from i2v_jax.deploy.prediction import encoders
from i2v_jax.models.inputs import normalize_clips

DIGITS = 'builtin:digits'


def encode(encoder, clips):
  return [scored.values for scored in encoder.encode(clips)]


def test_vectors_are_what_the_head_reads(model, clips):
  found = model.features(clips[:3])
  head = model.params['head']
  logits = found @ head['kernel'] + head['bias']
  wanted = [model.probabilities(clip) for clip in clips[:3]]
  np.testing.assert_allclose(jax.nn.softmax(logits), wanted, atol=1e-5)
  assert found.shape == (3, 32) and found.dtype == np.float32


def test_windows_have_vectors_in_order(model, clips):
  found = model.features(clips[:2], window=0.3, step=0.1)
  assert found.shape == (2 + 8, 32)
  alone = model.features(clips[1], per='window', window=0.3, step=0.1)
  np.testing.assert_allclose(found[2:], alone, atol=1e-5)


def test_a_bad_video_has_no_row_and_is_raised(model, clips):
  with pytest.raises(DecodeError, match='cannot be opened'):
    model.features(clips)


@pytest.mark.parametrize(
  ('adapter', 'width'),
  [
    (dict(name='evl', layers=1), 32),
    (dict(name='dualpath', grid=(2, 2), spatial_frames=2), 64),
  ],
)
def test_classifiers_of_other_methods_have_vectors(adapter, width):
  model = i2v_jax.build(small.spec(adapter, depth=1), 3)
  shape = lambda size: jax.ShapeDtypeStruct((2, *size), 'float32')
  found = jax.eval_shape(
    lambda key, *clips: model.init_with_output(key, *clips, method='represent'),
    jax.random.key(0),
    *map(shape, model.input_shapes),
  )[0]
  assert found.shape == (2, width) and found.dtype == np.float32


def test_an_image_model_gives_the_mean_over_its_frames(clips):
  encoder = encoders.encode_with_image_model(DIGITS, None, None, None)
  (found,) = encode(encoder, clips[1:2])
  loaded = i2v_jax.load_image_model(DIGITS)
  spec = ClipSpec(8, loaded.model.cfg.image_size, sampling='uniform')
  with open_video(clips[1]) as video:
    frames = make_test_views(video, spec)['video'][0]
  pixels = normalize(frames, loaded.report.normalization)
  wanted = small.apply(loaded.model, loaded.params, pixels, method=small.pooled)
  np.testing.assert_allclose(found[0], wanted.mean(axis=0), atol=1e-4)
  assert encoder.width == wanted.shape[1] and encoder.per == 'clip'


def test_a_mirrored_video_has_the_same_vector(clips):
  make = encoders.encode_with_image_model
  encoder = make(DIGITS, None, None, None, mirror=True)
  assert encoder.facts['mirror'] is True
  with open_video(clips[1]) as video:
    views = make_test_views(video, encoder.reading.reader.spec)['video'][None]
  one, other = (
    np.asarray(encoder.compute({'video': video}))
    for video in (views, views[..., ::-1, :])
  )
  np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
  (plain,) = encode(make(DIGITS, None, None, None), clips[1:2])
  assert np.abs(one - plain).max() > 1e-3


def test_frames_have_vectors_of_their_own(clips):
  make = encoders.encode_with_image_model
  (all_frames,) = encode(make(DIGITS, 'frame', None, None), clips[:1])
  assert all_frames.shape == (12, 64)
  (some,) = encode(make(DIGITS, 'frame', None, 0.2), clips[:1])
  np.testing.assert_allclose(some, all_frames[::6], atol=1e-5)


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    (('window', None, None), '--per window needs'),
    (('clip', 2.0, None), '--per clip has no windows'),
    (('frame', 2.0, None), '--per frame has no windows'),
    ((None, None, 1.0), '--step is from one window'),
    ((None, 1.0, 2.0), '--step is 2 seconds, more than'),
    (('video', None, None), '--per is .video.'),
  ],
)
def test_options_that_make_no_sense_are_refused(options, said):
  with pytest.raises(ValueError, match=said):
    encoders.choose_per(*options)


def test_a_video_model_has_no_vector_of_a_frame(model):
  with pytest.raises(ValueError, match='sees clips, not single frames'):
    model.features('a.mp4', per='frame')
  assert normalize_clips({}, 'clip') == ()
