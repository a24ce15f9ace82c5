"""In a clip with boxes the rectangle that is seen is the box that is said."""

import boxed
import numpy as np
import pytest

from i2v_jax.data.clips import boxes, clips, grid, sampling
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.videos import decode
from i2v_jax.data.videos.resize import resize, resize_short_side

TOUCH_LEFT, TOUCH_RIGHT = np.array([[0, 1, 0]]) > 0, np.array([[0, 0, 1]]) > 0
VAD = dict(
  scale_crop=(256 / 224, 256 / 224),
  hsv_jitter=(10, 26, 26),
  box_jitter=(0.2, 0.1, 0.1, 0.05),
  release_quirks=True,
)


def make_spec(**changes):
  options = dict(num_frames=4, image_size=64, stride=2, short_side=80)
  return ClipSpec(**options | dict(sampling='key_frame', boxes=3) | changes)


@pytest.fixture(scope='module')
def film(tmp_path_factory):
  return boxed.write_film(tmp_path_factory.mktemp('films') / 'film.mp4')


def train(film, seed=0, box=boxed.BOX, labels=TOUCH_LEFT, key=20, **changes):
  with decode.open_video(film) as video:
    return clips.make_train_boxes(
      video,
      key,
      boxed.make_shares(box),
      labels,
      make_spec(**changes),
      np.random.default_rng(seed),
    )


def test_shapes_and_types(film):
  found = train(film)
  assert {k: (v.shape, v.dtype.name) for k, v in found.items()} == {
    'video': ((4, 64, 64, 3), 'uint8'),
    'boxes': ((3, 4), 'float32'),
    'box_labels': ((3, 3), 'uint8'),
    'box_mask': ((3,), 'float32'),
  }


@pytest.mark.parametrize(
  'changes',
  [
    dict(flip=0.0),
    dict(flip=1.0),
    dict(scale_crop=(1.0, 1.3)),
    dict(hsv_jitter=(10, 26, 26), lighting=0.1, jitter=(0.1, 0.1, 0.1, 0.1)),
    dict(crop_area=(0.9, 1.0), short_side=96),
  ],
)
def test_the_box_is_around_the_rectangle(film, changes):
  shown = 0
  for seed in range(12):
    found = train(film, seed, **changes)
    if not found['box_mask'][0]:  # At most a pixel is within the crop.
      white = found['video'][0].max(axis=-1) > 127
      assert min(white.any(0).sum(), white.any(1).sum()) <= 1
      continue
    shown += 1
    seen = boxed.find_rectangle(found['video'][0])
    edges = found['boxes'][0] + [0, 0, 1, 1]
    np.testing.assert_allclose(edges, seen, atol=1.5)
  assert shown > 6


def test_a_mirrored_box_has_mirrored_labels(film):
  flip_map = {1: 2, 2: 1}
  for flip, column in ((0.0, 1), (1.0, 2)):
    found = train(film, crop_area=(1, 1), flip=flip, flip_map=flip_map)
    assert found['box_labels'][0].nonzero()[0].tolist() == [column]
  both = np.array([[True, True, True]])
  found = train(film, labels=both, flip=1.0, flip_map=flip_map)
  assert found['box_labels'][0].tolist() == [1, 1, 1]


def test_a_box_that_the_crop_leaves_out_goes_with_its_labels(film):
  corner = np.array([(0, 0, 4, 4), (64, 48, 127, 95)])
  labels = np.concatenate([TOUCH_LEFT, TOUCH_RIGHT])
  options = dict(box=corner, labels=labels, flip=0.0, scale_crop=(1.5, 1.5))
  for seed in range(30):
    found = train(film, seed, **options)
    kept = int(found['box_mask'].sum())
    if kept == 1:
      assert found['box_labels'][0].tolist() == [0, 0, 1]
      quirky = train(film, seed, release_quirks=True, **options)
      np.testing.assert_array_equal(quirky['box_mask'], [1, 1, 0])
      assert quirky['box_labels'][0].tolist() == [0, 1, 0]
      x1, y1, x2, y2 = quirky['boxes'][0]
      assert x2 - x1 <= 0 or y2 - y1 <= 0
      np.testing.assert_array_equal(quirky['boxes'][1], found['boxes'][0])
      return
  raise AssertionError('no crop left the first box out')


