"""Interlaced video: two fields in a frame, read as one, or deinterlaced."""

import av
import numpy as np
import pytest
from encoded import encode_images

from i2v_jax.data.check import one_video
from i2v_jax.data.videos import decode, fields, transcode


def interlaced(path, count=6):
  """A bar that moves between the fields: its edge is a comb."""
  images = []
  for number in range(count):
    images.append(np.zeros((48, 64, 3), np.uint8))
    for field in (0, 1):
      left = 8 * number + 4 * field
      images[-1][field::2, left : left + 12] = 255, 128, 0
  options = {'x264-params': 'tff=1', 'crf': '10'}
  return encode_images(path, 'libx264', images, options)


def combs(images):
  """Mean difference of neighbouring lines."""
  return np.abs(np.diff(images.astype(float), axis=1)).mean()


def test_frames_are_converted_as_progressive_ones_are(tmp_path):
  path = interlaced(tmp_path / 'a.mp4')
  with av.open(str(path)) as container:
    stored = list(container.decode(video=0))
  assert all(picture.interlaced_frame for picture in stored)
  with decode.open_video(path) as video:
    assert video.info.interlaced
    found = video.read(range(6))
  whole, converted = fields.Progressive(), []
  for picture in stored:
    # What is made of pixels has no fields.
    copy = av.VideoFrame.from_ndarray(picture.to_ndarray(), 'yuv420p')
    assert whole(copy) is copy and not whole(picture).interlaced_frame
    converted.append(copy)
  size = {'format': 'rgb24'}
  expected = np.stack(
    [copy.reformat(**size).to_ndarray() for copy in converted]
  )
  assert np.abs(found.astype(int) - expected).max() <= 1
  found = one_video.check_file(str(path))
  assert found['ok'] and found['interlaced']


def test_deinterlaced_copies_have_as_many_frames_and_no_combs(tmp_path):
  path = interlaced(tmp_path / 'a.mp4')
  recipe = transcode.Recipe(crf=0, deinterlace=True)
  copy, quality = transcode.encode(path, recipe)
  before, after = decode.probe(path), decode.probe(copy)
  assert after.frames == before.frames == 6 and not after.interlaced
  np.testing.assert_allclose(after.times, before.times, atol=1e-4)
  combed, smooth = (decode.read_frames(x, range(6)) for x in (path, copy))
  assert combs(smooth) < combs(combed) / 3 and quality > 40


@pytest.mark.parametrize('count', [1, 2, 5])
def test_whole_pictures_pass_as_they_are(count):
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (count, 16, 16, 3), np.uint8)
  pictures = [av.VideoFrame.from_ndarray(image) for image in images]
  yuv = [picture.reformat(format='yuv420p') for picture in pictures]
  expected = [picture.to_ndarray() for picture in yuv]
  found = [picture.to_ndarray() for picture in fields.deinterlace(yuv)]
  np.testing.assert_array_equal(found, expected)
  assert list(fields.deinterlace([])) == []
