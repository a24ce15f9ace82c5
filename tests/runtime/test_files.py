"""A file is what it was or what it is to be, and never something between."""

import pytest

from i2v_jax.runtime import files


def test_a_full_disk_leaves_what_was_there_and_is_told(tmp_path, full_disk):
  path = tmp_path / 'config.json'
  files.write(path, 'old')
  text = r'config\.json could not be written \(.+\); mend the disk and start'
  with pytest.raises(OSError, match=text):
    files.write(path, 'new' * 100)
  assert path.read_text(encoding='utf-8') == 'old'


def test_what_was_left_half_written_is_no_obstacle(tmp_path):
  path = tmp_path / 'config.json'
  (tmp_path / 'config.json.new').write_text('killed he', encoding='utf-8')
  files.write(path, 'été')
  assert [found.name for found in tmp_path.iterdir()] == [path.name]
  assert path.read_text(encoding='utf-8') == 'été'
