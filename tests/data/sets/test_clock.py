"""Times as people write them."""

from fractions import Fraction

import pytest

from i2v_jax.data.sets.clock import make_clock, make_frame_clock
from i2v_jax.runtime.errors import UserError


@pytest.mark.parametrize(
  ('text', 'seconds'),
  [
    ('7', 7),
    (' 1e1 ', 10),
    ('0:01:02', 62),
    ('1:02:03.250', 3723.25),
    ('100:00:00', 360_000),
    ('90:30', 5430),
    ('1:2.5', 62.5),
  ],
)
def test_times_are_seconds(text, seconds):
  assert make_clock(False, minutes=True)(text) == seconds


def test_a_comma_is_a_decimal_point_where_none_separates():
  assert make_clock(True, minutes=True)('1:02,5') == 62.5
  assert make_clock(True)('0,25') == 0.25
  with pytest.raises(UserError, match="'0,25' is not a number"):
    make_clock(False)('0,25')


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('1:60', 'neither seconds, MM:SS nor H:MM:SS'),
    ('1:60:00', 'neither seconds, MM:SS nor H:MM:SS'),
    ('1:2:3:4', 'neither'),
    ('-1', 'before the first frame'),
    ('soon', 'not a number'),
    ('inf', 'not a finite number'),
  ],
)
def test_other_texts_are_refused(text, words):
  with pytest.raises(UserError, match=words):
    make_clock(False, minutes=True)(text)


def test_minutes_count_only_where_they_are_wanted():
  with pytest.raises(UserError, match='neither seconds nor H:MM:SS'):
    make_clock(False)('1:30')


def test_frames_have_a_rate():
  assert make_frame_clock(Fraction(25))('50') == 2
  assert make_frame_clock(Fraction(30000, 1001))('30') == 30 * 1001 / 30000
  for text in ('2.5', '-1', 'x'):
    with pytest.raises(UserError):
      make_frame_clock(Fraction(25))(text)
