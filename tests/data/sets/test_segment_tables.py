"""Files of segments as people have them: the same segments in all forms."""

import codecs
import json
import math

import pytest
from files import write

from i2v_jax.data.sets import segment_cells, segment_tables
from i2v_jax.runtime.errors import MissingFileError, UserError

WANTED = [
  ('a b.mp4', 0.5, 62.0, ('run', 'jump')),
  ('c.mp4', 0.0, math.inf, ('run',)),
  ('c.mp4', 1.0, 2.0, ()),
]
TABLE = (
  'file,start,end,label\na b.mp4,0.5,1:02,run|jump\nc.mp4,,,run\nc.mp4,1,2,\n'
)


def read(root, name='t.csv'):
  sheet = segment_tables.read(root / name)
  return segment_cells.convert(sheet), sheet


def shorten(entries):
  return [(e.file, e.start, e.end, e.labels) for e in entries]


@pytest.mark.parametrize(
  'text',
  [
    TABLE,
    'sep=;\nfile;start;end;label\na b.mp4;0,5;1:02;run|jump\nc.mp4;;;run\n'
    'c.mp4;1;2;\n',
    'file,start,end,label,"notes; misc"\na b.mp4,0.5,1:02,run|jump,\n'
    'c.mp4,,,run,\nc.mp4,1,2,,\n',
    'file,label,start (s),end_sec\na b.mp4,run|jump,0.5,62\n'
    'c.mp4,run,,\nc.mp4,,1,2\n',
    'video\tBegin Time - ss.msec\tEnd Time - ss.msec\tEnd Time - msec\tlabel\n'
    'a b.mp4\t0.5\t62\t\trun|jump\nc.mp4\t\t\t\trun\nc.mp4\t1\t2\t\t\n',
    '\ufefflabel;END;Start;File\r\n"run|jump";1:02,0;0,5;"a b.mp4"\r\n'
    'run;;;c.mp4\r\n;2;1;c.mp4\r\n;;;\r\n',
    'Video\tBegin\tStop\tClass\na b.mp4\t0.5\t0:01:02\trun | jump\n'
    'c.mp4\t\t\trun\nc.mp4\t1\t2\t\n',
    'file,start,end:10,label\na b.mp4,0.5,620,run|jump\nc.mp4,,,run\n'
    'c.mp4,1,20,\n',
  ],
)
def test_tables_of_spreadsheets_are_read(tmp_path, text):
  write(tmp_path, {'t.csv': text})
  entries, sheet = read(tmp_path)
  sheet.problems.check()
  assert shorten(entries) == WANTED


def test_utf_16_is_read(tmp_path):
  data = codecs.BOM_UTF16_LE + TABLE.encode('utf-16-le')
  (tmp_path / 't.csv').write_bytes(data)
  assert shorten(read(tmp_path)[0]) == WANTED


def test_splits_are_known_whatever_their_case(tmp_path):
  names = ('Train', 'TRAINING', 'Valid', 'TEST', 'trian')
  rows = ''.join(f'a,x,{name}\n' for name in names)
  write(tmp_path, {'t.csv': f'file,label,split\n{rows}'})
  found = [entry.split for entry in read(tmp_path)[0]]
  assert found == ['train', 'train', 'val', 'test', 'trian']


def test_json_lines_and_lists_are_read(tmp_path):
  records = [
    {'file': 'a b.mp4', 'start': 0.5, 'end': '1:02', 'label': ['run', 'jump']},
    {'file': 'c.mp4', 'label': 'run'},
    {'file': 'c.mp4', 'start': 1, 'end': 2, 'label': None},
  ]
  lines = '\n'.join(map(json.dumps, records))
  write(tmp_path, {'t.jsonl': lines, 't.json': records})
  for name in ('t.jsonl', 't.json'):
    assert shorten(read(tmp_path, name)[0]) == WANTED


