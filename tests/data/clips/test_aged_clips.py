"""Frames before a training clip: of its video, or the first one again."""

import numpy as np
import pytest

from i2v_jax.data.clips import clips, sampling
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.sets import sources
from i2v_jax.data.videos import decode
from i2v_jax.data.videos.span import Span
from i2v_jax.runtime.errors import UserError

PLAIN = dict(short_side=32, crop_area=(1, 1), crop_aspect=(1, 1), flip=0.0)


def make_spec(**changes):
  options = PLAIN | dict(num_frames=4, image_size=32, stride=3, age=2)
  return clips.ClipSpec(**options | changes)


def read(video, indices, age):
  spec, rng = make_spec(age=age), np.random.default_rng(0)
  arrays, _ = clips.make_train_clip(video, 0, spec, rng, np.array(indices))
  return arrays['video']


def test_frames_before_a_clip_are_those_of_its_video(videos):
  with decode.open_video(videos / 'arm_wrestling.mp4') as video:
    found = read(video, [10, 13, 16, 19], 2)
    np.testing.assert_array_equal(found, read(video, range(4, 20, 3), 0))


def test_before_a_span_its_video_goes_on(videos):
  with Span(decode.open_video(videos / 'arm_wrestling.mp4'), 1, 3) as span:
    found = read(span, [0, 3, 6, 9], 2)
    begins = span.first
    wanted = read(span.video, range(begins - 6, begins + 10, 3), 0)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
  ('clip', 'wanted'),
  [
    ([7, 9], [1, 3, 5, 7, 9]),
    ([3, 5], [0, 0, 1, 3, 5]),
    ([0, 2], [0, 0, 0, 0, 2]),
  ],
)
def test_before_a_video_its_first_frame_stands(clip, wanted):
  assert sampling.add_before(np.array(clip), 3, 2).tolist() == wanted


def test_a_lost_clip_has_the_shape_of_the_others(videos):
  path = str(videos / 'corrupted.mp4')
  split = sources.Split((path,), [0], ('a',), (path,))
  loader = Loader(split, make_spec(), 'skip')
  assert make_spec().shapes['video'] == (4, 32, 32, 3)
  lost = loader.load_clip(0, np.random.default_rng(0))
  assert lost['mask'] == 0 and lost['video'].shape == (6, 32, 32, 3)


@pytest.mark.parametrize(
  'options', [dict(sampling='uniform'), dict(grid=(2, 2)), dict(age=-1)]
)
def test_age_is_of_dense_clips(options):
  with pytest.raises(UserError, match='age is'):
    make_spec(**options)
