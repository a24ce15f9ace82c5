"""Mirrored frames, and which classes mirror each other."""

import numpy as np
import pytest

from i2v_jax.data.clips import flips


def pixels(height, width):
  """Two frames whose pixels name their place: red is x, green y."""
  t, y, x = np.mgrid[:2, :height, :width]
  return np.stack([x, y, t], axis=-1).astype(np.uint8)


def corner(frames):
  """(y, x) in the source of the top left pixel."""
  return int(frames[0, 0, 0, 1]), int(frames[0, 0, 0, 0])


def test_random_flip_mirrors_frames_and_label_together():
  frames = pixels(8, 20)[:, :, :12]  # a view, as a crop is
  mirrored = 0
  for rng in map(np.random.default_rng, range(400)):
    out, label = flips.random_flip(frames, 3, rng, label_map={3: 5, 5: 3})
    flipped = corner(out) == (0, 11)
    mirrored += flipped
    wanted = frames[:, :, ::-1] if flipped else frames
    np.testing.assert_array_equal(out, wanted)
    assert label == (5 if flipped else 3)
    assert out is frames or out.flags['C_CONTIGUOUS']
  assert 160 < mirrored < 240


def test_random_flip_keeps_other_labels():
  rng = np.random.default_rng(0)
  for label_map in (None, {3: 5}):
    out, label = flips.random_flip(pixels(4, 4), 7, rng, 1.0, label_map)
    assert corner(out) == (0, 3)
    assert label == 7
  assert flips.random_flip(pixels(4, 4), 7, rng, 0.0)[1] == 7


def _ssv2_like_names():
  """174 names with the directed ones where Something-Something V2 has them."""
  names = [f'Doing thing {i} upright, with leftovers' for i in range(174)]
  for first, verb in ((86, 'Pulling'), (93, 'Pushing')):
    names[first] = f'{verb} something from left to right'
    names[first + 1] = f'{verb} something from right to left'
  names[166] = 'Turning the camera left while filming something'
  names[167] = 'Turning the camera right while filming something'
  return names


def test_flip_label_map_finds_the_pairs_by_name():
  pairs = {86: 87, 87: 86, 93: 94, 94: 93, 166: 167, 167: 166}
  assert flips.make_flip_map(_ssv2_like_names()) == pairs
  assert flips.make_flip_map(['Turn LEFT', 'turn right']) == {0: 1, 1: 0}
  assert flips.make_flip_map(['jumping', 'bright upright']) == {}
  assert flips.make_flip_map(['looking Left and right']) == {}


@pytest.mark.parametrize('change', ['missing', 'twice'])
def test_flip_label_map_needs_one_mirror_image(change):
  names = _ssv2_like_names()
  names[86] = names[167] if change == 'twice' else 'Pulling something'
  with pytest.raises(ValueError, match='exactly one mirror image'):
    flips.make_flip_map(names)


def test_same_seed_same_result():
  frames = pixels(4, 6)
  run = lambda seed: flips.random_flip(frames, 0, np.random.default_rng(seed))[
    0
  ].tobytes()
  assert [run(i) for i in range(20)] == [run(i) for i in range(20)]
  assert len({run(i) for i in range(20)}) == 2
