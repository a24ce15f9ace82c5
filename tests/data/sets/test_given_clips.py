"""Videos as users name them, in the order in which they do."""

import io
import os

import pytest

from i2v_jax.data.sets import given_clips


@pytest.fixture
def folder(tmp_path):
  """Three videos, one of them in a folder, and a file that is none."""
  (tmp_path / 'b').mkdir()
  for name in ('a.mp4', 'b/one.mp4', 'c d.mp4'):
    (tmp_path / name).touch()
  (tmp_path / 'notes.md').write_text('mine', encoding='utf-8')
  return tmp_path


def listed(*paths):
  return given_clips.list_clips([*map(str, paths)]).clips


def test_a_folder_stands_for_its_videos_in_order(folder):
  found = given_clips.list_clips(['x.mp4', str(folder)])
  names = ('a.mp4', 'c d.mp4', 'b/one.mp4')
  assert found.clips == ['x.mp4', *(f'{folder}/{name}' for name in names)]
  (note,) = found.notes
  assert 'left out, not videos: 1 file' in note and 'notes.md' in note
  (folder / 'empty').mkdir()
  with pytest.raises(ValueError, match='holds no video'):
    listed(folder / 'empty')


def test_a_table_of_segments_is_no_list_of_videos(folder):
  table = folder / 'segments.csv'
  for head in ('file,start,end,label', 'label;"End (s)";"Start (s)";video'):
    table.write_text(f'{head}\na.mp4,0,1,run\n', encoding='utf-8')
    with pytest.raises(ValueError, match='lists segments, not videos: give a'):
      listed(table)
  table.write_text('file,label\na.mp4,run\n', encoding='utf-8')
  assert listed(table) == [f'{folder}/a.mp4']


def test_a_pattern_stands_for_what_matches(folder):
  assert listed(folder / '*.mp4') == [f'{folder}/a.mp4', f'{folder}/c d.mp4']
  assert listed(folder / '**' / 'o*.mp4') == [f'{folder}/b/one.mp4']
  with pytest.raises(FileNotFoundError, match='nothing matches'):
    listed(folder / '*.avi')


def test_a_file_with_the_name_of_a_pattern_is_a_file(folder):
  (folder / 'Fun [x].mp4').touch()
  assert listed(folder / 'Fun [x].mp4') == [f'{folder}/Fun [x].mp4']


@pytest.mark.parametrize('name', ['list.txt', 'list.csv'])
def test_a_list_stands_for_its_lines(folder, name):
  lines = f'# mine\nc d.mp4\n\nfile://{folder}/c%20d.mp4\nb/one.mp4\n'
  (folder / name).write_text(lines, encoding='utf-8')
  names = ['c d.mp4', 'c d.mp4', 'b/one.mp4']
  wanted = [f'{folder}/{found}' for found in names]
  assert listed(folder / name) == listed(f'@{folder / name}') == wanted
  address = (folder / name).as_uri()
  assert listed(address) == listed(f'@{address}') == wanted
  with pytest.raises(FileNotFoundError, match='does not exist'):
    listed(folder / f'no{name}')


def test_stdin_lists_videos(folder, monkeypatch):
  def give(data):
    stdin = io.TextIOWrapper(io.BytesIO(data), 'utf-8')
    monkeypatch.setattr('sys.stdin', stdin)

  give(os.fsencode(folder) + b'/a.mp4\r\n\nx\xe9.mp4\na\x1c\xe2\x80\xa8b.mp4')
  wanted = [f'{folder}/a.mp4', 'x\udce9.mp4', 'a\x1c\u2028b.mp4']
  assert listed('-') == wanted
  give(b'')
  with pytest.raises(ValueError, match='stdin lists no video'):
    listed('-')


def test_addresses_of_files_are_decoded():
  decode = given_clips.decode_address
  assert decode('file:///a%20b/%C3%A9.mp4') == '/a b/é.mp4'
  assert decode('file://localhost/a.mp4') == '/a.mp4'
  assert decode('a%20b.mp4') == 'a%20b.mp4'
  with pytest.raises(ValueError, match="on the host 'nas'"):
    decode('file://nas/a.mp4')
  with pytest.raises(ValueError, match='address on the web'):
    listed('https://example.org/a.mp4')


def test_parts_share_a_list():
  clips = [*'abcde']
  parts = [given_clips.choose_part(clips, f'{i}/2') for i in (1, 2)]
  assert parts == [['a', 'c', 'e'], ['b', 'd']]
  for part in ('3/2', '0/2', '1', 'x/2', '1/0', '-1/2'):
    with pytest.raises(ValueError, match='--part is I/N'):
      given_clips.choose_part(clips, part)
  with pytest.raises(ValueError, match='--part 6/6 is empty'):
    given_clips.choose_part(clips, '6/6')


def test_nothing_is_no_list():
  with pytest.raises(ValueError, match='No video is named'):
    listed()
