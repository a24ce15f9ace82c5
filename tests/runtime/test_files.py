"""A file is what it was or what it is to be, and never something between."""

import pytest

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import FileError


def test_a_full_disk_leaves_what_was_there_and_is_told(tmp_path, full_disk):
  path = tmp_path / 'config.json'
  files.write(path, 'old')
  text = r'config\.json could not be written \(.+\); mend the disk and start'
  with pytest.raises(OSError, match=text):
    files.write(path, 'new' * 100)
  assert path.read_text(encoding='utf-8') == 'old'


def test_a_wrong_path_is_to_be_chosen_again(tmp_path):
  (tmp_path / 'file').touch()
  with pytest.raises(OSError, match=r'a\.json could .*; choose another path'):
    files.write(tmp_path / 'file' / 'a.json', 'text')


def test_an_error_that_names_its_file_is_kept(tmp_path):
  inner = FileError('a of b could not be written.')
  with pytest.raises(FileError) as found, files.explain_errors(tmp_path):
    raise inner
  assert found.value is inner


def test_what_was_left_half_written_is_no_obstacle(tmp_path):
  path = tmp_path / 'config.json'
  (tmp_path / 'config.json.new').write_text('killed he', encoding='utf-8')
  files.write(path, 'été')
  assert [found.name for found in tmp_path.iterdir()] == [path.name]
  assert path.read_text(encoding='utf-8') == 'été'
