"""Tables of boxes are read as spreadsheets write them, or refused at once."""

import numpy as np
import pytest
from files import write

from i2v_jax.data.sets import box_tables, text_tables
from i2v_jax.data.sets.problems import Problems
from i2v_jax.runtime.errors import UserError

COLUMNS = ('file', 'time', *box_tables.SIDES)


def read(tmp_path, text, optional=(), **more):
  write(tmp_path, {'t.csv': text})
  return box_tables.read(tmp_path / 't.csv', COLUMNS, optional, **more)


@pytest.mark.parametrize(
  'text',
  [
    'a b.mp4,1.5,0,0.25,.5,1\n',
    '\ufeffFile;Time;Y1;X1;X2;Y2\r\n"a b.mp4";1,5;0,25;0;0,5;1\r\n;;;;;\r\n',
    'video_id\ttimestamp\tx1\ty1\tx2\ty2\t\na b.mp4\t1.5\t0\t0.25\t0.5\t1\t\n',
    '\nx1, y1, x2, y2, file, middle frame timestamp\n'
    '0, .25, .5, 1, a b.mp4, 1.5\n',
  ],
)
def test_all_notations_say_the_same(tmp_path, text):
  table, problems = read(tmp_path, text), Problems('t.csv')
  assert [*table.columns['file']] == ['a b.mp4']
  assert table.convert_numbers('time', problems).tolist() == [1.5]
  boxes = box_tables.convert_boxes(table, problems)
  assert boxes.tolist() == [[0, 0.25, 0.5, 1]]
  problems.check()


def test_lines_are_those_of_the_file(tmp_path):
  table = read(tmp_path, 'file,time,x1,y1,x2,y2\n\na,1,0,0,1,1\n\nb,1,0,0,1,1')
  assert table.lines == [3, 5]


def test_columns_that_are_not_asked_for_are_named(tmp_path):
  text = 'file,time,x1,y1,x2,y2,remark\na,1,0,0,1,1,hm\n'
  table = read(tmp_path, text, ['person'])
  assert table.unused == ('remark',) and [*table.columns['person']] == ['']


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    ('a,1,0,0,1\nb,1,0,0,1,1\nc,1,0,0,1,1,2', '2 bad lines; line 1: 5 fields'),
    ('file,x1,y1,x2,y2\n', "has no column 'time', only file, x1"),
    ('file,time,file,x1,y1,x2,y2\n', "two columns 'file': drop one"),
    ('a,1,0,0,"1\n', 'line 1: not csv'),
    ('a\0', 'is not text'),
  ],
)
def test_what_is_no_such_table_is_refused(tmp_path, text, error):
  with pytest.raises(UserError, match=error):
    read(tmp_path, text)


def test_a_header_can_be_required(tmp_path):
  with pytest.raises(UserError, match=r'first line: file,time,x1,y1,x2,y2$'):
    read(tmp_path, 'a,1,0,0,1,1\n', header=True)


def test_all_problems_are_one_error_with_ten_lines():
  problems = Problems('t.csv')
  for line in range(12, 0, -1):
    problems.add(line, f'wrong {line}')
  problems.add(3, 'wrong again')
  with pytest.raises(UserError) as raised:
    problems.check()
  said = str(raised.value)
  assert said.startswith('t.csv has 12 bad lines; line 1: wrong 1; line 2: ')
  assert said.endswith('line 10: wrong 10; and 2 more; correct or drop them')
  assert 'line 3: wrong 3, wrong again; line 4' in said
  assert len(raised.value.rows) == 12


NAN = float('nan')


@pytest.mark.parametrize(
  ('box', 'error'),
  [
    ((0.3, 0, 0.1, 1), 'x1 0.3 is right of x2 0.1; swapped?'),
    ((0, 0.3, 1, 0.1), 'y1 0.3 is below y2 0.1; swapped?'),
    ((0, 0.5, 1, 0.5), 'the box 0, 0.5, 1, 0.5 has no area'),
    ((0, 0, 1.2, 1), 'x2 is outside the frame, at 1.2 of its size;'),
    ((0, 0, 120, 80), 'at 120 of its size, so in pixels?'),
    ((0, 0, NAN, 1), 'not of finite numbers'),
    ((1.0005, 0, 1.0009, 1), 'has no area'),  # once it is clipped
  ],
)
def test_boxes_that_cannot_be_are_problems(box, error):
  problems = Problems('t.csv')
  good = (0.1, 0.2, 0.3, 0.4)
  box_tables.check_boxes(np.array([good, box]), [4, 7], problems)
  with pytest.raises(UserError) as raised:
    problems.check()
  said = str(raised.value)
  assert said.startswith('t.csv has 1 bad line; line 7: ') and error in said


def test_rounding_may_lead_out_of_the_frame():
  problems = Problems('t.csv')
  boxes = np.array([(-0.001, 0, 1.0009, 1)])
  clipped = box_tables.check_boxes(boxes, [1], problems)
  problems.check()
  assert clipped.tolist() == [[0, 0, 1, 1]]


def test_numbers_are_finite():
  assert text_tables.parse_number(' 1e-3 ') == 0.001
  assert text_tables.parse_number('0,5', comma=True) == 0.5
  for text in ('', '1,5', 'inf', 'nan', '0x1'):
    with pytest.raises(UserError):
      text_tables.parse_number(text)
