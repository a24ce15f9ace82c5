"""Detected boxes in three published forms, and damaged ones."""

import pickle

import numpy as np
import pytest
from files import write

from i2v_jax.data.sets.proposals import read_proposals
from i2v_jax.runtime.errors import UserError

KEYS = (('a', '0902'), ('a', '0902'), ('b,c', '0903'))
BOXES = [[0, 0.25, 0.5, 0.75], [0.25, 0.25, 0.5, 1], [0, 0, 1, 1]]
SCORES = [0.9, 0.1, 1]
SIZE = {'width': 40, 'height': 80}
IMAGES = {
  'images': [
    {'id': 7, 'movie': 'a', 'timestamp': 902} | SIZE,
    {'id': '8', 'movie': 'b,c', 'timestamp': '0903'} | SIZE,
  ]
}
PIXELS = [[0, 20, 20, 40], [10, 20, 10, 60], [0, 0, 40, 80]]
RECORDS = [
  {'bbox': box, 'score': score, 'category_id': 1}
  for box, score in zip(PIXELS, SCORES, strict=True)
]


def write_json(path, identify):
  """Writes the records; `identify` gives fields for a key."""
  pairs = zip(RECORDS, KEYS, strict=True)
  write(path, {'p.json': [r | identify(key) for r, key in pairs]})


def make_csv(path):
  rows = zip(KEYS, BOXES, SCORES, strict=True)
  lines = [
    ','.join(map(str, (f'"{video}"', stamp, *box, score)))
    for (video, stamp), box, score in rows
  ]
  write(path, {'p.csv': '\n'.join(lines)})
  return path / 'p.csv', ''


def make_csv_with_header(path):
  make_csv(path)
  text = (path / 'p.csv').read_text(encoding='utf-8')
  write(path, {'p.csv': f'video_id,timestamp,x1,y1,x2,y2,score\n{text}'})
  return path / 'p.csv', ''


def make_csv_as_published(path):
  make_csv(path)
  text = (path / 'p.csv').read_text(encoding='utf-8')
  lines = [',,'.join(line.rsplit(',', 1)) for line in text.splitlines()]
  write(path, {'p.csv': '\n'.join(lines)})
  return path / 'p.csv', ''


def make_pickle(path):
  rows = np.concatenate([BOXES, np.reshape(SCORES, (3, 1))], 1)
  value = {'a,0902': rows[:2], b'b,c,903': rows[2:], 'a,1000': []}
  (path / 'p.pkl').write_bytes(pickle.dumps(value, 2))
  return path / 'p.pkl', ''


def make_json_with_images(path):
  write(path, {'i.json': IMAGES})
  write_json(path, lambda key: {'image_id': 7 if key[0] == 'a' else '8'})
  return path / 'p.json', path / 'i.json'


def make_json_with_names(path):
  write_json(path, lambda key: {'image_id': ','.join(key)} | SIZE)
  return path / 'p.json', ''


def make_json_with_fields(path):
  name = lambda key: {'image_id': 5, 'movie': key[0], 'timestamp': int(key[1])}
  write_json(path, lambda key: name(key) | SIZE)
  return path / 'p.json', ''


@pytest.mark.parametrize(
  'make',
  [
    make_csv,
    make_csv_with_header,
    make_csv_as_published,
    make_pickle,
    make_json_with_images,
    make_json_with_names,
    make_json_with_fields,
  ],
)
def test_all_forms_say_the_same(tmp_path, make):
  found = read_proposals(*make(tmp_path))
  assert found.keys == KEYS and found.scores.tolist() == SCORES
  assert found.boxes.tolist() == BOXES and found.labels.tolist() == [-1] * 3


def test_a_box_in_pixels_may_end_on_the_next_one(tmp_path):
  record = {'image_id': 'a,902', 'bbox': [-1, 0, 42, 80], 'score': 1} | SIZE
  write(tmp_path, {'p.json': [record]})
  found = read_proposals(tmp_path / 'p.json')
  assert found.boxes.tolist() == [[0, 0, 1, 1]]
  record['bbox'] = [0, 0, 42, 80]
  write(tmp_path, {'p.json': [record]})
  with pytest.raises(
    UserError, match='record 1: x2 is outside the frame, at 1'
  ):
    read_proposals(tmp_path / 'p.json')


GOOD = {'image_id': 'a,902', 'bbox': [0, 0, 4, 4], 'score': 0.5} | SIZE
BAD = [
  (GOOD | {'bbox': [0, 0, 4]}, r'record 2: \[0, 0, 4\] is not 4 numbers'),
  (GOOD | {'score': '1'}, r'record 2: \["1"\] is not 1 number'),
  (GOOD | {'score': 2}, 'record 2: score 2 is not in 0..1'),
  (GOOD | {'width': 0}, 'record 2: is 0 x 80 pixels large'),
  (GOOD | {'bbox': [0, 0, 0, 4]}, 'record 2: .* has no area'),
  (GOOD | {'bbox': [0, 0, -1, 4]}, 'record 2: .*swapped?'),
  (GOOD | {'image_id': 'a,2'}, 'record 2: 2 is outside the annotated part'),
  (GOOD | {'image_id': 9}, "no movie; name .* by the option 'proposals_im"),
  ({'bbox': []}, 'record 2: expected an object with bbox, score'),
]


@pytest.mark.parametrize(('record', 'error'), BAD)
def test_a_bad_record_is_named(tmp_path, record, error):
  write(tmp_path, {'p.json': [GOOD, record]})
  with pytest.raises(UserError, match=error):
    read_proposals(tmp_path / 'p.json')


def test_images_are_those_of_the_file(tmp_path):
  record = {'image_id': 9, 'bbox': [0, 0, 4, 4], 'score': 0.5}
  write(tmp_path, {'p.json': [record], 'i.json': IMAGES})
  with pytest.raises(UserError, match=r'image_id 9 is not in .*i\.json'):
    read_proposals(tmp_path / 'p.json', tmp_path / 'i.json')
  write(tmp_path, {'i.json': []})
  with pytest.raises(UserError, match=r'i\.json has no "images"'):
    read_proposals(tmp_path / 'p.json', tmp_path / 'i.json')


@pytest.mark.parametrize(
  ('value', 'error'),
  [
    ([1], "holds no dict of '<video>,<stamp>' but a list"),
    ({'a': []}, "record 1: 'a' is not '<video>,<stamp>'"),
    ({'a,902': np.ones((2, 4))}, r'record 1: is an array \[2, 4\] instead'),
    ({'a,902': {}}, 'record 1: is no array instead of'),
    ({'a,902': [[0, 0, np.nan, 1, 1]]}, 'record 1: the box 0, 0, nan, 1 is'),
    ({'a,902': [[0, 0, 1, 1, np.nan]]}, 'record 1: score nan is not in 0..1'),
  ],
)
def test_a_pickle_of_something_else_is_refused(tmp_path, value, error):
  (tmp_path / 'p.pkl').write_bytes(pickle.dumps(value))
  with pytest.raises(UserError, match=error):
    read_proposals(tmp_path / 'p.pkl')


def test_images_belong_to_json(tmp_path):
  with pytest.raises(UserError, match=r"is no \.json: drop the option 'propos"):
    read_proposals('p.pkl', 'i.json')
