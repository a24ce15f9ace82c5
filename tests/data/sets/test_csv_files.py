"""Names of any bytes are written to CSV and read back."""

import pytest

from i2v_jax.data.sets import csv_files

LATIN = b'jump/caf\xe9, "b".mp4'


def test_any_name_comes_back(tmp_path):
  names = [LATIN.decode(errors='surrogateescape'), 'two\nlines', 'zoë.mp4', '']
  rows = [(name, f'{name}: bad') for name in names]
  path = tmp_path / 'bad.csv'
  written = csv_files.write(path, ('video', 'reason'), rows)
  assert path.read_bytes() == written
  assert b'"jump/caf\xe9, ""b"".mp4"' in written
  found = csv_files.read(path, ('video', 'reason'))
  assert [tuple(row.values()) for row in found] == rows
  assert [p.name for p in tmp_path.iterdir()] == ['bad.csv']


@pytest.mark.parametrize(
  'text', ['', 'file,reason\na,b\n', 'video,reason\na\n', 'video,reason\na,b,c']
)
def test_a_damaged_file_is_named(tmp_path, text):
  path = tmp_path / 'bad.csv'
  path.write_text(text, encoding='utf-8')
  with pytest.raises(ValueError, match=r'bad\.csv is damaged: .*video, reason'):
    csv_files.read(path, ('video', 'reason'))
