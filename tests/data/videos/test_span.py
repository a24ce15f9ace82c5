"""A span is the frames that begin in it, wherever it lies in the video."""

import itertools

import av
import framed
import numpy as np
import pytest
from encoded import decode_all, encode

from i2v_jax.data.videos import decode
from i2v_jax.data.videos.span import Span

X264 = {'g': '12', 'bf': '2', 'sc_threshold': '0'}


@pytest.fixture(scope='module')
def film(tmp_path_factory):
  """40 frames, 30 a second, with key frames 0, 12, 24 and 36."""
  path = tmp_path_factory.mktemp('span') / 'film.mp4'
  return encode(path, 'libx264', range(0, 120, 3), X264)


def read(path, start, end):
  """The first frame of a span, its facts, and its frames."""
  with Span(decode.open_video(path), start, end) as span:
    return span.first, span.info, span.read(range(span.info.frames))


@pytest.mark.parametrize(
  ('start', 'end', 'first', 'stop'),
  [
    (0, 0.1, 0, 3),
    (0.5, 1, 15, 30),
    (1, 1.3333, 30, 40),
    (1.25, 99, 38, 40),
    (1.233, 1.267, 37, 38),
    (0.333, 0.367, 10, 11),  # rounded to milliseconds, down and up
  ],
)
def test_frames_and_facts_are_those_of_the_part(film, start, end, first, stop):
  found, info, images = read(film, start, end)
  assert (found, found + info.frames) == (first, stop)
  np.testing.assert_array_equal(images, decode_all(film)[first:stop])
  np.testing.assert_allclose(
    info.times, np.arange(stop - first) / 30, atol=1e-4
  )
  assert info.duration == pytest.approx((stop - first) / 30, abs=1e-4)
  assert info.fps == pytest.approx(30, rel=1e-3)
  assert (info.height, info.width) == (48, 64)


def test_spans_that_follow_each_other_share_no_frame(film):
  edges = np.linspace(0, 40 / 30, 8).tolist()
  parts = [read(film, *pair)[:2] for pair in itertools.pairwise(edges)]
  numbers = [np.arange(first, first + info.frames) for first, info in parts]
  np.testing.assert_array_equal(np.concatenate(numbers), np.arange(40))


def test_where_no_frame_begins_it_is_the_one_on_screen(tmp_path):
  path = encode(tmp_path / 'slow.mp4', 'libx264', range(0, 450, 90))
  assert [read(path, start, start + 0.2)[0] for start in (0.5, 3.5)] == [0, 3]
  first, info, images = read(path, 4.5, 4.9)
  assert (first, info.frames, len(images)) == (4, 1, 1)


def test_frames_are_displayed_inside_the_span(tmp_path):
  ticks = [*range(0, 900, 90), 2700, 2790]  # 1 a second; one stays for 21
  path = encode(tmp_path / 'slow.mp4', 'libx264', ticks)
  for edges in ((8, 12), (10.9, 11.2), (10.2, 10.4), (9, 9.001)):
    with Span(decode.open_video(path), *edges) as span:
      assert span.find_time(np.arange(span.info.frames)) == edges
  with Span(decode.open_video(path), 2, 5) as span:
    assert span.find_time(np.array([1])) == (3, 4)
  late = decode.probe(path).duration + 0.001  # a table rounds
  with Span(decode.open_video(path), late, 99) as span:
    assert span.find_time(np.array([0])) == (late, late)


def test_numbers_past_the_end_are_its_last_frame_and_not_that_of_the_video(
  film,
):
  with Span(decode.open_video(film), 0.5, 1) as span:
    images = span.read([99, 0, 14], short_side=24)
    with pytest.raises(IndexError, match='frame -1 of a span'):
      span.read([0, -1])
  with decode.open_video(film) as video:
    expected = video.read([29, 15, 29], short_side=24)
  np.testing.assert_array_equal(images, expected)


def test_a_span_outside_the_video_is_refused_and_named(film):
  with (
    decode.open_video(film) as video,
    pytest.raises(
      decode.DecodeError, match=r'^film: the span from 1\.4.* 1\.33'
    ),
  ):
    Span(video, 1.4, 2, 'film')


def test_times_decide_where_the_frame_rate_varies(tmp_path):
  ticks = np.cumsum([1, 9, 2, 1, 30, 3] * 5)
  path = encode(tmp_path / 'vfr.mp4', 'libx264', ticks, {'g': '7'})
  seconds = (ticks - ticks[0]) / 90
  wanted = np.flatnonzero((seconds >= 0.6) & (seconds < 1.7))
  first, info, images = read(path, 0.6, 1.7)
  assert (first, info.frames) == (wanted[0], len(wanted))
  np.testing.assert_array_equal(images, np.array(decode_all(path))[wanted])
  expected = seconds[wanted] - seconds[wanted[0]]
  np.testing.assert_allclose(info.times, expected, atol=1e-3)


def test_sound_after_the_last_picture_does_not_count(film, tmp_path):
  path = add_sound(film, tmp_path / 'sound.mp4', seconds=4)
  with av.open(str(path)) as container:
    assert container.duration / 1e6 > 3.9
  first, info, images = read(path, 1.2, 4)
  assert (first, info.frames) == (36, 4)
  np.testing.assert_array_equal(images, decode_all(film)[36:])
  with (
    decode.open_video(path) as video,
    pytest.raises(decode.DecodeError, match='outside it'),
  ):
    Span(video, 2, 3)


def add_sound(source, path, seconds):
  """Copies a video, and adds a sound of some seconds."""
  with av.open(str(source)) as read, av.open(str(path), 'w') as target:
    video = target.add_stream_from_template(read.streams.video[0])
    audio = target.add_stream('aac', rate=16000)
    silence = np.zeros((1, 1024), np.float32)
    for number in range(seconds * 16000 // 1024):
      sound = av.AudioFrame.from_ndarray(silence, 'fltp', 'mono')
      sound.rate, sound.pts = 16000, 1024 * number
      target.mux(audio.encode(sound))
    target.mux(audio.encode())
    for packet in read.demux(video=0):
      if packet.size:
        packet.stream = video
        target.mux(packet)
  return path


def test_frames_beyond_the_last_key_frame_are_found(tmp_path):
  path = encode(tmp_path / 'one.mp4', 'libx264', range(0, 120, 3), {'g': '250'})
  with Span(decode.open_video(path), 1.1, 1.3) as span:
    assert span.find_starts(np.arange(6)).tolist() == [-span.first] * 6
    images = span.read(range(6))
  np.testing.assert_array_equal(images, decode_all(path)[33:39])


def test_a_folder_of_frames_has_spans(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(12, '{:05d}.jpg', 1))
  with Span(decode.open_video(folder, fps=6), 0.5, 1) as span:
    images = span.read(range(3))
  np.testing.assert_array_equal(images, decode.read_frames(folder, [3, 4, 5]))
