"""Live sources of networks, on this machine: RTSP and UDP."""

import contextlib
import itertools
import socket
import threading
import types

import av
import numpy as np
import pytest
import rtsp
from streamed import (
  LONG,
  encode_jpeg,
  follow,
  read_all,
  serve,
  take_until,
  write_stream,
)

from i2v_jax.data.live import containers
from i2v_jax.data.live import reader as readers
from i2v_jax.data.live.sources import find_source


@pytest.fixture(scope='module')
def stream(tmp_path_factory):
  return write_stream(tmp_path_factory.mktemp('live') / 'a.ts', 45)


def test_rtsp_is_read_over_tcp_and_opened_again(stream, monkeypatch):
  monkeypatch.setattr(readers, 'DELAYS', (0.0,))
  with (
    rtsp.serve(stream) as (address, server),
    follow(address, fast=True) as (reader, frames),
  ):
    found = take_until(frames, lambda frame: frame.epoch >= 1)
    assert server.asked[:4] == ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY']
    assert server.asked.count('PLAY') >= 2
    assert reader.live
    notes = [*reader.notes]
  assert len(found) > 1 and found[0].view.shape == (16, 16, 3)
  assert any('lost (' in note for note in notes)
  assert not any('secret' in note for note in notes)
  assert reader.name.startswith('rtsp://127.0.0.1:')


@contextlib.contextmanager
def sending(stream):
  """An address to which a transport stream is sent again and again by UDP."""
  with contextlib.closing(socket.socket(type=socket.SOCK_DGRAM)) as probe:
    probe.bind(('127.0.0.1', 0))
    port = probe.getsockname()[1]
  over = threading.Event()

  def send():
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
      sender.connect(('127.0.0.1', port))
      while True:
        for start in range(0, len(stream), 7 * 188):
          if over.wait(0.002):  # the network has no room for all at once
            return
          with contextlib.suppress(ConnectionRefusedError):  # nobody listens
            sender.send(stream[start : start + 7 * 188])

  thread = threading.Thread(target=send)
  thread.start()
  try:
    yield f'udp://127.0.0.1:{port}'
  finally:
    over.set()
    thread.join(LONG)


def test_udp_is_read_as_it_comes(stream):
  with sending(stream) as address, follow(address) as (reader, frames):
    found = take_until(frames, lambda frame: frame.seconds > 0.5)
    assert reader.live
  seconds = [frame.seconds for frame in found]
  assert seconds == sorted(seconds)


def send_multipart(handler):
  """JPEGs as web cameras send them, which say no time."""
  handler.send_response(200)
  kind = 'multipart/x-mixed-replace; boundary=frame'
  handler.send_header('Content-Type', kind)
  handler.end_headers()
  for shade in range(40):
    data = encode_jpeg(6 * shade)
    head = f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}'
    handler.wfile.write(head.encode() + b'\r\n\r\n' + data + b'\r\n')


def test_jpegs_of_a_web_camera_have_the_times_at_which_they_arrive(monkeypatch):
  arrivals = itertools.count(100.0, 0.7)
  monkeypatch.setattr(
    containers, 'time', types.SimpleNamespace(monotonic=lambda: next(arrivals))
  )
  with serve(send_multipart) as address:
    _, reader = read_all(address)
    assert 'does not say how many frames a second' in reader.failure
  with (
    serve(send_multipart) as address,
    follow(address, rate=1e6) as (reader, frames),
  ):
    found = take_until(frames, lambda frame: frame.view.mean() > 200)
  steps = np.array([frame.seconds for frame in found]) / 0.7  # not 1 / 25
  assert steps == pytest.approx(steps.round()) and steps[-1] >= 1


def test_a_rate_that_is_not_as_stated_is_reported(stream, tmp_path):
  """The stream says that it has 90 frames a second, and has 30."""
  with rtsp.serve(stream) as (address, _), follow(address) as (reader, frames):
    take_until(frames, lambda frame: frame.seconds > 1.2)
    (note,) = (note for note in [*reader.notes] if 'as it says' in note)
  assert 'has 30 frames a second, not 90 as it says; --rate sets' in note


def test_a_live_frame_without_a_time_is_not_given_our_clock(stream):
  picture = av.VideoFrame(32, 32)
  assert picture.pts is None
  with (
    serve(lambda handler: send_stream(handler, stream)) as address,
    containers.ContainerConnection(find_source(address)) as connection,
  ):
    assert connection.lasting and connection._read_stamp(picture) is None


def send_stream(handler, stream):
  handler.send_response(200)
  handler.end_headers()
  handler.wfile.write(stream)
