"""Frames from stdin, raw or as JPEGs."""

import itertools
import types

import cv2
import numpy as np
from streamed import SPEC, encode_jpeg, read_pipe

from i2v_jax.data.live import pipes, views

RAW = dict(raw=(24, 16), fps=10.0)


def test_raw_frames_are_those_that_were_sent():
  images = np.random.default_rng(0).integers(0, 256, (5, 16, 24, 3), np.uint8)
  frames, reader = read_pipe(images.tobytes(), 100, **RAW)
  spec = views.make_frame_spec(SPEC)
  wanted = [views.make_view(image, spec) for image in images]
  assert [frame.seconds for frame in frames] == [0, 0.1, 0.2, 0.3, 0.4]
  assert all(map(np.array_equal, [f.view for f in frames], wanted))
  assert not reader.failure and not reader.notes


def test_jpegs_are_decoded_as_opencv_does():
  images = np.random.default_rng(0).integers(0, 256, (3, 16, 24, 3), np.uint8)
  sent = [cv2.imencode('.jpg', image)[1] for image in images]
  frames, _ = read_pipe(b''.join(data.tobytes() for data in sent), fps=5.0)
  spec = views.make_frame_spec(SPEC)
  for frame, data in zip(frames, sent, strict=True):
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    wanted = views.make_view(np.ascontiguousarray(bgr[..., ::-1]), spec)
    np.testing.assert_array_equal(frame.view, wanted)


def test_without_a_rate_frames_have_the_time_at_which_they_arrive(monkeypatch):
  arrivals = itertools.count(100.0, 0.5)
  monkeypatch.setattr(
    pipes, 'time', types.SimpleNamespace(monotonic=lambda: next(arrivals))
  )
  frames, _ = read_pipe(encode_jpeg(9) * 3, rate=1e6)
  assert [frame.seconds for frame in frames] == [0, 0.5, 1]


def test_a_frame_that_is_cut_is_one_sentence():
  _, reader = read_pipe(bytes(16 * 24 * 3 + 10), **RAW)
  (note,) = reader.notes
  assert (
    'stdin: a part cannot be decoded (the last frame has 10 of 1,152' in note
  )


def test_bytes_that_are_no_jpeg_are_one_sentence():
  data = bytes(2000) + encode_jpeg(1) + b'--next' + encode_jpeg(2)
  frames, reader = read_pipe(data, fps=5.0)
  assert len(frames) == 2 and reader.damaged == 1
  assert [*reader.notes] == [
    'stdin: a part cannot be decoded (2,000 bytes are no JPEG); such parts are '
    'left out and counted'
  ]


def test_the_headers_of_many_small_jpegs_are_no_damage():
  head = b'--frame\r\nContent-Type: image/jpeg\r\n\r\n'
  frames, reader = read_pipe((head + encode_jpeg(9)) * 60, fps=5.0)
  assert len(frames) == 60 and reader.damaged == 0 and not reader.notes


def test_a_last_jpeg_that_is_cut_is_one_sentence():
  frames, reader = read_pipe(encode_jpeg(1) + encode_jpeg(2)[:-9], fps=5.0)
  assert len(frames) == 1 and reader.damaged == 1
  assert 'the last JPEG has no end' in reader.notes[0]


def test_a_damaged_jpeg_is_left_out():
  bad = b'\xff\xd8\xff\xe0\0\4ab\xff\xd9'
  frames, reader = read_pipe(bad + encode_jpeg(3), fps=5.0)
  assert len(frames) == 1 and reader.damaged == 1 and not reader.failure


def test_nothing_and_garbage_fail_with_the_way_out():
  for data in (b'', bytes(100_000)):
    frames, reader = read_pipe(data, fps=5.0)
    assert not frames and reader.failure.startswith('stdin: gave no JPEG; send')
