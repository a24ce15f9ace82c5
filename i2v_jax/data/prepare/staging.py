"""Stages one shard of a data set being prepared, atomically.

A killed `i2v data prepare` resumes from its staged shards.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from i2v_jax.data.loading import workers
from i2v_jax.data.prepare import shards
from i2v_jax.data.sets import prepared
from i2v_jax.data.videos import decode, faults, frame_files, transcode
from i2v_jax.runtime import files

ROWS = 'rows.json'
_LARGEST = 2**31 - 2**16  # bytes; the limit of protocol buffers


class Stored(NamedTuple):
  """A video as it will be stored, and its facts."""

  video: bytes
  info: decode.VideoInfo
  source_bytes: int
  psnr: float | None
  sha256: str


def store(
  path: str,
  recipe: transcode.Recipe | None,
  fps: float = decode.FPS,
  part: tuple[float, float] | None = None,
) -> Stored:
  """Reads a video and decodes it to its end; runs in worker processes.

  Args:
    path: of the video.
    recipe: how it is re-encoded; None stores it unchanged.
    fps: frame rate of a folder of frames, which needs a recipe.
    part: start and end in seconds of the part to store, which needs a recipe;
      None for all.

  Raises:
    FileNotFoundError: there is no such file.
    DecodeError: it is not a video, a frame cannot be decoded, or it is too
      large.
    faults.BugError: an error that no file should cause.
  """
  try:
    with faults.report_bugs(path):
      info, video, psnr = _read(path, recipe, fps, part)
  except MemoryError as error:
    raise decode.DecodeError(f'{path}: {faults.describe(error)}') from error
  if len(video) > _LARGEST:
    problem = f'{path}: {len(video) / 2**30:.1f} GiB are too much for a record'
    raise decode.DecodeError(f'{problem}; cut it, or transcode it')
  digest = hashlib.sha256(video).hexdigest()
  size = _measure_part(path, fps, part)
  return Stored(video, info, size, psnr, digest)


def _measure_part(path: str, fps: float, part) -> int:
  """Measures the bytes of a file, or the share of them that a part has."""
  size = frame_files.stamp(path)['bytes']
  if part is None:
    return size
  share = (part[1] - part[0]) / decode.probe(path, fps).duration
  return round(min(share, 1) * size)


def _read(path: str, recipe, fps: float, part) -> tuple:
  """Reads the facts of a video, its bytes to be stored, and their PSNR."""
  if recipe:
    video, psnr = transcode.encode(path, recipe, fps, part)
    return decode.probe(video), video, psnr
  return transcode.verify(path), pathlib.Path(path).read_bytes(), None


@dataclasses.dataclass(frozen=True)
class Shard:
  """Consecutive videos of a split that are stored in one file.

  Attributes:
    folder: its own folder in the staging area.
    videos: (path, id, label) of each, and start and end if it is a part.
    class_names: in label order.
    recipe: how videos are re-encoded; None stores them unchanged.
    on_bad_video: 'error' or 'skip'.
    fps: frame rate of folders of frames.
  """

  folder: pathlib.Path
  videos: tuple[tuple, ...]
  class_names: tuple[str, ...]
  recipe: transcode.Recipe | None
  on_bad_video: str
  fps: float = decode.FPS

  @property
  def records(self) -> pathlib.Path:
    return self.folder / 'records'

  def is_done(self) -> bool:
    return self.folder.is_dir()

  def read(self) -> tuple[list[prepared.Row], list[prepared.Bad]]:
    """Reads the rows of a finished shard, and its skipped videos.

    Raises:
      DecodeError: a video was skipped, and `on_bad_video` is 'error'.
    """
    found = files.read_json(self.folder / ROWS, ('rows', 'bad'))
    bad = [prepared.Bad(*row) for row in found['bad']]
    if bad and self.on_bad_video == 'error':
      raise decode.DecodeError(_describe_refusal(bad[0].reason))
    return [prepared.Row(*row) for row in found['rows']], bad

  def stage(
    self, pool: workers.Pool, threads: int, advance: Callable = lambda: None
  ) -> None:
    """Stores the videos with a pool of `store` and moves the shard into place.

    Raises:
      DecodeError: a video cannot be read, and `on_bad_video` is 'error'.
    """
    self.folder.parent.mkdir(parents=True, exist_ok=True)
    # Two workers of a cluster may stage the same shard; the first one wins.
    work = tempfile.mkdtemp(prefix='tmp-', dir=self.folder.parent)
    work = pathlib.Path(work)
    try:
      rows, bad = self._write(work, pool, threads, advance)
      files.write_json(work / ROWS, {'rows': rows, 'bad': bad})
      with contextlib.suppress(FileExistsError):
        _rename(work, self.folder)
    finally:
      shutil.rmtree(work, ignore_errors=True)

  def _write(self, work, pool, threads, advance) -> tuple[list, list]:
    rows, bad = [], []
    serialize = shards.make_serializer(self.class_names)
    given = self.recipe, self.fps
    call = lambda video: pool.call(video[0], *given, *video[3:])
    results = _run_in_order(call, self.videos, threads, pool.close)
    with (
      contextlib.closing(shards.open_writer(work / 'records')) as writer,
      contextlib.closing(results),
    ):
      for video, result in zip(self.videos, results, strict=True):
        path, name, label, *_ = video
        try:
          stored = result()
        except (decode.DecodeError, OSError, workers.WorkerError) as error:
          bad.append(self._make_bad(path, name, error))
        else:
          rows.append(_make_row(name, label, stored))
          writer.write(serialize(rows[-1], stored.video))
        advance()
    return rows, bad

  def _make_bad(self, path: str, name: str, error: Exception) -> prepared.Bad:
    reason = str(error)
    if isinstance(error, workers.WorkerError):
      reason = f'{path}: {reason}'
    if self.on_bad_video == 'error':
      raise decode.DecodeError(_describe_refusal(reason)) from error
    return prepared.Bad(name, reason)


def stage_alone(shard: Shard, threads: int, seconds: float) -> None:
  """Stages a shard with its own processes, on a worker of a cluster."""
  if not shard.is_done():
    with workers.Pool(store, threads, seconds) as pool:
      shard.stage(pool, threads)


def _describe_refusal(reason: str) -> str:
  return f"{reason} (to leave such videos out: on_bad_video='skip')"


def _make_row(name: str, label: int, stored: Stored) -> prepared.Row:
  info = stored.info
  return prepared.Row(
    id=name,
    label=label,
    frames=info.frames,
    fps=info.fps,
    height=info.height,
    width=info.width,
    bytes=len(stored.video),
    source_bytes=stored.source_bytes,
    psnr=stored.psnr,
    sha256=stored.sha256,
  )


def _rename(work: pathlib.Path, folder: pathlib.Path) -> None:
  try:
    work.rename(folder)
  except OSError as error:  # its type differs between systems
    if not folder.is_dir():
      raise
    raise FileExistsError(folder) from error


def _run_in_order(
  function: Callable, items: Iterable, threads: int, stop: Callable
) -> Iterator[Callable]:
  """Yields a callable for the result of each item, computing a few ahead.

  `stop` is called before waiting for threads whose results are not needed.
  """
  with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    waiting = collections.deque()
    try:
      for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > 2 * threads:
          yield waiting.popleft().result
      while waiting:
        yield waiting.popleft().result
    except BaseException:
      for call in waiting:
        call.cancel()
      stop()
      raise
