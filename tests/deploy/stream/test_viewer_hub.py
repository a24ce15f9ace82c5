"""What is kept for viewers is a minute, however long the stream."""

import os

import numpy as np
from streamed import feed, run

from i2v_jax.deploy.stream import hub as hubs
from i2v_jax.deploy.stream.hub import Hub


def test_a_minute_of_scores_is_kept_ten_a_second():
  hub = Hub()
  raw = np.zeros((3000, 2, 2, 3), np.uint8)
  pipe, thread = feed(raw.tobytes())
  run(['-'], hub, pipe=pipe, raw=(2, 2), fps=30.0, rate=30.0)
  thread.join()
  (scores,) = hub._scores
  assert len(scores) == hubs.SPAN / hubs.BETWEEN
  assert len(hub._sent) <= hubs.EVENTS
  numbers = [message.number for message in hub.wait_after(0, 0)]
  assert numbers == sorted(set(numbers)) and numbers[-1] == hub.number
  assert hub.wait_after(hub.number, 9) == []  # it has ended


def test_a_slow_viewer_goes_on_with_what_is_left(shades):
  hub = Hub()
  run([shades], hub)
  first = hub.wait_after(0, 0)[3].number
  rest = hub.wait_after(first, 0)
  assert rest[0].number > first and rest[-1].text == b'event: end\ndata: {}\n\n'


def test_a_picture_is_encoded_once(shades, monkeypatch):
  hub = Hub()
  run([shades], hub, pictures=True)
  one = hub.find_picture(0)
  assert one is hub.find_picture(0)
  assert hub.find_picture(1) is None is hub.find_picture(-1)


def test_without_pictures_there_are_none(shades):
  hub = Hub()
  run([shades], hub)
  assert hub.find_picture(0) is None


def test_any_name_of_a_file_can_be_sent(shades, tmp_path):
  name = os.fsdecode(bytes(tmp_path) + b'/"\xff\n.mp4')
  os.symlink(shades, name)
  hub = Hub()
  run([name], hub)
  assert b'\\udcff' in hub.wait_after(0, 0)[0].text
  assert '/\\"\udcff\\n.mp4"} 20.0' in hub.describe_metrics()
