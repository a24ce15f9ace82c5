"""Lists as people write them: quotes, headers, encodings, paths of Windows."""

import pytest
from files import write

from i2v_jax.data.sets import list_lines


def read(tmp_path, text, delimiter=None):
  """(path, labels) of each line; `text` may be bytes."""
  path = tmp_path / 'l.csv'
  path.write_bytes(text if isinstance(text, bytes) else text.encode())
  return [(x.path, x.labels) for x in list_lines.read(path, delimiter)]


@pytest.mark.parametrize(
  ('line', 'path', 'labels'),
  [
    ('a.mp4 0', 'a.mp4', ['0']),
    ('a b/c d.mp4\t-1', 'a b/c d.mp4', ['-1']),
    ('"a, b.mp4",0', 'a, b.mp4', ['0']),
    ('"v0.mp4","0"', 'v0.mp4', ['0']),
    ('"a ""b"".mp4" 3', 'a "b".mp4', ['3']),
    ("'a b' 3", 'a b', ['3']),
    ("it's.mp4 3", "it's.mp4", ['3']),
    ('a, b.mp4 3', 'a, b.mp4', ['3']),
    ('a.mp4, 3', 'a.mp4', ['3']),
    ('a b.mp4;3', 'a b.mp4', ['3']),
    ('a.mp4|3', 'a.mp4', ['3']),
    ('a.mp4,+3,,', 'a.mp4', ['+3']),
    ('file:///d/a.mp4 3', '/d/a.mp4', ['3']),
    ('a.mp4,0.0', 'a.mp4', ['0.0']),
    ('a.MTS jumping jack', 'a.MTS', ['jumping jack']),
    ('a.mp4,"open, close"', 'a.mp4', ['open, close']),
    ('a.mp4 "two words"', 'a.mp4', ['two words']),
    ('v0 jump', 'v0', ['jump']),
    ('v0\tjump high', 'v0', ['jump high']),
    ('my clip.mp4', 'my clip.mp4', []),
    ('d/f.x -1', 'd/f.x', ['-1']),
    ('a.mp4 0 3 5', 'a.mp4', ['0', '3', '5']),
    ('a.mp4,0,3', 'a.mp4', ['0', '3']),
    ('clip0 10 0', 'clip0', ['10', '0']),
    ('clip0/ 3', 'clip0', ['3']),
    ('a.mp4 class 1', 'a.mp4', ['class 1']),
    ('a.mp4,use 2 hands 1', 'a.mp4', ['use 2 hands 1']),
    ('a.mp4 (copy) 1', 'a.mp4 (copy)', ['1']),
  ],
)
def test_a_line_is_a_path_and_labels(tmp_path, line, path, labels):
  assert read(tmp_path, line) == [(path, tuple(labels))]


@pytest.mark.parametrize(
  ('line', 'delimiter', 'path', 'labels'),
  [
    ('b, c.mp4, 0', ',', 'b, c.mp4', ['0']),
    ('a b 3', ' ', 'a b', ['3']),
    ('"a, b.mp4",0', ',', 'a, b.mp4', ['0']),
    ('a b', ',', 'a b', []),
    ('a:jump', ':', 'a', ['jump']),
  ],
)
def test_a_delimiter_may_be_given(tmp_path, line, delimiter, path, labels):
  assert read(tmp_path, line, delimiter) == [(path, tuple(labels))]


@pytest.mark.parametrize(
  'text',
  [
    'path,label\na b.mp4,3\n',
    'video_path label\n"a b.mp4" 3\n',
    'filename\tclass\na b.mp4\t3\n',
    'File Name;Class_ID\r\na b.mp4;3\r\n',
    '"label","path"\n"3","a b.mp4"\n',
    ',path,label,split\n0,a b.mp4,3,train\n',
    'id,path,label_id,label_name\n7,a b.mp4,3,jump\n',
    '\ufeffpath,label\na b.mp4,3\n',
    'path,label\n"a b.mp4",3\n'.encode('utf-16'),
    b'\xfe\xff' + 'a b.mp4 3\n'.encode('utf-16-be'),
    'a b.mp4 3\r\n'.encode('utf-16'),
    'a b.mp4 3\n'.encode('utf-32'),
    '# path,label\na b.mp4,3\n',
    'youtube_id,label,start\na b.mp4,3,0\n',
    'videos,labels\na b.mp4,3\n',
    '# made by hand\na b.mp4 3\n# the end\n#\n',
  ],
)
def test_headers_and_encodings(tmp_path, text):
  assert read(tmp_path, text) == [('a b.mp4', ('3',))]


