"""JPEGs are found in bytes that come in any pieces, with anything between."""

import cv2
import numpy as np
import pytest
from streamed import encode_jpeg

from i2v_jax.data.live import jpegs

ONE, TWO = encode_jpeg(40), encode_jpeg(200, (64, 48))


def split(data, piece):
  splitter = jpegs.JpegSplitter()
  found = []
  for start in range(0, len(data), piece):
    found += splitter.take(data[start : start + piece])
  return found, splitter


def add_thumbnail(jpeg, thumbnail):
  """A JPEG with another one in a segment, as cameras write it."""
  body = b'Exif\0\0' + thumbnail
  segment = b'\xff\xe1' + (len(body) + 2).to_bytes(2) + body
  return jpeg[:2] + segment + jpeg[2:]


def make_noise():
  """A progressive JPEG, of several scans with restart markers."""
  image = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
  flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
  return cv2.imencode('.jpg', image, flags)[1].tobytes()


@pytest.mark.parametrize('piece', [1, 7, 10_000])
def test_each_jpeg_is_given_as_it_was(piece):
  wanted = [ONE, add_thumbnail(TWO, ONE), make_noise(), ONE]
  found, splitter = split(b''.join(wanted), piece)
  assert found == wanted and splitter.skipped == 0


def test_it_does_not_wait_for_the_next_one():
  splitter = jpegs.JpegSplitter()
  assert [*splitter.take(ONE[:-1])] == [] and splitter.unfinished
  assert [*splitter.take(ONE[-1:])] == [ONE] and not splitter.unfinished


@pytest.mark.parametrize('piece', [1, 5, 10_000])
def test_what_is_between_is_skipped_and_counted(piece):
  boundary = b'\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n'
  found, splitter = split(boundary + ONE + boundary + TWO, piece)
  assert found == [ONE, TWO]
  assert splitter.skipped == 2 * len(boundary)


def test_one_that_is_cut_costs_itself_only():
  found, splitter = split(TWO[: len(TWO) // 2] + ONE + TWO, 100)
  assert found[-1] == TWO
  assert len(found) >= 1 and splitter.skipped > 0


def test_garbage_takes_no_memory(monkeypatch):
  monkeypatch.setattr(jpegs, 'LARGEST', 1000)
  splitter = jpegs.JpegSplitter()
  rng = np.random.default_rng(1)
  for _ in range(50):
    assert not [*splitter.take(b'\xff\xd8\xff\xda\0\2' + rng.bytes(400))]
    assert len(splitter._data) < 3000
  assert splitter.skipped > 10_000
