"""Frames of examples as data URIs."""

import base64

import cv2
import numpy as np
import pytest
from encoded import encode
from paths import ROOT

from i2v_jax.training.report import frames


def decode(uri):
  head, _, data = uri.partition(',')
  assert head == 'data:image/jpeg;base64'
  return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), 1)


@pytest.fixture
def footage(tmp_path):
  encode(tmp_path / 'a.mp4', 'libx264', range(0, 120, 3), size=(320, 240))
  return frames.Footage(str(tmp_path))


def brightness(strip):
  return [float(decode(image)[-1, -1].mean()) for image in strip.images]


def test_frames_are_spread_over_the_video_and_small(footage):
  strip = footage.read('a.mp4', None)
  assert len(strip.images) == frames.COUNT and not strip.small
  assert decode(strip.images[0]).shape == (112, 149, 3)
  # Frame n has the brightness 5 n.
  assert brightness(strip) == pytest.approx([25, 75, 125, 175], abs=8)


def test_a_span_is_read_from_its_id_or_its_times(footage):
  by_id = footage.read('a.mp4@0.000-0.667', None)
  assert by_id.images == footage.read('a.mp4', (0.0, 0.667)).images
  assert max(brightness(by_id)) < 100


def test_a_record_or_a_file_may_be_named_like_a_span(footage, tmp_path):
  data = (tmp_path / 'a.mp4').read_bytes()
  cut = frames.Footage(str(tmp_path), 'val')
  cut.__dict__['_records'] = [data], {'b.mp4@1-2': 0}
  assert cut.read('b.mp4@1-2', None) == footage.read('a.mp4', None)
  assert 'b.mp4 is not in the data set' in cut.read('b.mp4@2-3', None).problem
  (tmp_path / 'c.mp4@0-0.1').write_bytes(data)
  assert footage.read('c.mp4@0-0.1', None) == footage.read('a.mp4', None)


def test_an_example_of_background_is_a_span_of_its_file(footage):
  span = 0.5, 1.0
  found = footage.read('a.mp4@background-3', span)
  assert found.images and found == footage.read('a.mp4', span)


def test_what_is_missing_or_damaged_is_said(footage, tmp_path):
  assert 'is missing' in footage.read('b.mp4', None).problem
  (tmp_path / 'c.mp4').write_bytes(b'no video')
  assert 'c.mp4' in footage.read('c.mp4', None).problem
  assert '--root' in frames.Footage('/nowhere').read('a.mp4', None).problem
  assert '--root' in frames.Footage('').read('a.mp4', None).problem


def test_records_of_a_prepared_data_set_are_read():
  root = str(ROOT / 'tests/golden/from_44cb18a/prepared')
  found = frames.find_footage({'data': {'root': root, 'val': 'val'}}, {})
  assert found.prepared == 'val'
  id = next(iter(found._records[1]))
  assert len(found.read(id, None).images) == frames.COUNT
  assert found.read(id, None).small
  assert 'is not in the data set' in found.read('other.mp4', None).problem


def test_the_place_of_the_data(tmp_path):
  config = {'data': {'root': 'old', 'val': 'val', 'fps': 25.0}}
  data = {'val': {'root': '/data', 'split': 'val'}}
  assert frames.find_footage(config, {}).root == 'old'
  assert frames.find_footage(config, data).root == '/data'
  assert frames.find_footage(config, data, str(tmp_path)).root == str(tmp_path)
  assert frames.find_footage({}, {}) == frames.Footage('')
