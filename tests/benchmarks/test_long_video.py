"""The benchmark of spans, with a video of a few seconds."""

import re

import long_video

from i2v_jax.data.videos import decode, index_cache, kept


def test_it_cuts_the_same_frames_and_prints_every_rate(
  tmp_path, monkeypatch, capsys
):
  monkeypatch.setenv('XDG_CACHE_HOME', '')  # set by the benchmark
  monkeypatch.setattr(long_video.time, 'sleep', lambda seconds: None)
  monkeypatch.setattr(long_video, 'PART', 60)
  for name in ('LONG', '_SETTLED'):
    monkeypatch.setattr(index_cache, name, 0)
  text = '--minutes 0.05 --size 64x48 --spans 2 --rounds 1 --gop 10'
  args = long_video.parse(text.split())
  long_video.run(args, tmp_path)
  text = capsys.readouterr().out
  assert all(way in text for way in long_video.WAYS)
  assert re.search(r'index: \d+ bytes', text.replace(',', ''))
  with decode.open_video(tmp_path / 'long.mp4') as video:
    assert video.info.frames == 90
    place = long_video.copy(video, str(tmp_path / 'a.mp4'), 27)
    expected = video.read(range(27, 59))
  first = round(place.start * long_video.FPS)
  found = decode.read_frames(place.path, range(first, first + 32))
  assert first == 7 and (found == expected).all()
  index_cache.forget()
  kept.close_all()
