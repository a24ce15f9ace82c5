"""Elements of key frames have boxes, and batches have one shape."""

import dataclasses

import boxed
import cv2
import numpy as np
import pytest
from encoded import encode

from i2v_jax.data.clips import clips
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading import key_frames, pipeline
from i2v_jax.data.loading.loader import PADDING, Loader
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.videos import decode
from i2v_jax.runtime.errors import UserError

SPEC = ClipSpec(
  num_frames=4,
  image_size=32,
  stride=2,
  short_side=40,
  sampling='key_frame',
  boxes=3,
  box_extend=(0.1, 0.05),
)
PLAIN = Parallelism(threads=0)
COUNTS = (1, 2, 9, 0)  # boxes of each key frame


@pytest.fixture(scope='module')
def films(tmp_path_factory):
  """Two films of one size and one that is tall."""
  folder = tmp_path_factory.mktemp('films')
  paths = [folder / name for name in ('a.mp4', 'b.mp4', 'tall.mp4')]
  for path in paths[:2]:
    boxed.write_film(path)
  boxed.write_film(paths[2], size=(128, 96), box=(24, 32, 72, 64))
  return paths


@pytest.fixture(scope='module')
def split(films):
  """Four key frames with 1, 2, 9 and no boxes."""
  a, b, tall = films
  box = boxed.make_shares(boxed.BOX)
  shares = [np.repeat(box, n, axis=0) for n in COUNTS]
  return boxed.make_split((a, b, a, tall), (0.5, 1.0, 0.7, 0.7), shares)


@pytest.fixture
def damaged(split, tmp_path):
  """The same with a video that cannot be read, and a time past the end."""
  bad = tmp_path / 'bad.mp4'
  bad.write_bytes(b'no video')
  times = split.key_frames.times.copy()
  times[1] = 90
  moved = dataclasses.replace(split.key_frames, times=times)
  paths = (*split.paths[:2], str(bad), split.paths[3])
  return dataclasses.replace(split, paths=paths, key_frames=moved)


def describe(element):
  return {k: (v.shape, v.dtype.name) for k, v in element.items()}


def test_training_elements_are_what_they_say(split):
  loader = Loader(split, SPEC)
  found = loader.load_clip(1, np.random.default_rng(0))
  assert describe(found) == {
    'video': ((4, 32, 32, 3), 'uint8'),
    'boxes': ((3, 4), 'float32'),
    'box_labels': ((3, 3), 'uint8'),
    'box_mask': ((3,), 'float32'),
    'label': ((), 'int32'),
    'index': ((), 'int64'),
    'mask': ((), 'float32'),
    'error': ((), 'bytes1600'),
  }
  assert (found['label'], found['index'], found['mask']) == (-1, 1, 1)
  rows = split.key_frames.rows(1)
  with decode.open_video(split.paths[1]) as video:
    wanted = clips.make_train_boxes(
      video,
      30,
      split.key_frames.boxes[rows],
      split.key_frames.labels[rows],
      SPEC,
      np.random.default_rng(0),
    )
  for name, array in wanted.items():
    np.testing.assert_array_equal(found[name], array)


def test_test_elements_have_room_for_the_boxes_of_all(split):
  loader = Loader(split, SPEC)
  assert key_frames.count_test_boxes(split) == 16
  for index, count in enumerate(COUNTS):
    found = loader.load_views(index)
    shape = (48, 32) if index == 3 else (32, 48)
    assert found['video'].shape == (1, 4, *shape, 3)
    assert found['boxes'].shape == (16, 4)
    assert found['box_labels'].shape == (16, 3)
    assert found['box_mask'].tolist() == [1] * count + [0] * (16 - count)
    assert (found['boxes'][:count, 2] > 0).all()
    assert not found['boxes'][count:].any()


def test_batches_of_training_have_one_shape(split):
  batches = pipeline.load_train_batches(
    Loader(split, SPEC), 4, seed=0, start=0, stop=2, parallel=PLAIN
  )
  for batch in batches:
    assert batch['video'].shape == (4, 4, 32, 32, 3)
    assert batch['boxes'].shape == (4, 3, 4)
    counts = dict(zip(batch['index'], batch['box_mask'].sum(1), strict=True))
    assert counts[2] == 3 and counts[3] == 0


@pytest.mark.parametrize('workers', [0, 1])
def test_key_frames_of_one_shape_are_batched_in_any_order(split, workers):
  loader = Loader(split, SPEC)
  shapes = [loader.find_test_shape(index) for index in range(4)]
  assert shapes == [(32, 48)] * 3 + [(48, 32)]
  parallel = Parallelism(threads=0, workers=workers)
  found = {}
  for shape, order in (((32, 48), [2, 0, 1, PADDING]), ((48, 32), [3, -1])):
    one = dataclasses.replace(loader, test_shape=shape)
    for batch in pipeline.load_test_batches(
      one, 2, parallel=parallel, order=order
    ):
      assert batch['video'].shape == (2, 1, 4, *shape, 3)
      found |= dict(zip(batch['index'].tolist(), batch['mask'], strict=True))
  assert found == {2: 1, 0: 1, 1: 1, 3: 1, PADDING: 0}


