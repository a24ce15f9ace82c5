"""Which videos a check lists for a data set."""

import shutil

import pytest
from files import write

from i2v_jax.data.check import all_videos
from i2v_jax.runtime.errors import UserError


def test_ssv2_is_something_v2(tmp_path):
  with pytest.raises(FileNotFoundError, match=r'something-something-v2-labels'):
    all_videos.list_source('ssv2', str(tmp_path), {})


def test_splits_are_those_of_the_format(tmp_path, data):
  write(tmp_path, {'dive_test_split1.txt': '1.mov 1\n2.mp4 2\n'})
  shutil.copytree(data / 'train/a', tmp_path / 'videos/dive')
  shutil.copy(data / 'train/b/2.mp4', tmp_path / 'videos/dive')
  listed = all_videos.list_source('hmdb51', str(tmp_path), {'num_classes': 1})
  ids = {name: split.ids for name, split in listed.splits.items()}
  first, second = (f'videos/dive/{name}' for name in ('1.mov', '2.mp4'))
  assert ids == {'train': (first,), 'test': (second,)}
  assert [*all_videos.list_source('folder', data, {}).splits] == [
    'train',
    'val',
  ]


def test_prepared_data_is_refused():
  said = r'^out holds shards that were verified .* data\.format=prepared\.$'
  with pytest.raises(UserError, match=said):
    all_videos.list_source('prepared', 'out', {})


@pytest.mark.parametrize('option', ['split', 'root', 'format'])
def test_arguments_are_no_options(data, option):
  with pytest.raises(UserError, match=f"'folder' has no option '{option}'; it"):
    all_videos.list_source('folder', data, {option: 'train'})
