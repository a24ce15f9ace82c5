"""A frame of a stream is that of the evaluation, bit by bit."""

import dataclasses

import numpy as np
import pytest
from streamed import SPEC, read_all

from i2v_jax.data.clips import clips
from i2v_jax.data.live import views
from i2v_jax.data.videos import decode

SPECS = {
  'square': SPEC,
  'margin': dataclasses.replace(SPEC, test_short_side=19),
  'three crops': dataclasses.replace(SPEC, crops=3, clips=2),
  'quirks': dataclasses.replace(
    SPEC, sampling='random_stride', release_quirks=True
  ),
}
NAMES = (
  'arm_wrestling.mp4',
  'flipping_pancake.mkv',
  'h265.mp4',
  'mpeg4.avi',
  'rotated_90.mov',
)


@pytest.mark.parametrize('kind', SPECS)
@pytest.mark.parametrize('name', NAMES)
def test_views_equal_those_of_the_evaluation(videos, name, kind):
  spec = dataclasses.replace(SPECS[kind], stride=3)
  frames, _ = read_all(videos / name, spec)
  with decode.open_video(videos / name) as video:
    numbers = range(0, video.info.frames, spec.stride)
    read = video.read(numbers, clips.find_short_side(spec))
    times = np.asarray(video.info.times)[:: spec.stride]
  one = dataclasses.replace(spec, num_frames=len(read), clips=1, crops=1)
  wanted = clips.make_views(read, one)['video'][0]
  np.testing.assert_array_equal([frame.view for frame in frames], wanted)
  np.testing.assert_allclose(
    [frame.seconds for frame in frames], times, atol=1e-6
  )


def test_what_viewers_see_is_small_enough():
  wide = np.zeros((900, 1600, 3), np.uint8)
  assert views.shrink(wide).shape == (360, 640, 3)
  small = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)
  assert np.array_equal(views.shrink(small), small)
