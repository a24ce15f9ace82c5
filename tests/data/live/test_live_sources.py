"""What a source is is seen from its name; its password is not shown."""

import os

import framed
import pytest

from i2v_jax.data.live.sources import PROTOCOLS, find_source, find_sources
from i2v_jax.runtime.errors import UserError


def test_files_folders_cameras_and_stdin_are_told_apart(videos, tmp_path):
  folder = framed.write(tmp_path / 'clip', framed.numbered(2, '{:03d}.png', 1))
  assert find_source(str(videos / 'h265.mp4')).kind == 'file'
  assert find_source(str(folder)).kind == 'folder'
  assert find_source(os.devnull).kind == 'camera'  # any character device
  assert find_source('-').name == 'stdin'


@pytest.mark.parametrize('scheme', PROTOCOLS)
def test_an_address_hides_its_secrets_and_opens_no_files(scheme):
  place = find_source(f'{scheme}://me:s3cret@cam.example:554/live/1?token=abc')
  assert place.kind == 'address'
  assert place.name == f'{scheme}://cam.example:554/live/1'
  assert 's3cret' in place.path
  assert 'file' not in PROTOCOLS[scheme].split(',')


@pytest.mark.parametrize(
  'rest, shown',
  [
    ('admin:s3/cr3t@cam/1', 'cam/1'),
    ('admin:s3@cr3t@cam/1', 'cam/1'),
    ('admin:s3#cr3t@cam/1', '...'),
    ('admin:s3?cr3t@cam/1', '...'),
    ('cam/1?password=s3@cr3t', '...'),
    ('cam/1#s3cr3t', 'cam/1'),
    ('cam/caf%C3%A9%1b[2J%0a%9b\x07', 'cam/caf\xe9%1B[2J%0A\ufffd%07'),
  ],
)
def test_no_part_of_a_password_is_shown_however_it_is_written(rest, shown):
  assert find_source(f'rtsp://{rest}').name == f'rtsp://{shown}'
  with pytest.raises(UserError) as refused:
    find_source(f'rtps://{rest}')
  assert str(refused.value).startswith(f'rtps://{shown} begins')


@pytest.mark.parametrize(
  'source, says',
  [
    ('rtps://me:s3cret@cam/1', r'rtps://cam/1 begins with rtps://.*rtsp'),
    ('file:///etc/passwd', 'begins with file://; an address can begin with'),
    ('concat://a|b', 'begins with concat://'),
    ('/dev/video987', 'no such camera'),
    ('absent.mp4', 'no such file or folder'),
  ],
)
def test_what_is_no_source_is_named(source, says):
  with pytest.raises(UserError, match=says) as refused:
    find_source(source)
  assert 's3cret' not in str(refused.value)


def test_a_folder_without_frames_and_a_second_stdin_are_refused(tmp_path):
  with pytest.raises(UserError, match='folder of numbered frames'):
    find_source(str(tmp_path))
  with pytest.raises(UserError, match='named twice'):
    find_sources(['-', '-'])


def test_sources_of_one_name_are_numbered(videos):
  path = str(videos / 'h265.mp4')
  names = [place.name for place in find_sources([path, '-', path])]
  assert names == [f'{path} #1', 'stdin', f'{path} #2']
