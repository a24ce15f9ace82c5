"""Videos are taken evenly, and labels are those of lists and splits."""

import dataclasses

import pytest
from footage import imagine

from i2v_jax.data.show import picked


def test_a_list_is_read_evenly_from_its_own_folder(tmp_path):
  path = tmp_path / 'train.txt'
  path.write_text(
    ''.join(f'a b/{i}.mp4 {i}\n' for i in range(10)), encoding='utf-8'
  )
  found = picked.list_clips([path, 'own.mp4'], 5)
  wanted = [(str(tmp_path / f'a b/{i}.mp4'), i) for i in (0, 2, 4, 6, 8)]
  assert found == [*wanted, ('own.mp4', None)]
  path.write_text('x.mp4,3\n', encoding='utf-8')
  assert picked.list_clips([path], 5) == [(str(tmp_path / 'x.mp4'), 3)]


def test_a_folder_gives_its_videos_without_labels(tmp_path):
  for name in ('b/2.mp4', 'a/1.webm', 'a/note.md', 'b/3.mkv'):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
  paths = [str(tmp_path / name) for name in ('a/1.webm', 'b/2.mp4', 'b/3.mkv')]
  assert picked.list_clips([tmp_path], 9) == [(path, None) for path in paths]
  assert picked.list_clips([tmp_path], 1) == [(paths[0], None)]


@pytest.mark.parametrize(
  ('text', 'count', 'words'),
  [
    ('', 4, 'holds no videos; add lines'),
    ('x y z\n', 4, r'line 1: .* set the delimiter'),
    ('x.mp4 0\n', 0, 'cannot show 0 videos'),
  ],
)
def test_a_list_that_cannot_be_is_named(tmp_path, text, count, words):
  path = tmp_path / 'train.txt'
  path.write_text(text, encoding='utf-8')
  with pytest.raises(ValueError, match=words):
    picked.list_clips([path], count)


def test_a_split_gives_its_videos_and_labels(broken):
  paths = broken.paths
  found = picked.list_split(broken, 9)
  assert found == [(paths[0], 0), (paths[1], 2), (paths[2], 1)]
  assert picked.list_split(broken, 2) == [found[0], found[1]]
  unlabelled = dataclasses.replace(broken, labels=[0, -1, -1])
  labels = [label for _, label in picked.list_split(unlabelled, 9)]
  assert labels == [0, None, None]


def test_shards_are_not_shown(broken):
  stored = dataclasses.replace(broken, records=(b'', b'', b''))
  with pytest.raises(ValueError, match='in shards are not shown; name videos'):
    picked.list_split(stored, 2)


def test_places_are_spread_from_the_first_on():
  assert picked.spread(10, 4) == [0, 2, 5, 7]
  assert picked.spread(2, 4) == [0, 1]


def test_segments_have_labels_and_times():
  split = imagine({'a': 9.0}, [('a', 0, 1, {1}), ('a', 1.5, 3, {0, 1})])
  one, other = picked.list_split(split, 2)
  assert one[0] == 'a' and one[1].tolist() == [False, True]
  assert one[2:] == (0, 1) and other[2:] == (1.5, 3)
