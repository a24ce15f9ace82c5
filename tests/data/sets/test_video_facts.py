"""Lengths and sizes of videos, opened once."""

from i2v_jax.data.sets import listing, video_facts
from i2v_jax.data.sets.video_facts import Facts


def test_each_video_is_opened_once(videos):
  rows = {
    name: listing.Row(('',), (name,), -1)
    for name in ('rotated_90.mov', 'corrupted.mp4', 'none.mp4')
  }
  found = video_facts.open_videos(str(videos), rows)
  assert {*found} == {'rotated_90.mov', 'corrupted.mp4'}
  upright = found['rotated_90.mov']
  assert upright.height > upright.width > 0 < upright.end < 100


def test_another_split_does_not_open_a_video_again(videos, monkeypatch):
  paths = [str(videos / 'rotated_90.mov')]
  found = video_facts.open_all(paths, 30.0)
  monkeypatch.setattr(video_facts.decode, 'open_video', None)
  assert video_facts.open_all(paths, 30.0) == found


def test_unread_videos_are_named():
  assert video_facts.describe_unread({'a': Facts(2.0)}) == []
  (note,) = video_facts.describe_unread({'bad': Facts(reason='is empty')})
  assert note.endswith("not checked: 1 ('bad')")
