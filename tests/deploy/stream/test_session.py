"""Frames of all sources go through one model, and each ends as it should."""

import threading
import types

import encoded
import numpy as np
import processes
import pytest
from streamed import (
  LONG,
  SHADES,
  SPEC,
  Counting,
  Heard,
  encode_jpeg,
  feed,
  run,
  write_shades,
)

from i2v_jax.data.live.frames import ReadOptions
from i2v_jax.deploy.stream import stream as streams
from i2v_jax.deploy.stream.session import Session
from i2v_jax.runtime.errors import NonFiniteError


def test_events_of_a_file_are_when_they_happen(shades):
  heard, model = run([shades])
  told = [(e.kind, e.name, e.start, e.end) for _, e in heard.events]
  assert told == [
    ('begin', 'dark', 0, None),
    ('end', 'dark', 0, 1),
    ('begin', 'bright', 1, None),
    ('end', 'bright', 1, 2),
    ('begin', 'dark', 2, None),
    ('end', 'dark', 2, 2.5),
  ]
  assert model.ages == [20] and heard.failed == 0 and heard.closed == 1
  (stream,) = heard.streams
  assert (stream.frames, stream.resets, stream.dropped) == (20, 0, 0)
  assert stream.state == 'ended' and stream.top[0][0] == 'dark'


def test_files_share_a_batch_as_long_as_they_last(shades, tmp_path):
  short = write_shades(tmp_path / 'b.mp4', SHADES[:5])
  heard, model = run([shades, short, shades])
  assert model.batches == [0] + [3] * 5 + [2] * 15
  assert model.ages.tolist() == [20, 5, 20]
  assert {number for number, _ in heard.events} == {0, 1, 2}


def test_a_source_that_fails_does_not_end_the_others(shades, tmp_path):
  bad = tmp_path / 'bad.mp4'
  bad.write_bytes(b'garbage')
  heard, model = run([bad, shades])
  assert heard.failed == 1 and model.ages.tolist() == [0, 20]
  assert [s.state for s in heard.streams] == ['failed', 'ended']
  assert len(heard.notes) == 1 and 'bad.mp4: cannot be read' in heard.notes[0]


def test_a_gap_starts_a_stream_over(tmp_path):
  paths = [tmp_path / 'a.mp4']
  # A pause of 2 s, in a video of 10 frames a second.
  ticks = [*range(0, 45, 9), *range(225, 270, 9)]
  images = [np.full((32, 32, 3), 200, np.uint8)] * len(ticks)
  encoded.encode_images(paths[0], 'mpeg4', images, ticks=ticks)
  heard, model = run(paths, gap=1.0, rate=10.0)
  assert model.ages == [5] and heard.streams[0].resets == 1
  kinds = [event.kind for _, event in heard.events]
  assert kinds == ['begin', 'end', 'begin', 'end']
  assert heard.events[2][1].start == pytest.approx(2.5)
  heard, model = run(paths, gap=3.0, rate=10.0)
  assert model.ages == [10] and heard.streams[0].resets == 0


def test_a_change_of_size_starts_a_stream_over():
  data = b''.join(encode_jpeg(9, size) for size in [(24, 16)] * 3 + [(48, 32)])
  pipe, thread = feed(data)
  heard, model = run(['-'], fps=5.0, pipe=pipe)
  thread.join(LONG)
  assert model.ages == [1] and heard.streams[0].resets == 1
  assert 'counts as a new stream' in heard.notes[0]


def test_a_signal_ends_it_with_all_events_reported(shades):
  before = threading.active_count()
  heard, model = run([shades], stop=Heard(stop_after=10))
  assert model.ages == [10] and heard.closed == 1
  assert heard.events[-1][1].kind == 'end'
  assert heard.events[-1][1].end == pytest.approx(10 / 8)
  assert threading.active_count() == before


def test_late_frames_are_dropped_and_counted():
  """The model is so slow that its source ends before its first frame does."""
  pipe, thread = feed(b''.join(map(encode_jpeg, range(100))))
  heard = Heard()

  class Slow(Counting):
    def step(self, frames, fresh, present):
      if present.any():
        heard.streams[0].reader._thread.join(LONG)
      return super().step(frames, fresh, present)

  options = dict(pipe=pipe, fast=False, fps=9.0)
  run(['-'], recogniser=Slow(), stop=heard, **options)
  thread.join(LONG)
  (stream,) = heard.streams
  assert stream.frames in (1, 2) and stream.dropped + stream.frames == 100
  assert stream.seconds == pytest.approx(99 / 9)
  assert stream.resets == 0  # the source has no gap
  assert any('sees the newest only' in note for note in heard.notes)


def test_a_model_that_has_diverged_ends_it(shades):
  class Diverged(Counting):
    def step(self, frames, fresh, present):
      return super().step(frames, fresh, present) * np.nan

  with pytest.raises(NonFiniteError, match=r"non-finite values for '.*a\.mp4'"):
    run([shades], recogniser=Diverged())


