"""A source is killed, stalls, changes, ends early or delivers garbage."""

import itertools
import shutil
import threading

import encoded
import framed
import numpy as np
import processes
import pytest
from streamed import (
  LONG,
  SPEC,
  encode_jpeg,
  follow,
  read_all,
  read_pipe,
  serve,
  take_until,
  write_stream,
)

from i2v_jax.data.live import containers
from i2v_jax.data.live import reader as readers
from i2v_jax.data.live.connections import Connection, SourceFrame
from i2v_jax.data.live.frames import ReadOptions
from i2v_jax.data.live.inbox import Inbox
from i2v_jax.data.live.reader import Reader
from i2v_jax.data.live.sources import find_source
from i2v_jax.data.videos import decode


@pytest.fixture(scope='module')
def stream(tmp_path_factory):
  return write_stream(tmp_path_factory.mktemp('live') / 'a.ts')


def send(data, then=lambda: None):
  """A response without a length, as of a live stream."""

  def answer(handler):
    handler.send_response(200)
    handler.send_header('Content-Type', 'video/mp2t')
    handler.end_headers()
    handler.wfile.write(data)
    handler.wfile.flush()
    then()

  return answer


def test_a_file_is_read_at_its_pace_and_waits_for_what_is_due(
  videos, monkeypatch
):
  waited = []
  monkeypatch.setattr(Reader, '_pace', lambda self, t: waited.append(t))
  frames, reader = read_all(videos / 'h265.mp4', fast=False)
  with decode.open_video(videos / 'h265.mp4') as video:
    assert waited == pytest.approx([*video.info.times])
  assert not reader.live and frames[-1].seconds == waited[-1]
  waited.clear()
  read_all(videos / 'h265.mp4')
  assert not waited  # with `fast`


def test_what_is_late_catches_up_or_is_late_for_good(videos, monkeypatch):
  reader = Reader(
    0, find_source(str(videos / 'h265.mp4')), Inbox(1), ReadOptions(SPEC)
  )
  now = 100.0
  monkeypatch.setattr(readers.time, 'monotonic', lambda: now)
  waited = []
  monkeypatch.setattr(reader._stop, 'wait', waited.append)
  reader._started = 90.0
  reader._pace(10.5)
  reader._pace(9.5)  # which is late by 0.5 s
  assert waited == [0.5] and reader._started == 90
  reader._pace(4.0)
  assert reader._started == 96


def test_a_folder_of_frames_is_a_recording(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(6, '{:03d}.png', 1))
  frames, reader = read_all(folder, fps=12.0, rate=4.0)
  assert [frame.seconds for frame in frames] == [0, 0.25]
  (folder / '004.png').write_bytes(b'garbage')
  frames, reader = read_all(folder, fps=12.0)
  assert len(frames) == 5 and reader.damaged == 1
  assert '004.png, cannot be decoded' in reader.notes[0]