def test_columns_that_are_not_used_are_known(tmp_path):
  write(
    tmp_path, {'t.csv': 'path,video,label,split,group\na,b,run,training,p1\n'}
  )
  with pytest.raises(
    UserError, match="two columns for file, 'path' and 'video'"
  ):
    read(tmp_path)
  write(
    tmp_path, {'t.csv': 'file,path,label,who,subset\na,b,run,me,training\n'}
  )
  (entry,), sheet = read(tmp_path)
  assert (entry.file, entry.split) == ('a', 'train')
  assert sheet.table.unused == ('path', 'who')


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('start,end,label\n', "no column 'file', only start, end, label"),
    ('file,start,end\n', "no column 'label'"),
    ('file,label\n', 'lists no segment'),
    ('', "no column 'file'"),
    ('file,label,start:x\n', r"'start:x' gives no frame rate: write start:25"),
    ('file,label,end:0\n', r"'end:0' gives no frame rate"),
  ],
)
def test_a_file_that_lists_nothing_is_refused(tmp_path, text, words):
  write(tmp_path, {'t.csv': text})
  with pytest.raises(UserError, match=words):
    read(tmp_path)
  with pytest.raises(MissingFileError):
    read(tmp_path, 'none.csv')


def test_lines_that_are_wrong_are_problems(tmp_path):
  text = 'file,start,end,label\na,2,1,x\n,,,x\na,y,,x\na\na,1,2,x,more\n'
  write(tmp_path, {'t.csv': text})
  _, sheet = read(tmp_path)
  with pytest.raises(UserError) as found:
    sheet.problems.check()
  for words in (
    '5 bad lines',
    'line 2: end 1 s is not after start 2 s',
    'line 3: file is an empty field',
    "line 4: start 'y' is not a number",
    'line 5: 1 fields instead of 4',
    'line 6: 5 fields instead of 4',
  ):
    assert words in str(found.value)


def test_text_in_another_encoding_is_a_problem(tmp_path):
  lines = 'file,label,split,group\ncaf\xe9,caf\xe9,v\xe4l,p\xe9\nb,run,val,\n'
  (tmp_path / 't.csv').write_bytes(lines.encode('cp1252'))
  _, sheet = read(tmp_path)
  with pytest.raises(UserError, match='1 bad line; line 2: split ') as found:
    sheet.problems.check()
  assert str(found.value).count(' is not UTF-8; save it as CSV UTF-8') == 2


@pytest.mark.parametrize(
  ('changed', 'said'),
  [
    ({'label': {'name': 'x'}}, 'label is {"name": "x"}, not text'),
    ({'label': ['x', None]}, 'label is null, not text'),
    ({'label': True}, 'label is true, not text'),
    ({'label': 1.0}, r'label is 1\.0, not text'),
    ({'group': ['p']}, r'group is \["p"\], not text or a number'),
  ],
)
def test_values_of_json_that_are_no_text_are_problems(tmp_path, changed, said):
  good = {'file': 'a', 'label': ['x', 2], 'split': 7, 'group': None}
  write(tmp_path, {'t.json': [good, good | changed]})
  (entry, _), sheet = read(tmp_path, 't.json')
  assert (entry.labels, entry.split, entry.group) == (('x', '2'), '7', '')
  with pytest.raises(UserError, match=f'1 bad record; record 2: {said}'):
    sheet.problems.check()


def test_json_that_is_wrong_is_a_problem(tmp_path):
  write(tmp_path, {'t.jsonl': '{"file": "a", "label": "x"}\n[1]\n{"file\n'})
  with pytest.raises(
    UserError, match=r'line 2: is not an obj.*line 3: is not JS'
  ):
    read(tmp_path, 't.jsonl')[1].problems.check()
  write(tmp_path, {'t.json': {'a': 1}})
  with pytest.raises(UserError, match=r"neither a list .* key 'database'"):
    read(tmp_path, 't.json')
