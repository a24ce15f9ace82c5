"""Frame indices against worked examples, and the exact support of the draws."""

import itertools

import numpy as np
import pytest

from i2v_jax.data.clips import sampling


def _starts(num_frames, clip_len, stride, num_clips):
  clips = sampling.sample_dense_test(num_frames, clip_len, stride, num_clips)
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


@pytest.mark.parametrize(
  ('num_frames', 'num_clips', 'starts'),
  [
    (300, 3, [28, 86, 144]),
    (250, 3, [20, 61, 102]),
    (250, 1, [61]),
    (130, 3, [0, 1, 2]),
    (128, 3, [0, 0, 0]),
    (100, 3, [0, 0, 0]),
  ],
)
def test_dense_test_as_mmaction0(num_frames, num_clips, starts):
  clips = sampling.sample_dense_test(num_frames, 8, 16, num_clips, 'mmaction0')
  assert clips.dtype == np.int64
  wanted = (np.array(starts)[:, None] + 16 * np.arange(8)) % num_frames
  assert (clips == wanted).all()


def test_dense_test_strides_and_ends_at_the_last_frame():
  clips = sampling.sample_dense_test(300, 8, 16, 3)
  assert clips.dtype == np.int64
  assert clips[2].tolist() == [187, 203, 219, 235, 251, 267, 283, 299]
  assert (np.diff(clips, axis=1) == 16).all()


def test_dense_test_loops_short_videos():
  clips = sampling.sample_dense_test(100, 8, 16, 3)
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
  result = sampling.sample_uniform_test(num_frames, clip_len, len(clips))
  assert result.dtype == np.int64
  assert result.tolist() == clips


@pytest.mark.parametrize(
  ('num_frames', 'clip_len', 'clip'),
  [
    (49, 16, list(range(1, 49, 3))),
    (40, 8, [2, 7, 12, 17, 22, 26, 31, 36]),
    (10, 8, [0, 1, 2, 3, 5, 6, 7, 8]),  # mmaction1 has 4 for 5
    (1, 4, [0, 0, 0, 0]),
  ],
)
def test_uniform_test_as_aim(num_frames, clip_len, clip):
  result = sampling.sample_uniform_test(num_frames, clip_len, 1, 'mmaction0')
  assert result.dtype == np.int64
  assert result.tolist() == [clip]


def test_rules_are_known_and_know_their_clips():
  for call in (
    lambda: sampling.sample_dense_test(300, 8, 16, 3, 'mmaction2'),
    lambda: sampling.sample_uniform_test(300, 8, 3, 'mmaction2'),
  ):
    with pytest.raises(ValueError, match="'mmaction2'; it can be one of"):
      call()
  with pytest.raises(ValueError, match='makes 1 clip, not 3'):
    sampling.sample_uniform_test(300, 8, 3, 'mmaction0')


def test_random_stride_train_spreads_over_a_random_window():
  # The worked example ends its window of 128 at frame 200.
  rng = np.random.default_rng(0)
  draws = [
    sampling.sample_random_stride(300, 16, rng, (8,)) for _ in range(3000)
  ]
  assert draws[0].dtype == np.int64
  starts = {int(clip[0]) for clip in draws}
  assert starts == set(range(172))  # ends 128 to 299, never 300
  (example,) = {tuple(clip.tolist()) for clip in draws if clip[0] == 72}
  wanted = (72, 80, 89, 97, 106, 114, 123, 131, 140, 148, 157, 165, 174, 182)
  assert example == (*wanted, 191, 199)


def test_random_stride_train_fills_up_with_the_last_frame():
  rng = np.random.default_rng(0)
  clip = sampling.sample_random_stride(100, 16, rng, (8,))
  wanted = [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99, 99, 99, 99, 99]
  assert clip.dtype == np.int64 and clip.tolist() == wanted
  at_window = sampling.sample_random_stride(128, 16, rng, (8,))
  assert at_window[0] == 0 and at_window[-1] == 127
  assert sampling.sample_random_stride(9, 4, rng, (8,)).tolist() == [0, 8, 8, 8]
  assert sampling.sample_random_stride(5, 4, rng, (8,)).tolist() == [4] * 4


def test_random_stride_train_draws_every_stride():
  rng = np.random.default_rng(0)
  draws = [sampling.sample_random_stride(1000, 16, rng) for _ in range(2000)]
  spans = [int(clip[-1] - clip[0]) + 1 for clip in draws]
  counts = np.bincount(spans)
  assert np.flatnonzero(counts).tolist() == [16, 32, 64, 128]
  # 500 each, standard deviation 19.
  assert np.abs(counts[counts > 0] - 500).max() < 90


@pytest.mark.parametrize('num_frames', range(1, 150, 4))
def test_random_stride_clips_ascend_inside_the_video(num_frames):
  rng = np.random.default_rng(num_frames)
  for clip_len in (1, 2, 16):
    clips = np.stack(
      [
        sampling.sample_random_stride(num_frames, clip_len, rng)
        for _ in range(20)
      ]
    )
    assert clips.shape == (20, clip_len)
    assert (np.diff(clips, axis=1) >= 0).all()
    assert clips.min() >= 0 and clips.max() < num_frames


def test_release_test_divides_by_the_number_of_clips():
  clips = sampling.sample_release_test(300, 16, 4, 3)
  assert clips.dtype == np.int64
  assert clips[:, 0].tolist() == [0, 76, 156]
  assert (np.diff(clips, axis=1) == 4).all()
  assert sampling.sample_release_test(300, 16, 4, 1).tolist() == [
    clips[0].tolist()
  ]


