"""Seconds of a source never go back, whatever its timestamps do."""

import pytest

from i2v_jax.data.live.times import LONG_JUMP, Times


def place(times, stamps, **options):
  return [times.place(stamp, 0.1, **options) for stamp in stamps]


def test_timestamps_count_from_the_first_one():
  times = Times()
  assert place(times, [100, 100.5, 103]) == pytest.approx([0, 0.5, 3])
  assert times.epoch == 0


def test_frames_without_timestamps_are_a_period_apart():
  times = Times()
  assert place(times, [None] * 3) == pytest.approx([0, 0.1, 0.2])


@pytest.mark.parametrize('missing', [[0], [0, 1], [1], [2, 3]])
def test_a_frame_without_a_timestamp_among_others_begins_no_epoch(missing):
  stamps = [1000 + 0.1 * number for number in range(5)]
  for number in missing:
    stamps[number] = None
  times = Times()
  assert place(times, stamps) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
  assert times.epoch == 0


def test_a_long_pause_of_a_recording_has_its_length():
  times, jump = Times(), LONG_JUMP
  assert place(times, [5, 605, 606], jump=jump) == pytest.approx([0, 600, 601])
  assert times.epoch == 0
  assert place(times, [95_443.0], jump=jump) == pytest.approx([601.1])
  assert times.epoch == 1


def test_jitter_is_no_new_start():
  times = Times()
  assert place(times, [1.0, 1.1, 1.05, 1.2]) == pytest.approx(
    [0, 0.1, 0.1, 0.2]
  )
  assert times.epoch == 0


@pytest.mark.parametrize('stamp', [0.0, 95_443.0])
def test_a_clock_that_starts_over_begins_an_epoch(stamp):
  times = Times()
  found = place(times, [10, 10.1, stamp, stamp + 0.5])
  assert found == pytest.approx([0, 0.1, 0.2, 0.7])
  assert times.epoch == 1


def test_a_long_pause_of_a_live_source_has_its_length():
  times = Times()
  place(times, [5.0])
  assert times.place(5000.0, 0.1, elapsed=4990.0) == 4990
  assert times.epoch == 1


def test_a_source_opened_again_goes_on_from_the_time_that_has_passed():
  times = Times()
  times.restart(0)
  place(times, [7.0, 8.0])
  times.restart(30.0)
  assert place(times, [0.0, 1.0]) == pytest.approx([30, 31])
  times.restart(2.0)  # a clock of ours that is behind
  assert place(times, [0.0]) == [31] and times.epoch == 2