def test_silence_is_reported_once_and_so_is_its_end(shades, monkeypatch):
  heard, _ = run([shades])
  (stream,) = heard.streams
  reader = stream.reader
  reader.ended, reader.connected, reader.heard = False, True, 100.0
  assert not stream.watch(101) + stream.watch(100 + streams.STALL - 0.1)
  (note,) = stream.watch(107)
  assert note.endswith('no frame for 7 s; waiting')
  assert not stream.watch(108) and stream.state == 'stalled'
  reader.heard = 112.0
  (note,) = stream.watch(112)
  assert note.endswith('frames again after 12 s')
  assert not stream.watch(113)


def test_events_of_a_source_end_with_it_while_others_go_on(shades, tmp_path):
  short = write_shades(tmp_path / 'b.mp4', SHADES[:5])
  heard, _ = run([shades, short])
  told = [(number, event.kind) for number, event in heard.events]
  assert told[:4] == [(0, 'begin'), (1, 'begin'), (1, 'end'), (0, 'end')]
  assert heard.events[2][1].end == 5 / 8


def test_a_stream_is_over_once_if_its_source_is_lost_or_silent(shades):
  heard, _ = run([shades])
  (stream,) = heard.streams
  reader, inbox = stream.reader, stream.reader.inbox
  reader.ended, reader.connected = False, True
  stream.finished = False
  assert not stream.is_over()
  stream.stalled = 1.0
  assert stream.is_over()
  stream.stalled, reader.connected = 0.0, False
  assert stream.is_over()
  inbox._frames[0] = stream.frame
  assert not stream.is_over()  # a frame is still to be scored
  inbox._frames[0] = None
  stream.finish()
  assert not stream.is_over()


def test_a_listener_that_fails_leaves_nothing_open(shades):
  class Failing(Heard):
    def __init__(self, where):
      super().__init__()
      self.where = where

    def begin(self, streams):
      if self.where == 'begin':
        raise OSError('begin')

    def close(self):
      super().close()
      if self.where == 'close':
        raise OSError('close')

  before = threading.active_count()
  for where in ('begin', 'close'):
    listeners = Failing(where), Failing(''), Failing(where)
    with pytest.raises(OSError, match=where):
      run([shades], *listeners)
    assert [listener.closed for listener in listeners] == [1, 1, 1]
  assert threading.active_count() == before


def test_cameras_with_frames_at_other_times_are_waited_for(shades):
  """For a quarter of the time between two frames of the fastest."""
  heard, _ = run([shades] * 3)
  session = Session(None, [], ReadOptions(SPEC), None)
  session.streams, asked = heard.streams, []
  session._inbox = types.SimpleNamespace(take=lambda *args: asked.append(args))
  for stream, rate in zip(heard.streams, (10.0, 20.0, 50.0), strict=True):
    stream.reader.live = stream.reader.connected = True
    stream.reader.ended, stream.reader.rate = False, rate
  heard.streams[2].reader.connected = False  # lost
  session._take()
  heard.streams[1].reader.ended = True
  session._take()
  assert [args[2:] for args in asked] == [
    (0.25 / 20, [True, True, False]),
    (0.0, [True, False, False]),
  ]


def test_nothing_grows_over_10_000_frames(shades, tmp_path):
  """10,000 frames through one session, and 20 sessions of 3 sources."""
  raw = np.random.default_rng(0).integers(0, 256, (10_000, 8, 8, 3), np.uint8)
  run([shades])
  before = processes.open_files(), threading.active_count()
  pipe, thread = feed(raw.tobytes())
  heard, model = run(['-'], pipe=pipe, raw=(8, 8), fps=30.0)
  thread.join(LONG)
  assert model.ages == [10_000]
  (stream,) = heard.streams
  assert len(stream._done) == streams.RECENT == len(stream._late)
  for _ in range(20):
    run([shades] * 3)
  assert (processes.open_files(), threading.active_count()) == before


@pytest.mark.slow
def test_memory_is_flat_over_10_000_frames_of_a_file(tmp_path):
  """A frame that is kept is 38 kB, so a leak of all takes 300 MB."""

  class Weighed(Heard):
    def hear_scores(self, stream, events):
      super().hear_scores(stream, events)
      if self.scored in (2_000, 10_000):
        self.notes.append(processes.read_resident())

  path, rng = tmp_path / 'long.mp4', np.random.default_rng(0)
  shades = rng.integers(0, 256, 10_000).tolist()
  write_shades(path, shades, fps=25, size=(120, 160))
  heard, model = run([path], stop=Weighed(), pictures=True)
  assert model.ages == [10_000]
  after_2_000, after_10_000 = heard.notes
  assert after_10_000 - after_2_000 < 10 * 2**20