def test_release_test_repeats_the_last_strided_frame():
  clips = sampling.sample_release_test(40, 16, 4, 3)
  assert clips.tolist() == [[*range(0, 40, 4), *[36] * 6]] * 3
  assert sampling.sample_release_test(1, 3, 4, 1).tolist() == [[0, 0, 0]]
  # Frame 40 is the eleventh of its stride.
  assert sampling.sample_release_test(41, 16, 4, 1)[0, -1] == 40


@pytest.mark.parametrize(
  # The window is 4 * 5 = 20 frames, though the clip itself spans only 16.
  ('num_frames', 'starts'),
  [(26, range(7)), (21, range(2)), (20, range(1)), (17, range(1))],
)
def test_dense_train_draws_every_start_and_no_other(num_frames, starts):
  rng = np.random.default_rng(0)
  draws = [
    sampling.sample_dense_train(num_frames, 4, 5, rng) for _ in range(300)
  ]
  assert {int(clip[0]) for clip in draws} == set(starts)
  assert all((np.diff(clip) == 5).all() for clip in draws)


def test_dense_train_starts_are_uniform():
  rng = np.random.default_rng(0)
  starts = [sampling.sample_dense_train(24, 4, 5, rng)[0] for _ in range(5000)]
  # 1000 expected per start, standard deviation 28.
  assert np.abs(np.bincount(starts) - 1000).max() < 120


def test_dense_train_loops_short_videos():
  clip = sampling.sample_dense_train(7, 4, 5, np.random.default_rng(0))
  assert clip.dtype == np.int64
  assert clip.tolist() == [0, 5, 3, 1]


def test_uniform_train_draws_both_ends_of_every_segment():
  # Edges round(39 / 8 * i), half to even.
  edges = [0, 5, 10, 15, 20, 24, 29, 34, 39]
  rng = np.random.default_rng(0)
  draws = np.stack(
    [sampling.sample_uniform_train(40, 8, rng) for _ in range(500)]
  )
  assert draws.dtype == np.int64
  for segment, (first, last) in enumerate(itertools.pairwise(edges)):
    assert set(draws[:, segment].tolist()) == set(range(first, last + 1))


def test_uniform_train_repeats_frames_of_short_videos():
  rng = np.random.default_rng(0)
  for num_frames in (1, 2, 5):
    for _ in range(50):
      clip = sampling.sample_uniform_train(num_frames, 8, rng)
      assert (np.diff(clip) >= 0).all()
      assert clip.min() >= 0
      assert clip.max() < num_frames


@pytest.mark.parametrize('num_clips', [1, 2, 3])
@pytest.mark.parametrize('clip_len', [1, 8, 16, 32])
def test_test_clips_stay_inside_the_video(clip_len, num_clips):
  for num_frames in range(1, 120):
    for clips in (
      sampling.sample_dense_test(num_frames, clip_len, 4, num_clips),
      sampling.sample_dense_test(
        num_frames, clip_len, 4, num_clips, 'mmaction0'
      ),
      sampling.sample_release_test(num_frames, clip_len, 4, num_clips),
      sampling.sample_uniform_test(num_frames, clip_len, num_clips),
    ):
      assert clips.shape == (num_clips, clip_len)
      assert clips.min() >= 0
      assert clips.max() < num_frames


def test_train_draws_repeat_with_the_seed():
  one, two, other = (
    np.concatenate(
      [
        sampling.sample_dense_train(1000, 8, 2, rng),
        sampling.sample_uniform_train(1000, 8, rng),
        sampling.sample_random_stride(1000, 8, rng),
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
    ('num_frames', lambda: sampling.sample_dense_train(bad, 8, 2, rng)),
    ('clip_len', lambda: sampling.sample_dense_train(9, bad, 2, rng)),
    ('stride', lambda: sampling.sample_dense_train(9, 8, bad, rng)),
    ('num_clips', lambda: sampling.sample_dense_test(9, 8, 2, bad)),
    ('stride', lambda: sampling.sample_dense_test(9, 8, bad, 1)),
    ('num_frames', lambda: sampling.sample_uniform_train(bad, 8, rng)),
    ('clip_len', lambda: sampling.sample_uniform_test(9, bad, 1)),
    ('num_clips', lambda: sampling.sample_uniform_test(9, 8, bad)),
    ('num_clips', lambda: sampling.sample_release_test(9, 8, 2, bad)),
    ('num_frames', lambda: sampling.sample_random_stride(bad, 8, rng)),
    ('stride', lambda: sampling.sample_random_stride(9, 8, rng, (bad,))),
  ):
    with pytest.raises(ValueError, match=f'{name} must be at least 1'):
      call()


def test_a_key_frame_is_in_the_middle():
  found = sampling.sample_key_frame(100, 16, 4, 50)
  assert found.tolist() == [*range(19, 80, 4)]  # as published
  assert sampling.sample_key_frame(9, 4, 1, 4).tolist() == [2, 3, 4, 5]
  assert sampling.sample_key_frame(9, 3, 2, 4).tolist() == [1, 3, 5]


def test_frames_around_a_key_frame_stop_at_the_ends():
  assert sampling.sample_key_frame(6, 4, 2, 0).tolist() == [0, 0, 0, 2]
  assert sampling.sample_key_frame(6, 4, 2, 5).tolist() == [1, 3, 5, 5]
  with pytest.raises(ValueError, match='num_frames must be at least 1'):
    sampling.sample_key_frame(0, 4, 2, 0)