def test_a_file_that_is_cut_says_so(videos, tmp_path):
  path = tmp_path / 'cut.mp4'
  encoded.encode(
    path, 'mpeg4', range(0, 150, 3), muxing={'movflags': 'faststart'}
  )
  data = path.read_bytes()
  path.write_bytes(data[: len(data) // 2])
  frames, reader = read_all(path)
  assert 5 < len(frames) < 45
  assert 's of 1.7 s; the file may be cut' in reader.failure


def test_garbage_within_a_file_is_left_out(tmp_path):
  path = tmp_path / 'damaged.mp4'
  encoded.encode(path, 'mpeg4', range(0, 150, 3), {'g': '3'})
  data = bytearray(path.read_bytes())
  start = data.index(b'mdat') + 1500
  data[start : start + 300] = np.random.default_rng(0).bytes(300)
  path.write_bytes(data)
  frames, reader = read_all(path)
  assert len(frames) > 40 and not reader.failure


def test_damage_before_a_reconnection_is_not_in_a_row_with_that_after(
  monkeypatch,
):
  monkeypatch.setattr('i2v_jax.data.live.frames.MOST_DAMAGED', 5)
  maker = Reader(0, find_source('-'), Inbox(1), ReadOptions(SPEC))._maker
  for _ in range(3):
    maker.begin(8.0)
    for _ in range(4):
      maker.leave_out('garbage')
  assert maker.damaged == 12


def test_the_latency_of_a_frame_counts_from_before_its_conversion(monkeypatch):
  now = 100.0

  def convert():
    nonlocal now
    now += 7
    return np.zeros((16, 24, 3), np.uint8)

  monkeypatch.setattr('time.monotonic', lambda: now)
  maker = Reader(0, find_source('-'), Inbox(1), ReadOptions(SPEC))._maker
  maker.begin(8.0)
  frame = maker.make(SourceFrame(0.0, convert), 0.0)
  assert (frame.arrived, now) == (100, 107)


@pytest.mark.parametrize(
  'data, says',
  [
    (b'', 'cannot be read'),
    (bytes(50_000), 'cannot be read'),
    (b'<html>not here</html>', 'it is a web page, not a video'),
  ],
)
def test_a_file_of_garbage_fails_in_one_sentence(tmp_path, data, says):
  path = tmp_path / 'garbage.mp4'
  path.write_bytes(data)
  frames, reader = read_all(path)
  assert not frames and says in reader.failure
  assert [*reader.notes] == [reader.failure]


def test_too_many_damaged_parts_in_a_row_end_a_source(monkeypatch):
  monkeypatch.setattr('i2v_jax.data.live.frames.MOST_DAMAGED', 5)
  bad = b'\xff\xd8\xff\xe0\0\4ab\xff\xd9'
  frames, reader = read_pipe(bad * 20, fps=5.0)
  assert '6 parts in a row cannot be decoded' in reader.failure
  frames, reader = read_pipe((bad * 4 + encode_jpeg(1)) * 5, fps=5.0)
  assert len(frames) == 5 and not reader.failure and reader.damaged == 20


def test_a_change_of_size_begins_an_epoch():
  sizes = [(24, 16), (24, 16), (48, 32), (24, 16)]
  data = b''.join(encode_jpeg(7, size) for size in sizes)
  frames, reader = read_pipe(data, fps=5.0)
  assert [frame.epoch for frame in frames] == [0, 0, 1, 2]
  assert 'the picture is 48 x 32 pixels now, not 24 x 16' in reader.notes[0]


def test_frames_keep_their_distance_after_a_change_and_after_a_gap(tmp_path):
  sizes = [(24, 16)] * 10 + [(48, 32)] * 12
  data = b''.join(encode_jpeg(7, size) for size in sizes)
  frames, _ = read_pipe(data, fps=8.0, rate=2.0)
  assert [frame.seconds * 8 for frame in frames] == [0, 4, 8, 12, 16, 20]
  assert [frame.epoch for frame in frames] == [0, 0, 0, 1, 1, 1]
  # 10 frames a second, and a pause before one that is not on the grid.
  ticks = [*range(0, 81, 9), *range(549, 720, 9)]
  images = [np.full((32, 32, 3), 200, np.uint8)] * len(ticks)
  path = tmp_path / 'a.mp4'
  encoded.encode_images(path, 'mpeg4', images, ticks=ticks)
  frames, _ = read_all(path, rate=2.5, gap=2.0)
  found = [round(frame.seconds * 10) for frame in frames]
  # The file states fewer frames a second than it has outside its pause.
  assert found[:4] == [0, 3, 7, 61] and found[4] == 64


def test_a_file_may_change_its_size_and_its_clock(stream, tmp_path):
  path = tmp_path / 'two.ts'
  path.write_bytes(stream + write_stream(tmp_path / 'b.ts', 20, (96, 80)))
  frames, reader = read_all(path)
  assert len({frame.epoch for frame in frames}) > 1
  assert len(frames) > 40
  seconds = [frame.seconds for frame in frames]
  assert seconds == sorted(seconds)
  assert any('96 x 80 pixels now' in note for note in reader.notes)


def test_an_address_that_was_never_there_fails():
  with serve() as address:
    pass
  frames, reader = read_all(address)
  assert not frames and 'cannot be read (' in reader.failure


def test_a_live_source_is_opened_again(stream, monkeypatch):
  monkeypatch.setattr(readers, 'DELAYS', (0.0,))
  refuse = lambda handler: handler.send_error(503)
  answers = [send(stream), refuse, refuse, *itertools.repeat(send(stream), 9)]
  with serve(*answers) as address, follow(address) as (reader, frames):
    found = take_until(frames, lambda frame: frame.epoch >= 2)
    assert reader.live and reader.reconnects >= 2
    notes = [*reader.notes][:2]
  seconds = [frame.seconds for frame in found]
  assert seconds == sorted(seconds)
  assert notes[0].startswith(f'{address}: lost (')
  assert 'open again after' in notes[1]


def test_a_source_that_no_longer_says_its_rate_keeps_it(stream, monkeypatch):
  monkeypatch.setattr(readers, 'DELAYS', (0.0,))
  rates = itertools.chain([30.0], itertools.repeat(0.0))
  monkeypatch.setattr(
    containers.ContainerConnection, '_find_rate', lambda _: next(rates)
  )
  answers = itertools.repeat(send(stream), 9)
  with serve(*answers) as address, follow(address) as (reader, frames):
    take_until(frames, lambda frame: frame.epoch >= 2)
    assert reader.rate == 30 and not reader.failure


def test_a_source_is_heard_before_it_is_open_again(videos, monkeypatch):
  """Or the session would report the silence before as one of an open source."""
  heard = []

  class Watched(Reader):
    def __setattr__(self, name, value):
      if name == 'connected' and value:
        heard.append(self.heard)
      super().__setattr__(name, value)

  reader = Watched(
    0, find_source(str(videos / 'h265.mp4')), Inbox(1), ReadOptions(SPEC)
  )
  reader.heard, reader._lost = 1.0, 2.0
  monkeypatch.setattr(readers.time, 'monotonic', lambda: 500.0)
  reader._begin(Connection())
  assert heard == [500]


def test_a_source_that_stalls_is_opened_again(stream, monkeypatch):
  monkeypatch.setattr(readers, 'DELAYS', (0.0,))
  monkeypatch.setattr('i2v_jax.data.live.containers.READ', 1.0)
  over = threading.Event()
  stall = send(stream, lambda: over.wait(LONG))
  answers = stall, *itertools.repeat(send(stream), 9)
  with serve(*answers) as address, follow(address) as found:
    reader, frames = found
    take_until(frames, lambda frame: frame.epoch >= 1)
    note, *_ = [*reader.notes]
    over.set()
  assert 'lost (no data for 1 s)' in note


def test_a_backoff_grows_and_ends(monkeypatch, videos):
  reader = Reader(
    0, find_source(str(videos / 'h265.mp4')), Inbox(1), ReadOptions(SPEC)
  )
  waited = []
  monkeypatch.setattr(reader._stop, 'wait', waited.append)
  for _ in range(8):
    reader._wait('gone')
  assert waited == [1, 2, 4, 8, 16, 30, 30, 30]
  assert len(reader.notes) == 1


def test_nothing_is_left_of_many_sources(videos, tmp_path):
  path = shutil.copy(videos / 'h265.mp4', tmp_path / 'a.mp4')
  read_all(path)
  before = processes.open_files(), threading.active_count()
  for _ in range(20):
    read_all(path)
    read_pipe(encode_jpeg(1), fps=5.0)
  assert (processes.open_files(), threading.active_count()) == before


def test_an_error_of_ours_is_not_hidden(videos, monkeypatch):
  def fail(*_):
    raise KeyError('ours')

  monkeypatch.setattr(Reader, '_take', fail)
  with pytest.raises(KeyError, match='ours'):
    read_all(videos / 'h265.mp4')


def test_a_signal_is_no_loss(stream):
  over = threading.Event()
  with (
    serve(send(stream, lambda: over.wait(LONG))) as address,
    follow(address) as (reader, frames),
  ):
    next(frames)
    reader.stop()
    over.set()
    for _ in frames:
      pass
  assert not any('lost' in note for note in reader.notes)
