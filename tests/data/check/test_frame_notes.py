"""What a check notes about frames that can be read."""

import pytest

from i2v_jax.data.check import frame_notes

DETAILS = {note.kind: note.detail for note in frame_notes.NOTES}


def test_an_ordinary_video_and_one_of_an_older_check_get_no_note():
  usual = {'not_shown': 0, 'untimed': False, 'pixel_aspect': 1.0}
  for record in ({}, usual | {'interlaced': False}):
    assert not any(detail(record) for detail in DETAILS.values())


@pytest.mark.parametrize(
  ('kind', 'record', 'detail'),
  [
    ('not_shown', {'not_shown': 1}, '1 packet'),
    ('not_shown', {'not_shown': 7}, '7 packets'),
    ('untimed', {'untimed': True}, 'decoded from its start'),
    ('stretched', {'pixel_aspect': 1.3333}, 'pixels 1.3333 wide to 1'),
    ('interlaced', {'interlaced': True}, 'interlaced'),
  ],
)
def test_what_is_noted(kind, record, detail):
  assert DETAILS[kind](record) == detail


def test_the_aspect_of_a_rounded_resize_is_not_noted():
  assert DETAILS['stretched']({'pixel_aspect': 256 / 255}) is None
