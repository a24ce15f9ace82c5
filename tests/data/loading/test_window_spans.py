"""Where windows are: at the ends of videos, and whatever the step."""

import dataclasses

import numpy as np
import pytest

from i2v_jax.data.loading import window_spans
from i2v_jax.data.loading.window_spans import Each, Sliding
from i2v_jax.data.videos.decode import VideoInfo, probe


def info(duration, fps=24, times=None):
  times = tuple(np.arange(0, duration, 1 / fps)) if times is None else times
  return VideoInfo(len(times), 2, 2, fps, duration, 'h264', 0, times)


def test_windows_slide_over_the_whole_video(videos):
  found = probe(videos / 'arm_wrestling.mp4')  # 280 frames, 28 fps
  spans = window_spans.split_windows(found, 4.0)
  starts = [first for first, _ in spans]
  assert starts == [0, 56, 112, 168]
  assert spans[-1][1] == found.frames
  assert {stop - first for first, stop in spans} == {112}
  assert window_spans.split_windows(found, 100.0) == [(0, 280)]
  for seconds in (0, -1, float('nan'), float('inf')):
    with pytest.raises(ValueError, match=r'--window is .* above 0'):
      window_spans.split_windows(found, seconds)


def test_the_last_part_is_in_a_complete_window_at_the_end():
  spans = window_spans.split_windows(info(5.0), 2.0, 2.0)
  assert spans == [(0, 48), (48, 96), (72, 120)]
  assert window_spans.split_windows(info(1.0), 2.0) == [(0, 24)]


def test_a_window_below_a_frame_is_refused(videos):
  found = probe(videos / 'arm_wrestling.mp4')
  with pytest.raises(ValueError, match=r'less than a frame.* give 0\.0357'):
    window_spans.split_windows(found, 1e-12)
  assert len(window_spans.split_windows(found, 1 / 28)) <= 2 * found.frames


def test_windows_end_whatever_the_lengths():
  for duration, seconds in ((23 / 6, 1.3), (10, 0.3), (1 / 3, 0.1), (5, 5)):
    found = info(duration)
    spans = window_spans.split_windows(found, seconds)
    assert spans[0][0] == 0 and spans[-1][1] == found.frames
    assert all(a < b for a, b in spans)


def test_seconds_of_a_variable_rate_are_those_of_its_frames():
  found = info(4.0, 2, (0.0, 0.1, 0.2, 1.0, 2.0, 3.5))
  spans = window_spans.place_windows(found, Sliding(2.0, 1.0))
  assert spans == [(0, 4), (3, 5), (4, 6)]
  np.testing.assert_array_equal(
    window_spans.find_seconds(found, spans), [[0, 2], [1, 3.5], [2, 4]]
  )


def test_a_length_in_frames_is_another_time_in_each_video():
  windows = Sliding(0.0, None, 12)
  window_spans.check_windows(windows)
  assert window_spans.place_windows(info(1.0, 24), windows)[0] == (0, 12)
  assert window_spans.place_windows(info(1.0, 12), windows) == [(0, 12)]


def test_every_frame_or_one_each_step():
  place = window_spans.place_windows
  assert place(info(0.5), Each()) == [(i, i + 1) for i in range(12)]
  assert place(info(1.0), Each(0.25)) == [(i, i + 1) for i in (0, 6, 12, 18)]
  still = dataclasses.replace(info(1.0), frames=1, times=(0.0,))
  assert place(still, Each(0.25)) == [(0, 1)]


def test_what_makes_no_sense_is_refused():
  assert window_spans.make_sliding(None) is None
  with pytest.raises(ValueError, match='from one window to the next; give'):
    window_spans.make_sliding(None, 1.0)
  with pytest.raises(ValueError, match='--step is 3 seconds, more than'):
    window_spans.make_sliding(2.0, 3.0)
  with pytest.raises(ValueError, match='--step is -1'):
    window_spans.check_windows(Each(-1))
