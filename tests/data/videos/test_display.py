"""What is stored mirrored, turned or stretched is read as it is shown."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from encoded import decode_all, encode

from i2v_jax.data.check import one_video
from i2v_jax.data.videos import decode, display, transcode

# Matrices a b c d of FFmpeg's display.h, and what they make of a picture.
SHOWN = {
  (1, 0, 0, 1): lambda x: x,
  (-1, 0, 0, 1): np.fliplr,
  (1, 0, 0, -1): np.flipud,
  (-1, 0, 0, -1): lambda x: np.rot90(x, 2),
  (0, 1, -1, 0): lambda x: np.rot90(x, -1),
  (0, -1, 1, 0): lambda x: np.rot90(x, 1),
  (0, 1, 1, 0): lambda x: x.transpose(1, 0, 2),
  (0, -1, -1, 0): lambda x: np.rot90(x, 2).transpose(1, 0, 2),
}


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
  path = tmp_path_factory.mktemp('plain') / 'a.mp4'
  return encode(path, 'libx264', range(0, 12, 3), size=(52, 36))


def write_matrix(source, path, a, b, c, d):
  """A copy of an mp4 file with another matrix in its track header."""
  data = bytearray(source.read_bytes())
  start = data.index(b'tkhd') + 44
  words = [round(65536 * number) for number in (a, b, 0, c, d, 0, 0, 0, 0)]
  data[start : start + 36] = struct.pack('>9i', *words[:8], 1 << 30)
  path.write_bytes(data)
  return path


@pytest.mark.parametrize('matrix', SHOWN)
def test_every_matrix_is_shown_as_ffmpeg_shows_it(plain, tmp_path, matrix):
  path = write_matrix(plain, tmp_path / 'a.mp4', *matrix)
  expected = np.stack([SHOWN[matrix](image) for image in decode_all(plain)])
  with decode.open_video(path) as video:
    np.testing.assert_array_equal(video.read(range(4)), expected)
    size = video.info.height, video.info.width
  assert size == expected.shape[1:3]
  copy, _ = transcode.encode(path, transcode.Recipe(crf=0))
  info = decode.probe(copy)
  assert (info.height, info.width) == size
  assert (info.rotation, info.mirrored) == (0, False)
  off = np.abs(decode.read_frames(copy, range(4)) - expected.astype(float))
  assert off.mean() < 3  # the wrong way round it is over 20
  assert one_video.check_file(str(path))['ok']


def test_a_turn_by_another_angle_says_how_to_mend_the_file(plain, tmp_path):
  path = write_matrix(plain, tmp_path / 'a.mp4', 0.6, 0.8, -0.8, 0.6)
  problem = r'is shown rotated by 53 degrees; re-encode it: ffmpeg -i IN OUT'
  with pytest.raises(decode.DecodeError, match=problem):
    decode.probe(path)
  assert one_video.check_file(str(path))['reason'].startswith('is shown turned')


@pytest.mark.parametrize('matrix', [(0, 0, 0, 0), (1, 0.01, -0.01, 1)])
def test_what_is_no_turn_is_none(plain, tmp_path, matrix):
  path = write_matrix(plain, tmp_path / 'a.mp4', *matrix)
  assert decode.probe(path).rotation == 0
  expected = decode_all(plain)[0]
  np.testing.assert_array_equal(decode.read_frames(path, [0])[0], expected)


def make_stretched(path, aspect):
  with av.open(str(path), 'w') as written:
    stream = written.add_stream('libx264', rate=30)
    stream.width, stream.height, stream.pix_fmt = 52, 36, 'yuv420p'
    stream.codec_context.sample_aspect_ratio = aspect
    picture = av.VideoFrame.from_ndarray(np.full((36, 52, 3), 99, np.uint8))
    written.mux(stream.encode(picture))
    written.mux(stream.encode(None))
  return path


@pytest.mark.parametrize('aspect', [Fraction(4, 3), Fraction(1, 2)])
def test_pixels_are_those_stored_and_their_aspect_is_told(tmp_path, aspect):
  path = make_stretched(tmp_path / 'a.mp4', aspect)
  info = decode.probe(path)
  assert (info.height, info.width, info.pixel_aspect) == (36, 52, float(aspect))
  assert one_video.check_file(str(path))['pixel_aspect'] == round(
    float(aspect), 4
  )
  same = decode.probe(transcode.encode(path, transcode.Recipe())[0])
  assert (same.height, same.width) == (36, 52)
  assert same.pixel_aspect == pytest.approx(aspect)
  recipe = transcode.Recipe(square_pixels=True)
  square = decode.probe(transcode.encode(path, recipe)[0])
  width = {Fraction(4, 3): 68, Fraction(1, 2): 26}[aspect]  # 69.3 made even
  assert (square.height, square.width) == (36, width)
  assert square.pixel_aspect == 1


def test_an_aspect_that_cannot_be_right_is_not_applied(tmp_path):
  path = make_stretched(tmp_path / 'a.mp4', Fraction(1, 200))
  recipe = transcode.Recipe(square_pixels=True)
  info = decode.probe(transcode.encode(path, recipe)[0])
  assert (info.height, info.width, info.pixel_aspect) == (36, 52, 1)


def test_a_turned_picture_has_the_other_aspect(plain, tmp_path):
  path = make_stretched(tmp_path / 'a.mp4', Fraction(4, 3))
  turned = write_matrix(path, tmp_path / 'b.mp4', 0, 1, -1, 0)
  info = decode.probe(turned)
  assert (info.height, info.width) == (52, 36)
  assert info.pixel_aspect == pytest.approx(3 / 4)


def test_upright_gives_views():
  pixels = np.arange(24).reshape(2, 4, 3)
  found = display.turn_upright(pixels, True, 90)
  assert found.shape == (4, 2, 3) and found.base is not None
  np.testing.assert_array_equal(found, np.rot90(pixels[:, ::-1], -1))
