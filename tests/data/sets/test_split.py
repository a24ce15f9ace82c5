"""The videos behind key frames: each once, with ids of their own."""

import ava_shaped

from i2v_jax.data.sets import sources, split_facts


def test_a_split_of_videos_lists_itself(digits):
  split = sources.load_split('digits', digits, 'train')
  assert split.list_videos() is split and split.num_videos == len(split)


def test_videos_of_key_frames_are_listed_once(tmp_path):
  root = ava_shaped.make(tmp_path)
  split = sources.load_split('ava', root, 'train')
  videos = split.list_videos()
  assert len(split) == 6 and split.num_videos == len(videos) == 2
  assert videos.ids == tuple(dict.fromkeys(split.video_ids))
  assert videos.paths == tuple(dict.fromkeys(split.paths))
  assert videos.video(0) == split.video(0)


def test_files_of_a_second_are_listed_in_order(tmp_path):
  root = ava_shaped.make(tmp_path, 'seconds')
  (root / 'videos/1j20qq1JyX4/notes.txt').touch()
  split = sources.load_split('ava', root, 'train', movies='seconds')
  names = [f'videos/1j20qq1JyX4/{n}.mp4' for n in range(900, 904)]
  assert split.list_videos().ids[4:] == tuple(names)


def test_boxes_are_counted_per_class(tmp_path):
  root = ava_shaped.make(tmp_path)
  train, val = (sources.load_split('ava', root, s) for s in ('train', 'val'))
  counts = split_facts.count_per_class(train)
  assert counts[[0, 11, 79]].tolist() == [6, 6, 4] and counts.sum() == 16
  assert split_facts.find_untrained(train, val) == []
  assert split_facts.describe_splits(train, val) == []


def test_missing_movies_are_counted_as_movies(tmp_path):
  root = ava_shaped.make(tmp_path)
  (root / 'videos/1j20qq1JyX4.mp4').unlink()
  train, val = (
    sources.load_split('ava', root, s, 'skip') for s in ('train', 'val')
  )
  found = split_facts.describe_splits(train, val)
  assert found[1:] == ['missing of train: 1 of 2 videos']
