"""A folder of numbered frames is a video like any other."""

import os

import cv2
import framed
import numpy as np
import pytest

from i2v_jax.data.sets import folders
from i2v_jax.data.videos import decode, frame_files
from i2v_jax.data.videos.frame_folder import is_frame_folder
from i2v_jax.data.videos.resize import resize_short_side

PATTERNS = {
  'mmaction2': ('img_{:05d}.jpg', 1),
  'Something-Something V1': ('{:05d}.jpg', 1),
  'no padding': ('{}.png', 0),
  'TV-L1': ('frame{:06d}.webp', 0),
  'Charades': ('0A8CF-{:06d}.BMP', 1),
  'image': ('image_{:03d}.jpeg', 7),
}


@pytest.mark.parametrize('kind', PATTERNS)
def test_every_way_to_number_frames_is_read_in_order(tmp_path, kind):
  pattern, start = PATTERNS[kind]
  names = framed.numbered(12, pattern, start)
  folder = framed.write(tmp_path / 'clip', names)
  assert is_frame_folder(folder)
  with decode.open_video(str(folder)) as video:
    assert video.info.frames == 12
    assert (video.info.height, video.info.width) == (48, 64)
    found = video.read([11, 0, 9, 0, 99])
  read = lambda name: cv2.imread(str(folder / name))[..., ::-1]
  wanted = [read(names[n]) for n in (11, 0, 9, 0, 11)]
  np.testing.assert_array_equal(found, wanted)
  assert found.dtype == np.uint8


def test_mixed_padding_is_in_the_order_of_the_numbers(tmp_path):
  names = ['2.png', '10.png', '001.png']
  framed.write(tmp_path / 'clip', names)
  assert frame_files.list_frames(tmp_path / 'clip').names == [
    '001.png',
    '2.png',
    '10.png',
  ]


def test_a_short_side_gives_what_resizing_gives(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(3))
  with decode.open_video(folder) as video:
    whole, small = video.read([2, 0]), video.read([2, 0], 20)
    assert video.read([], 20).shape == (0, 20, 27, 3)
  np.testing.assert_array_equal(small, resize_short_side(whole, 20))


def test_times_come_from_the_rate_that_is_said(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(6))
  assert decode.probe(folder).fps == 30
  info = decode.probe(folder, fps=12)
  assert (info.fps, info.duration) == (12, 0.5)
  assert info.times == pytest.approx(np.arange(6) / 12)
  for fps in (0, -1, float('nan'), float('inf')):
    with pytest.raises(ValueError, match='fps is'):
      decode.probe(folder, fps=fps)


def test_flow_and_other_files_are_left_aside_and_listed(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(4))
  flow = framed.numbered(3, 'flow_x_{:05d}.png')
  flow += framed.numbered(3, 'flow_y_{:05d}.png')
  framed.write(folder, flow)
  (folder / 'Thumbs.db').write_bytes(b'x')
  (folder / '._img_00001.png').write_bytes(b'x')
  found = frame_files.list_frames(folder)
  assert found.names == framed.numbered(4)
  assert sorted(found.aside) == sorted([*flow, 'Thumbs.db'])


@pytest.mark.parametrize(
  ('image', 'wanted'),
  [
    (np.full((8, 8), 77, np.uint8), 77),  # grey
    (np.full((8, 8, 3), 77 * 256, np.uint16), 77),  # 16 bits
    (np.dstack([np.full((8, 8, 3), 77, np.uint8), np.zeros((8, 8))]), 77),
  ],
)
def test_unusual_pixels_become_rgb_of_8_bits(tmp_path, image, wanted):
  data = cv2.imencode('.png', image)[1].tobytes()
  (tmp_path / '1.png').write_bytes(data)
  found = decode.read_frames(tmp_path, [0])
  np.testing.assert_array_equal(found, np.full((1, 8, 8, 3), wanted))


