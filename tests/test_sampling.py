"""Frame indices against worked examples, and the exact support of the draws."""

import itertools

import numpy as np
import pytest

from i2v_jax.data import sampling


def _starts(num_frames, clip_len, stride, num_clips):
  clips = sampling.dense_test(num_frames, clip_len, stride, num_clips)
  return clips[:, 0].tolist()


@pytest.mark.parametrize(
  ('num_frames', 'clip_len', 'stride', 'num_clips', 'starts'),
  [
    (300, 8, 16, 3, [0, 94, 187]),
    (250, 8, 16, 3, [0, 68, 137]),
    (250, 8, 16, 1, [68]),
    (100, 8, 16, 3, [0, 0, 0]),
    (120, 8, 2, 10, [0, 12, 23, 35, 47, 58, 70, 82, 93, 105]),
    (113, 8, 16, 3, [0, 0, 0]),
    (10, 1, 4, 5, [1, 3, 5, 7, 9]),
    (7, 1, 1, 2, [1, 5]),
  ],
)
def test_dense_test_starts(num_frames, clip_len, stride, num_clips, starts):
  assert _starts(num_frames, clip_len, stride, num_clips) == starts


def test_dense_test_strides_and_ends_at_the_last_frame():
  clips = sampling.dense_test(300, 8, 16, 3)
  assert clips.dtype == np.int64
  assert clips[2].tolist() == [187, 203, 219, 235, 251, 267, 283, 299]
  assert (np.diff(clips, axis=1) == 16).all()


def test_dense_test_loops_short_videos():
  clips = sampling.dense_test(100, 8, 16, 3)
  assert clips.tolist() == [[0, 16, 32, 48, 64, 80, 96, 12]] * 3


@pytest.mark.parametrize(
  ('num_frames', 'clip_len', 'clips'),
  [
    (49, 16, [list(range(1, 49, 3))]),
    (40, 8, [[2, 7, 12, 17, 22, 26, 31, 36]]),
    (
      40,
      8,
      [[1, 6, 11, 16, 21, 25, 30, 35], [3, 8, 13, 18, 23, 27, 32, 37]],
    ),
    (5, 8, [[0, 0, 1, 2, 2, 2, 3, 4]]),
    (100, 8, [[6, 18, 31, 43, 56, 68, 80, 93]]),
    (10, 8, [[0, 1, 2, 3, 4, 6, 7, 8]]),
    (1, 4, [[0, 0, 0, 0]]),
  ],
)
def test_uniform_test(num_frames, clip_len, clips):
  result = sampling.uniform_test(num_frames, clip_len, len(clips))
  assert result.dtype == np.int64
  assert result.tolist() == clips


@pytest.mark.parametrize(
  # The window is 4 * 5 = 20 frames, though the clip itself spans only 16.
  ('num_frames', 'starts'),
  [(26, range(7)), (21, range(2)), (20, range(1)), (17, range(1))],
)
def test_dense_train_draws_every_start_and_no_other(num_frames, starts):
  rng = np.random.default_rng(0)
  draws = [sampling.dense_train(num_frames, 4, 5, rng) for _ in range(300)]
  assert {int(clip[0]) for clip in draws} == set(starts)
  assert all((np.diff(clip) == 5).all() for clip in draws)


def test_dense_train_starts_are_uniform():
  rng = np.random.default_rng(0)
  starts = [sampling.dense_train(24, 4, 5, rng)[0] for _ in range(5000)]
  # 1000 expected per start, standard deviation 28.
  assert np.abs(np.bincount(starts) - 1000).max() < 120


def test_dense_train_loops_short_videos():
  clip = sampling.dense_train(7, 4, 5, np.random.default_rng(0))
  assert clip.dtype == np.int64
  assert clip.tolist() == [0, 5, 3, 1]


def test_uniform_train_draws_both_ends_of_every_segment():
  # Edges round(39 / 8 * i), half to even.
  edges = [0, 5, 10, 15, 20, 24, 29, 34, 39]
  rng = np.random.default_rng(0)
  draws = np.stack([sampling.uniform_train(40, 8, rng) for _ in range(500)])
  assert draws.dtype == np.int64
  for segment, (first, last) in enumerate(itertools.pairwise(edges)):
    assert set(draws[:, segment].tolist()) == set(range(first, last + 1))


def test_uniform_train_repeats_frames_of_short_videos():
  rng = np.random.default_rng(0)
  for num_frames in (1, 2, 5):
    for _ in range(50):
      clip = sampling.uniform_train(num_frames, 8, rng)
      assert (np.diff(clip) >= 0).all()
      assert clip.min() >= 0
      assert clip.max() < num_frames


@pytest.mark.parametrize('num_clips', [1, 2, 3])
@pytest.mark.parametrize('clip_len', [1, 8, 16, 32])
def test_test_clips_stay_inside_the_video(clip_len, num_clips):
  for num_frames in range(1, 120):
    for clips in (
      sampling.dense_test(num_frames, clip_len, 4, num_clips),
      sampling.uniform_test(num_frames, clip_len, num_clips),
    ):
      assert clips.shape == (num_clips, clip_len)
      assert clips.min() >= 0
      assert clips.max() < num_frames


def test_train_draws_repeat_with_the_seed():
  one, two, other = (
    np.concatenate(
      [
        sampling.dense_train(1000, 8, 2, rng),
        sampling.uniform_train(1000, 8, rng),
      ]
    )
    for rng in map(np.random.default_rng, (1, 1, 2))
  )
  assert (one == two).all()
  assert (one != other).any()


@pytest.mark.parametrize('bad', [0, -3])
def test_counts_below_one_raise(bad):
  rng = np.random.default_rng(0)
  for name, call in (
    ('num_frames', lambda: sampling.dense_train(bad, 8, 2, rng)),
    ('clip_len', lambda: sampling.dense_train(9, bad, 2, rng)),
    ('stride', lambda: sampling.dense_train(9, 8, bad, rng)),
    ('num_clips', lambda: sampling.dense_test(9, 8, 2, bad)),
    ('stride', lambda: sampling.dense_test(9, 8, bad, 1)),
    ('num_frames', lambda: sampling.uniform_train(bad, 8, rng)),
    ('clip_len', lambda: sampling.uniform_test(9, bad, 1)),
    ('num_clips', lambda: sampling.uniform_test(9, 8, bad)),
  ):
    with pytest.raises(ValueError, match=f'{name} must be at least 1'):
      call()
