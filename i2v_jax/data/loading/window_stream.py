"""The windows of many videos, in order, read ahead by threads or processes."""

import collections
import contextlib
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.loading.watch import Watch
from i2v_jax.data.loading.windows import Assembly, Opened, Views, WindowReader
from i2v_jax.data.loading.workers import Pool, WorkerError
from i2v_jax.data.videos.decode import DecodeError


class Window(NamedTuple):
  """A window of a video.

  Attributes:
    file: number of the video in the list.
    number: of the window in the video.
    count: of all its windows.
    start: seconds from the first frame.
    end: the same.
    views: uint8 arrays with a leading axis of views, as `make_test_views`.
  """

  file: int
  number: int
  count: int
  start: float
  end: float
  views: Views


class End(NamedTuple):
  """The end of a video.

  Attributes:
    file: number of the video in the list.
    path: of the video.
    error: why it is bad, so that windows before this one do not count; '' if it
      is not.
  """

  file: int
  path: str
  error: str


def read_windows(
  paths: Iterable[str],
  reader: WindowReader,
  parallel: Parallelism,
  ahead: int = 0,
) -> Iterator[Window | End]:
  """Reads the windows of videos, each video followed by its `End`.

  A video is read in blocks of frames, which threads or worker processes take
  one by one, so that all of them work on one long video too. What is kept does
  not grow with the length of a video or the number of videos.

  Args:
    paths: of the videos.
    reader: what to read of each.
    parallel: threads and workers.
    ahead: videos that are opened before they are needed, besides one for each
      thread or worker.
  """
  watch = Watch(parallel.stall_seconds)
  with _Tasks(reader, parallel, watch) as tasks:
    windows = _read_files(paths, reader, tasks, tasks.at_once + ahead)
    with contextlib.closing(windows):
      yield from watch.watch(windows)


def _read_files(paths, reader, tasks: '_Tasks', ahead: int):
  paths, waiting = enumerate(map(str, paths)), collections.deque()
  while True:
    for number, path in itertools.islice(paths, 1 + ahead - len(waiting)):
      waiting.append((number, path, tasks.submit(path)))
    if not waiting:
      return
    number, path, first = waiting.popleft()
    error = ''
    try:
      yield from _read_file(number, path, first.result(), reader, tasks)
    except DecodeError as bad:
      error = str(bad)
    yield End(number, path, error)


def _read_file(
  file: int, path: str, opened: Opened, reader: WindowReader, tasks: '_Tasks'
) -> Iterator[Window]:
  seconds = opened.seconds.tolist()
  if opened.views is not None:
    yield Window(file, 0, 1, *seconds[0], opened.views)
    return
  assembly, number = Assembly(opened, reader.spec), itertools.count()
  read = tasks.read_blocks(path, opened)
  with contextlib.closing(read):
    for block, frames in read:
      for views in assembly.add(block, frames):
        place = next(number)
        yield Window(file, place, len(seconds), *seconds[place], views)


class _Tasks:
  """Calls of a reader, in threads of this process or in workers."""

  def __init__(self, reader: WindowReader, parallel: Parallelism, watch: Watch):
    self._reader, self._watch = reader, watch
    self._workers = parallel.workers
    self.at_once = parallel.workers or parallel.threads

  def __enter__(self) -> '_Tasks':
    with contextlib.ExitStack() as stack:
      self._call, self._threads = self._reader, None
      if self.at_once:
        self._threads = ThreadPoolExecutor(self.at_once, 'read')
        stack.callback(self._threads.shutdown, cancel_futures=True)
      if self._workers:  # closed first, which ends calls that are under way
        # The reader ends slow calls itself; this limit ends calls that hang.
        seconds = 2 * self._reader.seconds
        pool = Pool(self._reader, self._workers, seconds)
        self._call = stack.enter_context(pool).call
      self._stack = stack.pop_all()
    return self

  def __exit__(self, *_) -> None:
    self._stack.close()

  def submit(self, path: str, *numbers):
    """Starts a call; `result()` of what is returned waits for it."""
    if self._threads is None:
      return _Later(self._work, path, *numbers)
    return self._threads.submit(self._work, path, *numbers)

  def read_blocks(self, path: str, opened: Opened) -> Iterator[tuple]:
    """Yields numbers and frames of each block, some of them read ahead."""
    yield opened.blocks[0], opened.frames
    blocks, waiting = iter(opened.blocks[1:]), collections.deque()
    try:
      while True:
        for block in itertools.islice(blocks, 1 + self.at_once - len(waiting)):
          waiting.append((block, self.submit(path, block)))
        if not waiting:
          return
        block, frames = waiting.popleft()
        yield block, frames.result()
    finally:
      for _, frames in waiting:
        frames.cancel()

  def _work(self, path: str, *numbers):
    try:
      with self._watch.track(path):
        return self._call(path, *numbers)
    except WorkerError as error:
      raise DecodeError(f'{path}: {error}') from error


class _Later:
  """A call that is made when its result is asked for."""

  def __init__(self, function, *arguments):
    self._function, self._arguments = function, arguments

  def result(self):
    return self._function(*self._arguments)

  def cancel(self) -> None:
    """Does nothing: the call was not made."""
