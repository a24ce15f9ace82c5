"""What is kept for viewers is a minute, however long the stream."""

import os

import numpy as np
from streamed import feed, run

from i2v_jax.deploy.stream import gallery as galleries
from i2v_jax.deploy.stream.gallery import Gallery


def test_a_minute_of_scores_is_kept_ten_a_second():
  gallery = Gallery()
  raw = np.zeros((3000, 2, 2, 3), np.uint8)
  pipe, thread = feed(raw.tobytes())
  run(['-'], gallery, pipe=pipe, raw=(2, 2), fps=30.0, rate=30.0)
  thread.join()
  (scores,) = gallery._scores
  assert len(scores) == galleries.SPAN / galleries.BETWEEN
  assert len(gallery._sent) <= galleries.EVENTS
  numbers = [message.number for message in gallery.wait_after(0, 0)]
  assert numbers == sorted(set(numbers)) and numbers[-1] == gallery.number
  assert gallery.wait_after(gallery.number, 9) == []  # it has ended


def test_a_slow_viewer_goes_on_with_what_is_left(shades):
  gallery = Gallery()
  run([shades], gallery)
  first = gallery.wait_after(0, 0)[3].number
  rest = gallery.wait_after(first, 0)
  assert rest[0].number > first and rest[-1].text == b'event: end\ndata: {}\n\n'


def test_a_picture_is_encoded_once(shades, monkeypatch):
  gallery = Gallery()
  run([shades], gallery, pictures=True)
  one = gallery.find_picture(0)
  assert one is gallery.find_picture(0)
  assert gallery.find_picture(1) is None is gallery.find_picture(-1)


def test_without_pictures_there_are_none(shades):
  gallery = Gallery()
  run([shades], gallery)
  assert gallery.find_picture(0) is None


def test_any_name_of_a_file_can_be_sent(shades, tmp_path):
  name = os.fsdecode(bytes(tmp_path) + b'/"\xff\n.mp4')
  os.symlink(shades, name)
  gallery = Gallery()
  run([name], gallery)
  assert b'\\udcff' in gallery.wait_after(0, 0)[0].text
  assert '/\\"\udcff\\n.mp4"} 20.0' in gallery.describe_metrics()
