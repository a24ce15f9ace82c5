"""What is said of videos that are not there."""

import pytest
from files import touch, write

from i2v_jax.data.sets import absent, listing, sources
from i2v_jax.data.sets.look_up import LookUp
from i2v_jax.runtime.errors import UserError


def test_the_first_missing_video_is_described(tmp_path):
  rows = [listing.Row(('v', 'w'), (n,), -1, i) for i, n in enumerate('abcde')]
  listed = listing.Listing((), rows, 'list.csv', official=64)
  said = absent.describe_missing('root', listed, rows[1:], LookUp('root'))
  assert said.startswith(
    "4 of 5 listed videos are not in root ('v/b', 'v/c', 'v/d', ...; the "
    'published split has 64): the first, line 1 of list.csv, is not at root/v/b'
  )
  assert absent.make_id(rows[0]) == 'v/a'


def test_folders_with_other_counts_are_found(tmp_path):
  touch(tmp_path, *(f'clip/img_{n}.jpg' for n in range(3)))
  write(tmp_path, {'val.txt': 'clip 4 0\n'})
  with pytest.raises(UserError, match="'clip' in line 1 has 3, not 4"):
    sources.load_split('list', tmp_path, 'val')
  split = sources.load_split('list', tmp_path, 'val', 'skip')
  assert split.miscounted == (absent.Miscounted('clip', 4, 3, 1),)