def test_frames_are_turned_as_their_exif_data_says(tmp_path):
  (image,) = framed.pictures(1)
  data = cv2.imencode('.jpg', image[..., ::-1])[1].tobytes()
  exif = (
    b'Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
  )
  head = b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif
  (tmp_path / '1.jpg').write_bytes(data[:2] + head + data[2:])
  assert decode.read_frames(tmp_path, [0]).shape == (1, 64, 48, 3)


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'webp', 'bmp'])
@pytest.mark.parametrize('cut', ['half', 'a few bytes', 'all', 'junk'])
def test_a_damaged_frame_is_named(tmp_path, suffix, cut):
  names = framed.numbered(4, 'img_{:05d}.' + suffix)
  path = framed.write(tmp_path / 'clip', names) / names[2]
  data = path.read_bytes()
  data = {
    'half': data[: len(data) // 2],
    'a few bytes': data[:-30],
    'all': b'',
    'junk': b'junk' * 40,
  }[cut]
  path.write_bytes(data)
  with decode.open_video(tmp_path / 'clip') as video:
    assert video.read([0, 1, 3]).shape == (3, 48, 64, 3)
    with pytest.raises(decode.DecodeError, match=f'clip: frame 2, {names[2]}'):
      video.read([1, 2])


def test_a_frame_of_another_size_is_named(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(2))
  framed.write(folder, ['img_00003.png'], framed.pictures(1, (48, 60)))
  with decode.open_video(folder) as video:
    with pytest.raises(decode.DecodeError, match=r'img_00003.png, is 60 x 48 '):
      video.read([2])
    with pytest.raises(IndexError, match='frame -1; they start at 0'):
      video.read([-1])


@pytest.mark.parametrize(
  ('names', 'problem'),
  [
    (['1.png', '01.png'], 'has 01.png and 1.png for one frame'),
    (['1.png', '1.jpg'], 'has 1.jpg and 1.png for one frame'),
    (['a1.png', 'b1.png'], 'that of a1.png and that of b1.png; move'),
    (['flow_x_1.png', 'flow_y_1.png'], 'no numbered images'),
  ],
)
def test_what_is_no_single_sequence_is_refused(tmp_path, names, problem):
  framed.write(tmp_path / 'clip', names)
  with pytest.raises(decode.DecodeError, match=f'clip: .*{problem}'):
    decode.open_video(tmp_path / 'clip')


def test_the_time_limit_counts(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(2))
  with pytest.raises(decode.DecodeError, match='mine: took longer than'):
    decode.open_video(folder, 'mine', seconds=1e-9)


def test_folders_of_something_else_are_no_frame_folders(tmp_path):
  assert not is_frame_folder(tmp_path / 'nothing')
  assert not is_frame_folder(b'bytes of a video')
  for place, others in {
    'videos': ['v1.mp4', '1.png'],
    'texts': ['a.txt', 'b.txt', '1.png'],
    'names': ['cover.png'],
  }.items():
    (tmp_path / place).mkdir()
    for name in others:
      (tmp_path / place / name).write_bytes(b'x')
    assert not is_frame_folder(tmp_path / place)
  folder = framed.write(tmp_path / 'class', framed.numbered(2))
  (folder / 'clip').mkdir()
  assert not is_frame_folder(folder)


def test_one_frame_beside_what_systems_leave_is_a_frame_folder(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(1))
  (folder / 'Thumbs.db').write_bytes(b'x')
  assert is_frame_folder(folder)


@pytest.mark.parametrize(
  ('numbers', 'gaps'),
  [
    ([1, 2, 3], ''),
    ([0], ''),
    ([0, 5, 10], ''),
    ([1, 2, 4], '3'),
    ([1, 2, 10**12, 10**12 + 1], f'3 to {10**12 - 1}'),
    ([7, 8, 10, 13, 14], '9, 11 to 12'),
  ],
)
def test_numbers_that_are_left_out_are_found(numbers, gaps):
  assert frame_files.Frames([], numbers, []).gaps == gaps


def test_stamp_and_hash_see_a_frame_that_changes(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(3))
  before = frame_files.stamp(folder), frame_files.compute_sha256(folder)
  sizes = [os.path.getsize(folder / name) for name in framed.numbered(3)]
  assert before[0]['bytes'] == sum(sizes)
  framed.write(folder, ['img_00002.png'], framed.pictures(1))
  assert frame_files.stamp(folder) != before[0]
  assert frame_files.compute_sha256(folder) != before[1]
  copy = framed.write(tmp_path / 'copy', framed.numbered(3, '{}.png', 0))
  assert frame_files.compute_sha256(copy) == before[1]


def test_a_folder_of_frames_is_listed_as_one_video(tmp_path):
  for name in ('b', 'a'):
    framed.write(tmp_path / 'clips' / name, framed.numbered(2))
  found = [
    os.path.basename(path) for path in folders.find_videos(tmp_path).videos
  ]
  assert found == ['a', 'b']
  one = tmp_path / 'clips' / 'a'
  assert folders.find_videos(one).videos == [str(one)]


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='no pipes')
def test_a_pipe_among_the_frames_is_not_waited_for(tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(3))
  last = folder / frame_files.list_frames(folder).names[-1]
  last.unlink()
  os.mkfifo(last)
  with (
    decode.open_video(str(folder)) as video,
    pytest.raises(decode.DecodeError, match=r'\(it is not a regular file\)'),
  ):
    video.read([2])
