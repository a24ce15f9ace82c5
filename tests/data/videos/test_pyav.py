"""PyAV: the same in all releases, and only files that open no others."""

import socket
from fractions import Fraction

import av
import numpy as np
import pytest
import quicktime
from encoded import decode_all, encode

from i2v_jax.data.check import one_video
from i2v_jax.data.videos import decode, pyav

SCRIPTS = {
  'an FFmpeg playlist (concat)': "ffconcat version 1.0\nfile '{}'\n",
  'a playlist (HLS or M3U)': (
    '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n'
    '#EXT-X-ENDLIST\n'
  ),
  'a playlist (DASH)': (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
    'type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet>'
    '<Representation id="0" mimeType="video/mp4" bandwidth="9"><BaseURL>{}'
    '</BaseURL></Representation></AdaptationSet></Period></MPD>'
  ),
  'a playlist (PLS)': '[playlist]\nFile1={}\nNumberOfEntries=1\n',
  'a playlist (ASX)': '<asx version="3"><entry><ref href="{}"/></entry></asx>',
  'the description of a stream (SDP)': (
    'v=0\no=- 0 0 IN IP4 127.0.0.1\ns={}\nc=IN IP4 127.0.0.1\nt=0 0\n'
    'm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n'
  ),
  'not a kind of video': 'RTSP/1.0 302\r\nLocation: {}\r\n',
}


@pytest.fixture
def server():
  """A port on which nobody may call."""
  with socket.create_server(('127.0.0.1', 0)) as listening:
    listening.setblocking(False)
    yield listening.getsockname()[1]
    with pytest.raises(BlockingIOError):
      listening.accept()


@pytest.mark.parametrize('where', ['relative', 'absolute', 'http'])
@pytest.mark.parametrize('kind', SCRIPTS)
def test_a_script_opens_no_other_file(
  tmp_path, server, monkeypatch, kind, where
):
  secret = encode(tmp_path / 'secret.mp4', 'libx264', range(0, 9, 3))
  target = {
    'relative': 'secret.mp4',
    'absolute': secret,
    'http': f'http://127.0.0.1:{server}/secret.mp4',
  }[where]
  script = tmp_path / 'x.mp4'
  script.write_text(SCRIPTS[kind].format(target), encoding='utf-8')
  monkeypatch.chdir(tmp_path)
  for source in (script, 'x.mp4', script.read_bytes()):
    with pytest.raises(decode.DecodeError, match='cannot be opened') as told:
      decode.probe(source)
    if kind != 'not a kind of video':
      assert kind in str(told.value)
  assert not one_video.check_file(str(script))['ok']


@pytest.mark.parametrize('kind', ['sequence', 'lavfi', 'text'])
def test_names_are_no_patterns_nor_descriptions(tmp_path, monkeypatch, kind):
  name, content = {
    'sequence': ('%d.png', b'\x89PNG\r\n\x1a\n' + bytes(99)),
    'lavfi': ('testsrc.mp4', b'testsrc=duration=1'),
    'text': ('x.mp4', b'not a video\n' * 50),
  }[kind]
  (tmp_path / name).write_bytes(content)
  monkeypatch.chdir(tmp_path)
  with pytest.raises(decode.DecodeError, match='cannot be opened'):
    decode.probe(name)


@pytest.mark.parametrize(
  ('content', 'kind'),
  [
    (b'#!/bin/sh\nexit 0\n', 'it is text'),
    ('réponse : non trouvé\n'.encode() * 500, 'it is text'),
    (b'<!DOCTYPE html>\n<HTML>404</HTML>', 'it is a web page'),
    (b'version https://git-lfs.github.com/spec/v1\n', 'git lfs pull'),
    (b'<ASX version="3"></ASX>', r'a playlist \(ASX\)'),
    (b'PK\3\4' + bytes(99), r'it is an archive \(ZIP\)'),
    (b'YUV4MPEG2 W99999 H99999 F9:1\nFRAME\n' + bytes(99), 'it is damaged'),
    (bytes(99), 'Invalid data'),
  ],
)
def test_what_is_no_video_is_named(content, kind):
  with pytest.raises(decode.DecodeError, match=f'cannot be opened .*{kind}'):
    decode.probe(content)


