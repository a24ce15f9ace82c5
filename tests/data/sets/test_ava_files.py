"""The files of AVA: blanks, order and notation do not matter."""

import numpy as np
import pytest
from files import write

from i2v_jax.data.sets import ava_files
from i2v_jax.runtime.errors import UserError

NAMES = {1: 'bend/bow (at the waist)', 2: 'say "a, {b}"', 3: 'id: 7'}
LISTS = [
  'label {\n  name: "bend/bow (at the waist)"\n  label_id: 1\n'
  '  label_type: PERSON_MOVEMENT\n}\nlabel {\n  name: "say \\"a, {b}\\""\n'
  '  label_id: 2\n}\nlabel {\n  name: "id: 7"\n  label_id: 3\n}\n',
  '# all\n\nitem{ id:1 name:"bend/bow (at the waist)" }\r\n'
  'item\n{\nname : \'say "a, {b}"\'\nid : 2}\n'
  'item {\tid: 3\tname: "id: 7" }',
]


@pytest.mark.parametrize('text', LISTS)
def test_both_notations_of_actions_are_read(tmp_path, text):
  write(tmp_path, {'a.pbtxt': text})
  assert ava_files.read_label_map(tmp_path / 'a.pbtxt') == NAMES


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    ('\nitem { name: "a" }', '1 bad line; line 2: an entry without name or'),
    ('item { id: 1 name: "a" }\nitem { id: 1 name: "b" }', "that of 'a' too"),
    ('item { id: 1 name: "a" }\n{ id: 2 }', 'line 2: { is not part of label {'),
    ('item { id: 1 name: "a }', 'line 1: item is not part of'),
    ('\n', 'lists no action'),
  ],
)
def test_a_damaged_list_is_named_with_its_line(tmp_path, text, error):
  write(tmp_path, {'a.pbtxt': text})
  with pytest.raises(UserError) as raised:
    ava_files.read_label_map(tmp_path / 'a.pbtxt')
  assert error in str(raised.value) and 'a.pbtxt' in str(raised.value)


def test_a_stamp_has_one_name():
  for text in ('902', '0902', ' 902.0', '902.'):
    assert ava_files.parse_stamp(text) == '0902'
  for text in ('', 'x', '-902', '902.5', '899', '1801', '9' * 5000):
    with pytest.raises(UserError):
      ava_files.parse_stamp(text)


def test_rows_are_boxes_with_one_class(tmp_path):
  text = 'm,0902,0.1,0.2,0.3,0.4,3,12\nm,902,0.1,0.2,0.3,0.4,1\nk,0,0,1,1'
  write(tmp_path, {'a.csv': text.rpartition('\n')[0]})
  found = ava_files.read_annotated(tmp_path / 'a.csv', NAMES)
  assert found.rows.keys == (('m', '0902'),) * 2
  assert found.rows.labels.tolist() == [2, 0]
  assert np.array_equal(found.rows.boxes, [[0.1, 0.2, 0.3, 0.4]] * 2)
  assert [*found.persons] == ['12', ''] and found.lines == {'m': 1}


def test_all_that_is_wrong_is_one_error(tmp_path):
  lines = [
    'm,0902,0.1,0.2,0.3,0.4,1,12',
    'm,0902,0.1,0.2,0.3,0.4,4,12',
    'm,902,0.3,0.2,0.1,0.4,1,1',
    'm,1901,0.1,0.2,0.3,0.4,1,1',
    ',0902,0.1,0.2,0.3,0.4,1,1',
    'm,0902,0.1,nan,0.3,0.4,1,1',
  ]
  write(tmp_path, {'a.csv': '\n'.join(lines)})
  with pytest.raises(UserError) as raised:
    ava_files.read_annotated(tmp_path / 'a.csv', NAMES)
  assert str(raised.value) == (
    f"{tmp_path}/a.csv has 5 bad lines; line 2: label '4' is not in the list "
    'of actions; line 3: x1 0.3 is right of x2 0.1; swapped?; line 4: time '
    '1901 is outside the annotated part of a movie, 900 to 1800; line 5: '
    'file is an empty field; line 6: y1 is nan, not a finite number; correct '
    'or drop them'
  )


def test_excluded_stamps(tmp_path):
  write(tmp_path, {'e.csv': 'm,0902\r\nm,903\r\n', 'f.csv': 'm\nm,0902\n'})
  found = ava_files.read_excluded(tmp_path / 'e.csv')
  assert found == {('m', '0902'), ('m', '0903')}
  with pytest.raises(
    UserError, match=r'1 bad line; line 1: .* unlike -5KQ66BB'
  ):
    ava_files.read_excluded(tmp_path / 'f.csv')