def test_a_box_that_is_nowhere_visible_goes_even_with_quirks(film):
  thin = np.array([(10, 10, 10.5, 50), boxed.BOX, (200, 10, 240, 50)])
  labels = np.eye(3) > 0
  for quirks in (True, False):
    found = train(
      film, box=thin, labels=labels, crop_area=(1, 1), release_quirks=quirks
    )
    assert found['box_mask'].tolist() == [1, 0, 0]
    assert found['box_labels'][0].tolist() == [0, 1, 0]


def test_more_boxes_than_there_is_room_are_chosen_with_their_labels(film):
  many = np.array([(10 * n, 10, 10 * n + 8, 40) for n in range(8)])
  labels = np.array([[n >> bit & 1 for bit in range(3)] for n in range(8)]) > 0
  whole = dict(crop_area=(1, 1), crop_aspect=(1, 1), flip=0.0)
  seen = set()
  for seed in range(20):
    found = train(film, seed, many, labels, **whole)
    assert found['box_mask'].tolist() == [1, 1, 1]
    numbers = found['box_labels'] @ [1, 2, 4]
    seen |= set(numbers.tolist())
    everything = train(film, seed, many, labels, boxes=8, **whole)
    kept = everything['box_labels'] @ [1, 2, 4]
    for box, number in zip(found['boxes'], numbers, strict=True):
      (place,) = np.flatnonzero(kept == number)
      np.testing.assert_array_equal(box, everything['boxes'][place])
  assert len(seen) >= 5


def test_no_boxes_at_all(film):
  none = np.zeros((0, 4)), np.zeros((0, 3), bool)
  found = train(film, box=none[0], labels=none[1], **VAD)
  assert not found['box_mask'].any() and found['box_labels'].shape == (3, 3)


def test_the_published_pipeline_depends_on_the_seed_alone(film):
  one, again, other = (train(film, seed, **VAD) for seed in (1, 1, 2))
  for name, array in one.items():
    np.testing.assert_array_equal(array, again[name])
  assert (one['boxes'] != other['boxes']).any()
  assert (one['video'] != other['video']).any()


def test_frames_are_those_around_the_key_frame(film):
  frames = []

  class Noted:
    def __init__(self, video):
      self.info, self.video = video.info, video

    def read(self, indices, short_side):
      frames.append(list(indices))
      return self.video.read(indices, short_side)

  with decode.open_video(film) as video:
    given = Noted(video), 20, boxed.make_shares(boxed.BOX)
    rng = np.random.default_rng(0)
    clips.make_train_boxes(*given, TOUCH_LEFT, make_spec(), rng)
    clips.make_test_boxes(*given, make_spec())
  wanted = sampling.sample_key_frame(40, 4, 2, 20).tolist()
  assert frames == [wanted, wanted] and wanted == [16, 18, 20, 22]


def view(film, box=boxed.BOX, **changes):
  with decode.open_video(film) as video:
    spec = make_spec(**changes)
    return clips.make_test_boxes(video, 20, boxed.make_shares(box), spec)


def test_a_padded_view_is_the_complete_frame(film):
  found = view(film, test_short_side=72)
  assert found['video'].shape == (4, 80, 96, 3)
  frames = decode.read_frames(film, [16, 18, 20, 22])
  wanted = resize_short_side(frames, 72)
  np.testing.assert_array_equal(found['video'][:, :72, :96], wanted)
  assert not found['video'][:, 72:].any()
  seen = boxed.find_rectangle(found['video'][0])
  np.testing.assert_allclose(found['boxes'] + [0, 0, 1, 1], [seen])