def test_an_order_that_fills_no_batch_is_refused(split):
  loader = Loader(split, SPEC)
  with pytest.raises(ValueError, match='add 1 times PADDING'):
    pipeline.load_test_batches(loader, 2, parallel=PLAIN, order=[0, 1, 2])


def test_placeholders_have_the_shapes_of_the_others(split, damaged):
  for shape in (None, (32, 48)):
    loader = Loader(damaged, SPEC, 'skip', test_shape=shape)
    good = Loader(split, SPEC).load_views(0)
    for index in (1, 2, PADDING):
      bad = loader.load_views(index)
      wanted = describe(good)
      if shape is None:
        wanted['video'] = ((1, 4, 32, 32, 3), 'uint8')
      assert describe(bad) == wanted
      assert (bad['mask'], bad['label'], bad['index']) == (0, -1, index)
      assert not bad['box_mask'].any() and not bad['video'].any()
    assert loader.find_test_shape(2) is None
  lost = loader.make_lost(0, 'died', (1,))
  assert describe(lost) == describe(good)
  rng = np.random.default_rng(0)
  element = Loader(damaged, SPEC, 'skip').load_clip(1, rng)
  assert describe(element) == describe(Loader(split, SPEC).load_clip(1, rng))
  assert b'90.000 s is outside it' in element['error'].item()


def test_elements_with_framesets_and_their_placeholders(split, damaged):
  spec = dataclasses.replace(
    SPEC, test_frame='squashed', grid=(2, 2), spatial_frames=2
  )
  loader = Loader(damaged, spec, 'skip', test_shape=(32, 32))
  good = loader.load_views(0)
  assert good['mask'] == 1 and good['video'].shape == (1, 2, 32, 32, 3)
  assert good['grid'].shape == (1, 1, 32, 32, 3)
  for index in (1, 2, PADDING):
    bad = loader.load_views(index)
    assert describe(bad) == describe(good) and not bad['grid'].any()
  rng = np.random.default_rng(0)
  clips_of = [loader.load_clip(index, rng) for index in (0, 1)]
  assert describe(clips_of[0]) == describe(clips_of[1])
  assert clips_of[0]['grid'].shape == (1, 32, 32, 3)


def test_padded_frames_that_are_no_squares_are_refused_with_framesets(split):
  spec = dataclasses.replace(SPEC, grid=(2, 2))
  with pytest.raises(UserError, match="set test_frame to 'squashed'"):
    Loader(split, spec).find_test_shape(0)


def test_a_key_frame_outside_the_video_is_an_error(damaged):
  with pytest.raises(decode.DecodeError, match=r'b\.mp4: the key frame at 90'):
    Loader(damaged, SPEC).load_views(1)


def test_frames_of_another_shape_are_those_of_a_bad_video(split):
  loader = Loader(split, SPEC, test_shape=(32, 48))
  with pytest.raises(decode.DecodeError, match='come to 32 x 48 pixels, not'):
    loader.load_views(3)


def test_boxes_must_be_in_the_data_and_in_the_clips(split, broken):
  plain = ClipSpec(4, 32)
  with pytest.raises(ValueError, match=r'The data has key frames .* set model'):
    Loader(split, plain)
  with pytest.raises(ValueError, match=r'labels of videos instead of key'):
    Loader(broken, SPEC)


def test_files_of_one_second_are_one_video(tmp_path):
  """The key frame is the first of its second; each frame shows its number."""
  for second in (4, 5, 6):
    path = tmp_path / f'{second}.mp4'
    encode(path, 'libx264', range(0, 15, 3), {'crf': '0'})
  box = boxed.make_shares((0, 0, 32, 48), (48, 64))
  split = boxed.make_split([tmp_path] * 2, (5, 4), [box, box], seconds=True)
  spec = dataclasses.replace(SPEC, image_size=48)
  first, at_start = (Loader(split, spec).load_views(n) for n in (0, 1))
  # Frames -4, -2, 0 and 2 of the key frame, of 5 in each file.
  read = lambda second, n: decode.read_frames(tmp_path / f'{second}.mp4', [n])
  wanted = [read(4, 1), read(4, 3), read(5, 0), read(5, 2)]
  np.testing.assert_array_equal(first['video'][0], np.concatenate(wanted))
  wanted = [read(4, 0), read(4, 0), read(4, 0), read(4, 2)]
  np.testing.assert_array_equal(at_start['video'][0], np.concatenate(wanted))


def test_folders_of_frames_have_the_rate_of_the_split(tmp_path):
  for number in range(20):
    image = np.full((96, 128, 3), number, np.uint8)
    assert cv2.imwrite(str(tmp_path / f'{number:03}.png'), image)
  split = boxed.make_split([tmp_path], [2.0], [boxed.make_shares(boxed.BOX)])
  split = dataclasses.replace(split, fps=5.0)
  video, key = key_frames.open_example(split, SPEC, 0)
  with video:
    assert key == 10
