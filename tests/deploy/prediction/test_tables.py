"""Rows of results, as JSON lines, CSV and Parquet."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from i2v_jax.deploy.prediction import tables

UP = {'name': 'up', 'probability': 0.75}
LEFT = {'name': 'left, or so', 'probability': 0.25}
PLAIN = {'file': 'a\udc80.mp4', 'top': [UP, LEFT]}
BAD = {'file': 'b.mp4', 'error': 'b.mp4: no such video'}
NONE = {'file': 'c.mp4', 'top': []}
WINDOWS = {
  'file': 'd.mp4',
  'top': [UP],
  'windows': [
    {'start': 0.0, 'end': 2.0, 'top': [LEFT]},
    {'start': 1.0, 'end': 3.0, 'top': []},
  ],
}
SEGMENT = {'class': 'up', 'start': 0.0, 'end': 1.5, 'score': 0.5}
TIMELINE = {'file': 'a.mp4', 'duration': 3.0, 'segments': [SEGMENT]}
STILL = {'file': 'b.mp4', 'duration': 3.0, 'segments': []}


def test_every_video_and_window_has_a_row():
  rows = [*tables.list_rows(WINDOWS)]
  assert [row.get('name') for row in rows] == ['up', 'left, or so', None]
  assert [row.get('end') for row in rows] == [None, 2.0, 3.0]
  assert [*tables.list_rows(NONE)] == [{'file': 'c.mp4'}]
  assert [*tables.list_rows(BAD)] == [BAD]
  assert [*tables.list_rows(TIMELINE)] == [{'file': 'a.mp4'} | SEGMENT]
  assert [*tables.list_rows(STILL)] == [{'file': 'b.mp4'}]


def test_csv_has_a_head_and_keeps_bytes_of_names():
  data = tables.encode_head(tables.CLASSES)
  for result in (PLAIN, BAD, WINDOWS):
    data += tables.encode_csv(tables.CLASSES, tables.list_rows(result))
  assert b'a\x80.mp4,' in data
  text = io.StringIO(data.decode(errors='surrogateescape'), newline='')
  rows = [*csv.DictReader(text)]
  assert list(rows[0]) == list(tables.CLASSES)
  assert rows[1]['class'] == 'left, or so' and rows[1]['probability'] == '0.25'
  assert rows[2]['error'] == BAD['error'] and rows[2]['class'] == ''
  assert rows[4]['start'] == '0.0' and len(rows) == 6


@pytest.mark.parametrize('at_once', [1, 10_000])
def test_parquet_has_types(tmp_path, monkeypatch, at_once):
  monkeypatch.setattr(tables, 'AT_ONCE', at_once)
  journal, path = tmp_path / 'j.jsonl', tmp_path / 'out.parquet'
  results = (PLAIN, BAD, NONE, WINDOWS)
  journal.write_bytes(b''.join(map(tables.encode_json, results)))
  tables.write_parquet(path, journal, tables.CLASSES)
  rows = pq.read_table(path).to_pylist()
  assert rows[0]['file'] == 'a\\udc80.mp4'
  assert rows[0]['probability'] == 0.75 and rows[0]['start'] is None
  assert rows[2]['error'] == BAD['error'] and len(rows) == 7
  assert not list(tmp_path.glob('*.new'))


def test_json_lines_are_results():
  assert json.loads(tables.encode_json(PLAIN)) == PLAIN


def test_where_nothing_can_be_written_is_said(tmp_path):
  with pytest.raises(
    ValueError, match=r'end the name in one of \.jsonl, \.csv'
  ):
    tables.check_output(tmp_path / 'a.xlsx')
  assert tables.check_output(tmp_path / 'a.CSV') == '.csv'
  with pytest.raises(ValueError, match='make the folder'):
    tables.check_output(tmp_path / 'none' / 'a.csv')
  path = tmp_path / 'a.parquet'
  path.touch()
  with pytest.raises(ValueError, match='exists; give another --out'):
    tables.check_new(path, tmp_path / 'a.parquet.partial.jsonl')