def test_a_squashed_view_is_a_square(film):
  found = view(film, test_frame='squashed')
  assert found['video'].shape == (4, 64, 64, 3)
  seen = boxed.find_rectangle(found['video'][0])
  np.testing.assert_allclose(found['boxes'] + [0, 0, 1, 1], [seen], atol=1)
  np.testing.assert_allclose(found['boxes'] + [0, 0, 1, 1], [[16, 16, 32, 48]])


def test_test_boxes_grow_within_the_frame_before_padding(film):
  given = np.array([boxed.BOX, (64, 48, 128, 96)])
  found = view(film, given, box_extend=(0.1, 0.05), pad_to=56)['boxes']
  plain = view(film, given)['boxes']
  np.testing.assert_allclose(plain[1], [42.667, 32, 84.333, 63], atol=0.4)
  wanted = boxes.extend(plain, (0.1, 0.05), 64, 85)
  np.testing.assert_array_equal(found, wanted)
  assert found[1, 2] == 84 and found[1, 3] == 63


def test_a_long_frame_is_no_longer_than_three_short_sides(tmp_path):
  size, box = (32, 256), (128, 8, 160, 24)
  film = boxed.write_film(tmp_path / 'long.mp4', 24, size, box)
  with decode.open_video(film) as video:
    shares = boxed.make_shares(box, size)
    found = clips.make_test_boxes(video, 12, shares, make_spec())
  assert found['video'].shape == (4, 32, 192, 3)
  seen = boxed.find_rectangle(found['video'][0])
  np.testing.assert_allclose(found['boxes'] + [0, 0, 1, 1], [seen], atol=1)
  frames = resize(decode.read_frames(film, [8, 10, 12, 14]), 24, 192)
  np.testing.assert_array_equal(found['video'][:, :24], frames)


def test_test_boxes_keep_their_number(film):
  assert view(film, np.zeros((0, 4)))['boxes'].shape == (0, 4)
  given = np.array([(10, 10, 10.2, 10.2), (300, 300, 400, 400), boxed.BOX])
  assert len(view(film, given)['boxes']) == 3


def test_framesets_are_made_of_the_complete_clip(film):
  """Cropped, mirrored and coloured like the single frames next to them."""
  changes = dict(num_frames=8, flip=1.0, hsv_jitter=(10, 26, 26))
  whole = train(film, **changes)
  found = train(film, **changes, grid=(2, 2), spatial_frames=4)
  assert found['video'].shape == (4, 64, 64, 3)
  np.testing.assert_array_equal(found['video'], whole['video'][::2])
  wanted = grid.make_framesets(whole['video'], 2, 2)
  np.testing.assert_array_equal(found['grid'], wanted)
  for name in ('boxes', 'box_labels', 'box_mask'):
    np.testing.assert_array_equal(found[name], whole[name])


def test_framesets_of_a_view_are_squashed_like_its_frames(film):
  changes = dict(num_frames=8, test_frame='squashed')
  whole, found = view(film, **changes), view(film, **changes, grid=(2, 4))
  assert found['grid'].shape == (1, 64, 64, 3)
  wanted = grid.make_framesets(whole['video'], 2, 4)
  np.testing.assert_array_equal(found['grid'], wanted)
  np.testing.assert_array_equal(found['boxes'], whole['boxes'])
  with pytest.raises(ValueError, match="set test_frame to 'squashed'"):
    view(film, num_frames=8, grid=(2, 4))


def test_a_video_alone_is_not_enough(film):
  with decode.open_video(film) as video:
    with pytest.raises(ValueError, match='made around key frames'):
      clips.make_test_views(video, make_spec())
    with pytest.raises(ValueError, match='made around key frames'):
      clips.make_train_clip(video, 0, make_spec(), np.random.default_rng(0))
