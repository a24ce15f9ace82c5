"""What a folder or a list names is found, and nothing is left out unsaid."""

import os

import pytest
from files import touch, write

from i2v_jax.data import listing


def test_links_to_folders_are_followed_and_loops_end(tmp_path):
  touch(tmp_path, 'data/a/1.mov', 'data/b/2.mp4', 'elsewhere/3.avi')
  (tmp_path / 'data/b/around').symlink_to(tmp_path / 'data')
  (tmp_path / 'data/c').symlink_to(tmp_path / 'elsewhere')
  found = [*listing.videos(tmp_path / 'data')]
  names = ['a/1.mov', 'b/2.mp4', 'c/3.avi']
  assert found == [str(tmp_path / 'data' / name) for name in names]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
  touch(tmp_path, 'a/1.mov', 'closed/2.mp4')
  scandir, closed = os.scandir, str(tmp_path / 'closed')

  def guarded(path):
    if os.fspath(path) == closed:
      raise PermissionError(13, 'Permission denied', closed)
    return scandir(path)

  monkeypatch.setattr(os, 'scandir', guarded)
  with pytest.raises(OSError, match=r'closed cannot be listed \(Permission'):
    list(listing.videos(tmp_path))


def test_lines_of_a_list_have_labels_or_none(tmp_path):
  text = 'a b.mp4 3\n\nc.webm,-1\nd.mp4\n/x/e 5.mp4 , 6\n'
  write(tmp_path, {'l.csv': text})
  assert [*listing.read_list(tmp_path / 'l.csv')] == [
    (str(tmp_path / 'a b.mp4'), 3),
    (str(tmp_path / 'c.webm'), -1),
    (str(tmp_path / 'd.mp4'), None),
    ('/x/e 5.mp4', 6),
  ]
  with pytest.raises(ValueError, match='line 4: expected `path label`'):
    list(listing.read_list(tmp_path / 'l.csv', labelled=True))
  assert listing.is_list('A.LIST') and not listing.is_list('list.mp4')
