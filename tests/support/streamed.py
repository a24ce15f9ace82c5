"""Live sources in tests: readers run to their end, pipes that are fed."""

import contextlib
import http.server
import os
import threading

import cv2
import encoded
import numpy as np

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.live.frames import ReadOptions
from i2v_jax.data.live.inbox import Inbox
from i2v_jax.data.live.reader import Reader
from i2v_jax.data.live.sources import find_source

SPEC = ClipSpec(num_frames=4, image_size=16)
SHADES = [10] * 8 + [240] * 8 + [10] * 4
LONG = 120  # seconds after which a test fails, never waited for


def read_all(source, spec=SPEC, **options):
  """All frames of a source that ends, as fast as possible, and its reader."""
  inbox = Inbox(1)
  options = {'fast': True} | options
  reader = Reader(
    0, find_source(str(source)), inbox, ReadOptions(spec, **options)
  )
  reader.start()
  frames = []
  while not inbox.finished:
    frames += [frame for frame in inbox.take(LONG, [True]) if frame]
  assert reader.close(LONG)
  if reader.bug:
    raise reader.bug
  return frames, reader


def feed(data, piece=None):
  """A pipe, and the thread that writes bytes into it and closes it."""
  reading, writing = os.pipe()

  def write():
    with os.fdopen(writing, 'wb', buffering=0) as file:
      for start in range(0, len(data), piece or len(data) or 1):
        file.write(data[start : start + (piece or len(data))])

  thread = threading.Thread(target=write)
  thread.start()
  return reading, thread


def read_pipe(data, piece=None, **options):
  """All frames of a pipe, and its reader."""
  pipe, thread = feed(data, piece)
  try:
    return read_all('-', pipe=pipe, **options)
  finally:
    thread.join(LONG)


def write_stream(path, count=30, size=(64, 48)):
  """An MPEG transport stream, as cameras send it; its times do not begin at 0.

  Two of them in a row are one, too.
  """
  ticks = range(0, 3 * count, 3)
  options = {'g': '5', 'bf': '0'}
  encoded.encode(path, 'mpeg2video', ticks, options, size=size)
  return path.read_bytes()


@contextlib.contextmanager
def serve(*answers):
  """An address that answers each request by the next function of a response."""
  left = iter(answers)

  class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
      with contextlib.suppress(OSError):
        next(left, lambda _: None)(self)

    def log_message(self, *_):
      pass

  with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
      yield f'http://127.0.0.1:{server.server_port}/live.ts'
    finally:
      server.shutdown()
      thread.join(LONG)


@contextlib.contextmanager
def follow(address, **options):
  """A live source that is being read, and all its frames as they come."""
  inbox = Inbox(1)
  reader = Reader(0, find_source(address), inbox, ReadOptions(SPEC, **options))
  reader.start()

  def take_all():
    while not inbox.finished:
      yield from filter(None, inbox.take(LONG))

  try:
    yield reader, take_all()
  finally:
    reader.stop()
    inbox.close()
  assert reader.close(LONG)
  assert reader.bug is None


def take_until(frames, holds):
  """The frames up to the first one for which something holds."""
  found = []
  for frame in frames:
    found.append(frame)
    if holds(frame):
      return found
  raise AssertionError(f'only {len(found)} frames')


def encode_jpeg(value, size=(24, 16)):
  """A grey JPEG, `size` being its width and height."""
  image = np.full((size[1], size[0], 3), value, np.uint8)
  return cv2.imencode('.jpg', image)[1].tobytes()


class Counting:
  """Stands for a model: how bright a frame is, and how old each stream is.

  Attributes:
    ages: frames of each stream since it started over.
    batches: how many streams had a frame, in each step.
  """

  class_names = ('dark', 'bright')

  def __init__(self, streams=1):
    self.ages, self.batches = np.zeros(streams, int), []

  def step(self, frames, fresh, present):
    assert frames.dtype == np.uint8 and frames.shape[0] == len(self.ages)
    assert not (fresh & ~present).any()
    self.ages = np.where(fresh, 0, self.ages) + present
    self.batches.append(int(present.sum()))
    bright = frames.mean(axis=(1, 2, 3)) / 255
    return np.stack([1 - bright, bright], axis=1)


class Heard:
  """A listener that keeps what it hears, and may stop the session."""

  def __init__(self, stop_after=None):
    self.events, self.notes, self.scored, self.requested = [], [], 0, ''
    self.streams, self.closed, self._stop_after = (), 0, stop_after

  def begin(self, streams):
    self.streams = streams

  def hear_scores(self, stream, events):
    self.events += [(stream.number, event) for event in events]
    self.scored += 1
    if self.scored == self._stop_after:
      self.requested = 'SIGINT'

  def hear_note(self, stream, note):
    self.notes.append(note)

  def tick(self):
    pass

  def close(self):
    self.closed += 1


def make_rules(class_names):
  """Rules of one class at a time."""
  from i2v_jax.deploy.prediction.timeline import Rules

  return Rules(class_names, np.full(len(class_names), 0.5), exclusive=True)


def run(sources, *listeners, recogniser=None, stop=None, **options):
  """Runs a session to its end; returns what was heard, and the model."""
  from i2v_jax.deploy.stream.session import Session

  heard = stop or Heard()
  model = recogniser or Counting(len(sources))
  options = ReadOptions(**{'spec': SPEC, 'fast': True} | options)
  sources = [find_source(str(source)) for source in sources]
  listeners = (heard, *listeners)
  rules = make_rules(model.class_names)
  session = Session(model, sources, options, rules, listeners)
  heard.failed = session.run(heard)
  return heard, model


def write_shades(path, shades, fps=8, size=(32, 32)):
  """A video whose frames are grey, of these shades."""
  from i2v_jax.data.sets.digits import open_video

  with open_video(path, size, fps) as write:
    for shade in shades:
      write(np.full((1, *size, 3), shade, np.uint8))
  return path