def test_a_header_may_name_a_count_of_frames(tmp_path):
  write(tmp_path, {'l.csv': 'path,label,num_frames\nclip,3,10\n'})
  (line,) = list_lines.read(tmp_path / 'l.csv')
  assert (line.path, line.labels, line.frames) == ('clip', ('3',), 10)
  write(tmp_path, {'l.csv': 'path num_frames label\nclip 10 3\n'})
  (line,) = list_lines.read(tmp_path / 'l.csv')
  assert (line.path, line.labels, line.frames) == ('clip', ('3',), 10)


def test_a_first_line_that_is_no_header_is_a_video(tmp_path):
  assert read(tmp_path, 'video.mp4,label\n')[0] == ('video.mp4', ('label',))
  assert read(tmp_path, 'video 0\nclip 1\n')[0] == ('video', ('0',))


def test_names_may_begin_as_remarks_do(tmp_path):
  text = '#1.mp4 0\n# 2.mp4 1\n#clip 2\n'
  assert [path for path, _ in read(tmp_path, text)] == [
    '#1.mp4',
    '# 2.mp4',
    '#clip',
  ]


def test_a_path_may_start_at_home(tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', '/home/me')
  assert read(tmp_path, '~/a.mp4 0\n~a.mp4 0\n') == [
    ('/home/me/a.mp4', ('0',)),
    ('~a.mp4', ('0',)),
  ]


def test_paths_of_windows(tmp_path):
  assert read(tmp_path, 'sub\\a.mp4 0\n')[0][0] == 'sub/a.mp4'
  assert read(tmp_path, 'sub/a\\b.mp4 0\n')[0][0] == 'sub/a\\b.mp4'
  for path in ('D:\\videos\\a.mp4', 'C:/a.mp4', '\\\\server\\share\\a.mp4'):
    with pytest.raises(ValueError, match=r'line 1: .* is on a Windows drive'):
      read(tmp_path, f'{path},0\n')


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    ('a.mp4 0\nx y z\n', 'line 2: .*set the delimiter'),
    ('[{"path": "a.mp4"}]', 'line 1: is JSON: write `path label`'),
    ('gs://bucket/a.mp4 0\n', "line 1: 'gs://bucket/a.mp4' is in a remote"),
    ('https://x.org/a.mp4,0\n', 'line 1: .* is an address on the web'),
    ('train-{000..9}.tar 0\n', 'line 1: .*tar. is an archive: unpack it'),
    ('path,label\na.mp4\n', 'line 2: has 1 fields, fewer than the first'),
    ('label path\n0 a.mp4\n', 'line 1: the columns are not path and label'),
    (b'\0\1\2', 'l.csv is not text: save it as UTF-8'),
  ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path, text, error):
  with pytest.raises(ValueError, match=error):
    read(tmp_path, text)


def test_lists_by_themselves_have_numbers_or_none(tmp_path):
  text = 'a b.mp4 3\n\nc.webm,-1\nd.mp4\n/x/e 5.mp4 , 6\nf.mp4 jump\n'
  write(tmp_path, {'l.csv': text})
  assert [*list_lines.read_list(tmp_path / 'l.csv')] == [
    (str(tmp_path / 'a b.mp4'), 3),
    (str(tmp_path / 'c.webm'), -1),
    (str(tmp_path / 'd.mp4'), None),
    ('/x/e 5.mp4', 6),
    (str(tmp_path / 'f.mp4'), None),
  ]
  assert list_lines.is_list('A.LIST') and not list_lines.is_list('list.mp4')
