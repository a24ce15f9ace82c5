"""Boxes go where the pixels of a rectangle go."""

import boxed
import numpy as np
import pytest

from i2v_jax.data.clips import boxes, crops, flips
from i2v_jax.data.videos.resize import resize


def draw(box, height=96, width=128):
  """A black frame with a white rectangle."""
  frames = np.zeros((1, height, width, 3), np.uint8)
  x1, y1, x2, y2 = box
  frames[:, y1:y2, x1:x2] = 255
  return frames


def rows(*found):
  return np.float32(found).reshape(-1, 4)


def assert_shown(frames, found, pixels=0.0):
  """The rectangle that is seen is the box, up to so many pixels."""
  seen = boxed.find_rectangle(frames[0])
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, [seen], atol=pixels)


BOX = (32, 24, 64, 72)


def test_shares_are_of_the_frame_from_edge_to_edge():
  found = boxes.from_shares([[0, 0, 1, 1], [0.25, 0.25, 0.5, 0.75]], 96, 128)
  np.testing.assert_array_equal(found, [[0, 0, 128, 96], BOX])
  assert found.dtype == np.float32
  outside = boxes.from_shares([[-0.5, 0.5, 1.5, 2]], 96, 128)
  np.testing.assert_array_equal(outside, [[0, 48, 128, 96]])


@pytest.mark.parametrize('size', [(48, 64), (192, 256), (48, 256)])
def test_resizing(size):
  found = boxes.resize(rows(BOX), (96, 128), size)
  assert_shown(resize(draw(BOX), *size), found)


@pytest.mark.parametrize(
  'window',
  [(0, 0, 96, 128), (10, 20, 80, 100), (30, 40, 20, 20), (0, 40, 50, 88)],
)
def test_cropping(window):
  top, left, height, width = window
  found = boxes.crop(rows(BOX), *window)
  frames = draw(BOX)[:, top : top + height, left : left + width]
  assert_shown(frames, found)


def test_mirroring():
  assert_shown(flips.mirror(draw(BOX)), boxes.flip(rows(BOX), 128))


def test_a_random_crop_with_both_kinds_of_window():
  frames = draw(BOX)
  for seed in range(20):
    rng = np.random.default_rng(seed)
    cases = (
      crops.draw_scale_window(96, 128, 64, rng, (1.2, 1.5)),
      crops.Window((96, 128), *crops.draw_crop_box(96, 128, rng, (0.5, 1))),
    )
    for window in cases:
      found = boxes.resize(rows(BOX), (96, 128), window.resized)
      found = boxes.crop(found, *window[1:])
      found = boxes.resize(found, window[3:], (64, 64))
      assert_shown(crops.cut(frames, window, 64), found, pixels=1)


def test_boxes_that_a_crop_leaves_out_are_not_visible():
  found = boxes.crop(
    rows(BOX, (0, 0, 10, 10), (0, 0, 41, 80), (0, 0, 42, 80)), 20, 40, 60, 60
  )
  np.testing.assert_array_equal(found[1], [0, 0, 0, 0])
  np.testing.assert_array_equal(found[2], [0, 0, 1, 60])
  assert boxes.find_visible(found).tolist() == [True, False, False, True]


def test_visible_is_more_than_a_pixel_each_way():
  given = rows((5, 5, 7, 7), (5, 5, 6, 7), (5, 5, 7, 6), (5, 5, 6.1, 6.1))
  assert boxes.find_visible(given).tolist() == [True, False, False, True]
  last = boxes.to_inclusive(given)  # the rule as it is published
  published = (last[:, 2] > last[:, 0]) & (last[:, 3] > last[:, 1])
  assert published.tolist() == [True, False, False, True]


def test_inclusive_boxes_name_the_last_pixel():
  found = boxes.to_inclusive(rows((0, 0, 128, 96)))
  np.testing.assert_array_equal(found, [[0, 0, 127, 95]])
  assert found.dtype == np.float32


def test_extended_boxes_are_those_of_the_published_code(golden):
  with np.load(golden / 'ava_extended_boxes.npz') as file:
    given, wanted = file['boxes'][:, 1:], file['extended_boxes'][:, 1:]
  found = boxes.extend(given, (0.1, 0.05), 224, 224)
  np.testing.assert_allclose(found, wanted, rtol=1e-6)
  assert found.dtype == np.float32
  np.testing.assert_array_equal(boxes.extend(given, (0, 0), 224, 224), given)


def test_jitter_moves_each_side_as_far_as_told():
  given = np.tile(rows((100, 100, 199, 299)), (4000, 1))  # 100 x 200 pixels
  rng = np.random.default_rng(0)
  moved = boxes.jitter(given, rng, (0.2, 0.1, 0.1, 0.05), 500, 400) - given
  assert moved.dtype == np.float32
  low, high = moved.min(0), moved.max(0)
  np.testing.assert_allclose(low, [-20, -20, -10, -10], atol=0.3)
  np.testing.assert_allclose(high, [10, 10, 20, 20], atol=0.3)
  np.testing.assert_allclose(moved.mean(0), [-5, -5, 5, 5], atol=0.6)
  assert np.abs(np.corrcoef(moved.T) - np.eye(4)).max() < 0.06


def test_jitter_stays_inside_and_leaves_two_pixels():
  rng = np.random.default_rng(1)
  given = boxes.to_inclusive(
    rows((0, 0, 64, 48), (64, 20, 64, 20), (0, 0, 1, 1))
  )
  for _ in range(200):
    found = boxes.jitter(given, rng, (0.2, 0.1, 0.1, 0.05), 48, 64)
    assert found.min() >= 0 and (found <= [63, 47, 63, 47]).all()
    assert (found[:, 2:] - found[:, :2]).min() > 1 - 1e-5


def test_at_most_so_many_are_chosen_in_their_order():
  rng = np.random.default_rng(0)
  assert boxes.choose(3, 3, rng).tolist() == [0, 1, 2]
  assert boxes.choose(0, 3, rng).tolist() == []
  counts = np.zeros(6, int)
  for _ in range(600):
    chosen = boxes.choose(6, 2, rng)
    assert len(chosen) == 2 and chosen[0] < chosen[1]
    counts[chosen] += 1
  assert np.abs(counts - 200).max() < 50  # standard deviation 12


def test_padding_is_zero_and_masked():
  labels = np.array([[True, False, True], [False, True, False]])
  found = boxes.pad(rows(BOX, (1, 2, 3, 4)), labels, 5)
  assert {k: (v.shape, v.dtype.name) for k, v in found.items()} == {
    'boxes': ((5, 4), 'float32'),
    'box_labels': ((5, 3), 'uint8'),
    'box_mask': ((5,), 'float32'),
  }
  assert found['box_mask'].tolist() == [1, 1, 0, 0, 0]
  np.testing.assert_array_equal(found['box_labels'][:2], labels)
  assert not found['boxes'][2:].any() and not found['box_labels'][2:].any()
