"""Windows of many videos: in order, whoever reads them, and whatever breaks."""

import itertools
import threading

import numpy as np
import pytest
from cursed import CursedWindows
from encoded import encode
from processes import children

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading import windows
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.loading.window_spans import Sliding
from i2v_jax.data.loading.window_stream import End, Window, read_windows
from i2v_jax.data.loading.windows import WindowReader

SPEC = ClipSpec(2, 32, sampling='uniform')
NOW = Parallelism(0)
SLIDING = Sliding(0.2)


@pytest.fixture(scope='module')
def paths(tmp_path_factory):
  """Videos of 6, 40 and 9 frames, with something else between them."""
  folder = tmp_path_factory.mktemp('clips')
  options = {'g': '5', 'sc_threshold': '0'}
  make = lambda name, count: str(
    encode(folder / name, 'libx264', range(0, 3 * count, 3), options)
  )
  (folder / 'b.mp4').write_text('no video', encoding='utf-8')
  names = [make('a.mp4', 6), str(folder / 'b.mp4'), make('exits.mp4', 40)]
  return [*names, make('c.mp4', 9)]


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
  monkeypatch.setattr(windows, 'MOST_FRAMES', 6)


def read(paths, parallel=NOW, sliding=SLIDING, kind=WindowReader, **more):
  return list(read_windows(paths, kind(SPEC, sliding), parallel, **more))


def sketch(events):
  """What happened, without pixels."""
  return [
    tuple(e[:5]) if isinstance(e, Window) else (e.file, bool(e.error))
    for e in events
  ]


def test_videos_come_in_order_each_with_its_end(paths):
  found = sketch(read(paths))
  ends = [event for event in found if len(event) == 2]
  assert ends == [(0, False), (1, True), (2, False), (3, False)]
  numbers = [event[1] for event in found if event[0] == 2 and len(event) > 2]
  assert numbers == list(range(13))
  assert [e[0] for e in found] == sorted(e[0] for e in found)


@pytest.mark.parametrize(
  'parallel', [Parallelism(1), Parallelism(3), Parallelism(workers=2)], ids=str
)
@pytest.mark.parametrize('sliding', [None, Sliding(0.2)], ids=str)
def test_who_reads_changes_nothing(paths, parallel, sliding):
  before = children()
  wanted, found = (read(paths, p, sliding) for p in (NOW, parallel))
  assert sketch(found) == sketch(wanted) and children() == before
  for one, other in zip(found, wanted, strict=True):
    if isinstance(one, Window):
      np.testing.assert_array_equal(one.views['video'], other.views['video'])


def test_a_crash_costs_its_video_only(paths):
  found = read(paths, Parallelism(workers=1), kind=CursedWindows)
  ends = {event.file: event.error for event in found if isinstance(event, End)}
  assert 'two worker processes died of it: ended with code 3' in ends[2]
  assert ends[2].startswith(paths[2]) and ends[0] == ends[3] == ''


def test_what_is_read_ahead_does_not_grow(paths):
  """Opened videos and blocks, while one video is used and many follow."""
  started, lock = [], threading.Lock()

  class Counting(WindowReader):
    def __call__(self, path, numbers=None):
      with lock:
        started.append(path)
      return super().__call__(path, numbers)

  many = itertools.cycle([paths[2]])
  stream = read_windows(many, Counting(SPEC, Sliding(0.2)), Parallelism(2))
  next(stream)
  stream.close()
  assert len(started) <= 1 + 2 + 3  # the first, opened ones, blocks


def test_all_threads_read_one_long_video(paths):
  names = set()

  class Naming(WindowReader):
    def __call__(self, path, numbers=None):
      names.add(threading.current_thread().name)
      return super().__call__(path, numbers)

  read([paths[2]] * 3, Parallelism(2), kind=Naming)
  assert len(names) == 2


def test_threads_end_when_nobody_reads_on(paths):
  before = set(threading.enumerate())
  stream = read_windows(paths, WindowReader(SPEC), Parallelism(3))
  next(stream)
  stream.close()
  assert set(threading.enumerate()) <= before