@pytest.mark.parametrize('codec', ['png', 'mjpeg'])
def test_a_picture_is_no_video(tmp_path, codec):
  coder = av.CodecContext.create(codec, 'w')
  coder.width, coder.height = 16, 16
  coder.pix_fmt = {'png': 'rgb24', 'mjpeg': 'yuvj420p'}[codec]
  coder.time_base = Fraction(1, 25)
  frame = av.VideoFrame(16, 16, coder.pix_fmt)
  packets = [*coder.encode(frame), *coder.encode(None)]
  path = tmp_path / 'x.mp4'
  path.write_bytes(b''.join(bytes(packet) for packet in packets))
  with pytest.raises(decode.DecodeError, match='it is a picture'):
    decode.probe(path)


CONTAINERS = {
  'a.mp4': 'libx264',
  'a.mov': 'libx264',
  'a.3gp': 'mpeg4',
  'a.mkv': 'libx264',
  'a.webm': 'libvpx-vp9',
  'a.avi': 'mpeg4',
  'a.ts': 'libx264',
  'a.m2ts': 'libx264',
  'a.mpg': 'mpeg2video',
  'a.wmv': 'wmv2',
  'a.flv': 'flv',
  'a.nut': 'mpeg4',
  'a.gif': 'gif',
  'a.apng': 'apng',
  'a.h264': 'libx264',
  'a.hevc': 'libx265',
  'a.y4m': 'wrapped_avframe',
  'a.mxf': 'mpeg2video',
  'a.ivf': 'libvpx-vp9',
  'a.m4v': 'mpeg4',
  'a.mjpeg': 'mjpeg',
}


@pytest.mark.parametrize('name', CONTAINERS)
def test_media_containers_are_opened(tmp_path, name):
  codec, pixels = CONTAINERS[name], 'yuv420p'
  pixels = {'gif': 'rgb8', 'apng': 'rgb24', 'mjpeg': 'yuvj420p'}.get(
    codec, pixels
  )
  options = {'x265-params': 'log-level=none'} if codec == 'libx265' else {}
  ticks = np.arange(6) * 3
  path = encode(tmp_path / name, codec, ticks, options, pixels, (176, 144))
  with pyav.open_file(str(path)) as container:
    assert pyav.find_video_stream(container) is not None


def test_titles_may_be_in_any_encoding(tmp_path):
  path = tmp_path / 'a.mkv'
  with av.open(str(path), 'w') as container:
    container.metadata['title'] = 'cafXX'
    stream = container.add_stream('mpeg4', rate=25)
    stream.width, stream.height, stream.pix_fmt = 16, 16, 'yuv420p'
    for image in np.zeros((3, 16, 16, 3), np.uint8):
      container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
    container.mux(stream.encode())
  data, expected = path.read_bytes(), decode_all(path)
  assert b'cafXX' in data
  path.write_bytes(data.replace(b'cafXX', b'caf\xe9\xff'))
  np.testing.assert_array_equal(decode.read_frames(path, range(3)), expected)


def test_what_is_not_known_is_no_fraction():
  class Ratio:  # as PyAV gives it from 19.0 on
    numerator, denominator = 0, 0

    def __bool__(self):
      return False

  assert pyav.to_fraction(None) is None and pyav.to_fraction(Ratio()) is None
  assert pyav.to_fraction(Fraction(30000, 1001)) == Fraction(30000, 1001)


def test_quicktime_reads_no_frames_of_another_file(tmp_path):
  secret = encode(tmp_path / 'secret.mp4', 'libx264', range(0, 9, 3))
  path = tmp_path / 'x.mp4'
  path.write_bytes(quicktime.pointing(secret.read_bytes(), 'secret.mp4'))
  allowed = {'enable_drefs': '1', 'use_absolute_path': '1'}
  with av.open(str(path), container_options=allowed) as container:
    assert len([*container.decode(video=0)]) == 3  # that is what FFmpeg can do
  for source in (path, path.read_bytes()):
    with pytest.raises(decode.DecodeError):
      decode.read_frames(source, [0])
