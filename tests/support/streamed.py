"""Live sources in tests: readers run to their end, pipes that are fed."""

import os
import threading

import cv2
import numpy as np

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.live.inbox import Inbox
from i2v_jax.data.live.places import find_place
from i2v_jax.data.live.reader import Options, Reader

SPEC = ClipSpec(num_frames=4, image_size=16)
LONG = 30  # seconds after which a test fails, never waited for


def read_all(source, spec=SPEC, **options):
  """All frames of a source that ends, as fast as possible, and its reader."""
  inbox = Inbox(1)
  options = {'fast': True} | options
  reader = Reader(0, find_place(str(source)), inbox, Options(spec, **options))
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


def encode_jpeg(value, size=(24, 16)):
  """A grey JPEG, `size` being its width and height."""
  image = np.full((size[1], size[0], 3), value, np.uint8)
  return cv2.imencode('.jpg', image)[1].tobytes()
