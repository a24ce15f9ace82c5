"""Headers say in which order pictures are shown, and where decoding starts."""

import av
import pytest
from encoded import encode

from i2v_jax.data.videos import nal, order, pyav
from i2v_jax.data.videos.bits import Bits
from i2v_jax.data.videos.order import Place

X264 = 'keyint=12:scenecut=0:b-adapt=0:bframes=3'
X265 = 'log-level=none:pools=1:frame-threads=1:keyint=9:bframes=3'
PLAIN = {
  'a.mp4': ('libx264', {'x264-params': X264}),
  'no_b_frames.mp4': ('libx264', {'bf': '0'}),
  'pyramid.mkv': ('libx264', {'x264-params': f'{X264}:b-pyramid=normal'}),
  'fields.mp4': ('libx264', {'x264-params': f'{X264}:tff=1'}),
  'high.mp4': ('libx264', {'x264-params': f'{X264}:cqm=jvt'}),
  'a.ts': ('libx264', {'x264-params': X264}),
  'layers.mp4': ('libx265', {'x265-params': f'{X265}:temporal-layers=3'}),
  'open.mkv': ('libx265', {'x265-params': X265}),
  'in_band.ts': ('libx265', {'x265-params': f'{X265}:repeat-headers=1'}),
  'mpeg4.mkv': ('mpeg4', {'bf': '2', 'g': '8'}),
  'mpeg2.ts': ('mpeg2video', {'bf': '2', 'g': '8'}),
  'vp9.webm': ('libvpx-vp9', {'g': '8'}),
}


def read(path):
  """Packets of a file as (bytes, time, is_key), and a fresh `Order`."""
  with pyav.open_file(str(path)) as container:
    context = container.streams.video[0].codec_context
    name = pyav.get_codec_name(context)
    kind = context.codec.reorder, context.has_b_frames
    found = order.Order(name, context.extradata or b'', *kind)
    packets = [packet for packet in container.demux(video=0) if packet.size]
    return found, [(bytes(p), p.pts, p.is_keyframe) for p in packets]


@pytest.mark.parametrize('name', PLAIN)
def test_times_that_are_right_are_confirmed(tmp_path, name):
  codec, options = PLAIN[name]
  found, packets = read(
    encode(tmp_path / name, codec, range(0, 90, 3), options)
  )
  headers = [found.add(*packet) for packet in packets]
  assert found.plain and not found.cut and found.agrees()
  assert [header.enters for header in headers] == [key for *_, key in packets]


@pytest.mark.parametrize(
  'name', [n for n in PLAIN if n[:4] not in ('no_b', 'vp9.')]
)
def test_times_that_follow_the_packets_are_not(tmp_path, name):
  codec, options = PLAIN[name]
  found, packets = read(
    encode(tmp_path / name, codec, range(0, 90, 3), options)
  )
  times = sorted(time for _, time, _ in packets)
  for (data, _, key), time in zip(packets, times, strict=True):
    found.add(data, time, key)
  assert found.plain and not found.agrees()


def test_two_times_exchanged_in_one_group_are_seen(tmp_path):
  options = {'x264-params': X264}
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 90, 3), options)
  found, packets = read(path)
  times = [time for _, time, _ in packets]
  times[20], times[21] = times[21], times[20]
  for (data, _, key), time in zip(packets, times, strict=True):
    found.add(data, time, key)
  assert not found.agrees()


def test_a_picture_that_others_need_is_missed(tmp_path):
  options = {'x264-params': 'keyint=30:scenecut=0:bframes=0'}
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 60, 3), options)
  for lost in (9, 0):
    found, packets = read(path)
    for packet in packets[:lost] + packets[lost + 1 :]:
      found.add(*packet)
    assert (found.plain, found.cut) == (lost == 0, lost == 0)


def test_rolling_intra_refresh_cannot_be_entered(tmp_path):
  options = {'x264-params': 'intra-refresh=1:keyint=9:scenecut=0'}
  path = encode(tmp_path / 'a.mkv', 'libx264', range(0, 90, 3), options)
  found, packets = read(path)
  entered = [found.add(*packet).enters for packet in packets]
  assert sum(entered) == 1 < sum(key for *_, key in packets)


@pytest.mark.parametrize(
  'codec', ['h264', 'hevc', 'mpeg4', 'mpeg2video', 'vp8']
)
def test_noise_is_doubted_and_never_an_error(codec):
  for data in (b'', b'\0\0\1', bytes(range(256)), b'\xff' * 99, b'\0\0\1\xb6'):
    for extra in (b'', b'\1', b'\1' * 30, data):
      found = order.Order(codec, extra, True, True)
      found.add(data, 0, True)
      assert not found.plain or codec == 'vp8' or not found.cut


def test_places_follow_each_other():
  assert Place(1, 6, 8).precedes(Place(1, 0, 8))  # past the modulus
  assert not Place(1, 0, 8).precedes(Place(1, 6, 8))
  assert not Place(1, 2, 8).precedes(Place(1, 2, 8))
  assert Place(1, 6, 8).precedes(Place(2, 0, 8))
  assert Place(0, 6).precedes(Place(0, 700))


def test_bits():
  bits = Bits(bytes([0b10100110, 0b01000010, 0b10000000]))
  assert [bits.golomb() for _ in range(4)] == [0, 1, 2, 3]
  assert bits.signed() == 2 - 4  # ue 4
  with pytest.raises(ValueError, match='ends early'):
    bits.take(99)
  # 00 00 03 stands for 00 00.
  assert Bits(b'\0\0\3\1').take(24) == 1


def test_units_of_both_forms():
  data = b'\0\0\0\1ab\0\0\1cde'
  assert [u.rstrip(b'\0') for u in nal.split_units(data, 0)] == [b'ab', b'cde']
  assert list(nal.split_units(b'\0\2ab\0\3cde', 2)) == [b'ab', b'cde']


def test_packed_pictures_of_xvid(videos):
  found, packets = read(videos / 'mpeg4.avi')
  for data, _, key in packets:
    found.add(data, None, key)
  assert found.plain and not found.cut and not found.agrees()
  with av.open(str(videos / 'mpeg4.avi')) as container:
    assert sum(1 for _ in container.decode(video=0)) == len(packets)


def test_a_decoder_that_does_not_wait_for_b_frames_is_doubted(tmp_path):
  options = {'bf': '2', 'g': '8'}
  path = encode(tmp_path / 'a.mkv', 'mpeg4', range(0, 90, 3), options)
  _, packets = read(path)
  for waits in (True, False):
    found = order.Order('mpeg4', b'', True, waits)
    for packet in packets:
      found.add(*packet)
    assert found.plain == waits
