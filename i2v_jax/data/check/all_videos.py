"""`i2v data check`: decodes every video of a data set to its end.

No work is repeated: every result is a line of `checked.jsonl`, valid as long as
the file has the same path, size and modification time. `manifest.jsonl`,
`bad.csv` and `findings.csv` are written at the end.
"""

import contextlib
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Any

import i2v_jax
from i2v_jax.data.check import findings, near_duplicates, one_video, report
from i2v_jax.data.check.listed import Listed
from i2v_jax.data.loading import workers
from i2v_jax.data.sets import folders, manifest, sources
from i2v_jax.data.videos import decode
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console, make_progress
from i2v_jax.runtime.errors import FileError, UserError

JOURNAL = 'checked.jsonl'
ALIASES = {'ssv2': 'something_v2'}


def list_paths(paths: Sequence[str]) -> Listed:
  """Lists videos without labels: files, and all videos in folders and below."""
  found, left_out = [], []
  for path in paths:
    inside = folders.find_videos(path)
    if not inside.videos:
      raise UserError(
        f'{path} holds no video: name a video, or a folder of videos'
      )
    found += inside.videos
    left_out += inside.left_out
  labels = [-1] * len(found)
  split = sources.Split(
    tuple(found), labels, (), tuple(found), left_out=tuple(left_out)
  )
  return Listed({'files': split})


def list_source(
  format: str, root: str, options: Mapping[str, Any], splits: Sequence[str] = ()
) -> Listed:
  """Lists the named splits of a data set, by default train and val or test.

  Raises:
    FileNotFoundError: the root or an annotation does not exist.
    UserError: the data set is prepared, an option is unknown, or an annotation
      is invalid.
  """
  format, options = ALIASES.get(format, format), dict(options)
  if format == 'prepared':
    raise UserError(
      f'{root} holds shards that were verified when they were written; check '
      'the videos they were made of, or read them with data.format=prepared.'
    )
  complete = options.pop('on_missing', 'error') == 'error'
  sources.check_options(format, options)
  splits = splits or sources.choose_splits(format)
  read = lambda split: sources.load_split(
    format, root, split, 'skip', **options
  )
  return Listed(
    {split: read(split) for split in dict.fromkeys(splits)},
    format=format,
    root=root,
    options=options,
    complete=complete,
  )


def run(
  listed: Listed,
  out,
  seconds: float = 120,
  count: int = 0,
  vectors: near_duplicates.Vectors | None = None,
) -> bool:
  """Checks all videos, writes the findings into `out`, and prints them.

  Args:
    listed: the videos.
    out: a folder; an interrupted check in it is resumed.
    seconds: time limit for a file.
    count: worker processes; 0 means one per core.
    vectors: of the videos, to find near-duplicates by.

  Returns:
    whether there is no problem.
  """
  out = pathlib.Path(out)
  if out.exists() and not out.is_dir():
    raise FileError(f'{out} is not a folder: choose another --out')
  if vectors:
    near_duplicates.check(vectors, listed)
  out.mkdir(parents=True, exist_ok=True)
  fps = next(iter(listed.splits.values())).fps  # the same for all
  records = check_all(listed.paths, out / JOURNAL, seconds, count, fps)
  found = findings.find(listed, records, vectors)
  report.write(listed, records, found, out)
  report.show(listed, records, found)
  console.print(f'written to {out}')
  return not any(finding.problem for finding in found)


def check_all(
  paths: Mapping[str, str],
  journal: pathlib.Path,
  seconds: float,
  count: int,
  fps: float = decode.FPS,
) -> dict[str, dict]:
  """Checks every video: id -> result of `one_video.check_file`, with a stamp.

  Args:
    paths: id -> path.
    journal: file of the results so far; new ones are appended.
    seconds, count: as in `run`.
    fps: frame rate of folders of frames.
  """
  stamps = {video: _stamp(path, fps) for video, path in paths.items()}
  known = _resume(journal)
  records = {
    video: known[video]
    for video, found in stamps.items()
    if 'bytes' in found and found.items() <= known.get(video, {}).items()
  }
  todo = [video for video in paths if video not in records]
  bar, advance = make_progress(len(paths), 'check', 'videos', len(records))
  checking = contextlib.closing(_run_checks(todo, paths, seconds, count, fps))
  with bar, checking as checked:
    for video, found in checked:
      record = {'id': video} | stamps[video] | found
      records[video] = record
      if 'lost' not in record:  # more time might suffice
        _append_line(journal, record)
      advance()
  return records


def _append_line(journal: pathlib.Path, record: dict) -> None:
  line = json.dumps(record) + '\n'
  with files.explain_errors(journal), journal.open('ab') as file:
    file.write(line.encode())


def _stamp(path: str, fps: float) -> dict[str, Any]:
  """Stamps a video with what identifies its record while it is unchanged."""
  found = {'path': os.path.abspath(path)} | (manifest.stamp(path) or {})
  if decode.is_frame_folder(path):
    found['fps'] = round(fps, 4)
  return found


def _resume(journal: pathlib.Path) -> dict[str, dict]:
  """Reads the results of an interrupted check by the same decoder."""
  header = {'decoder': one_video.DECODER, 'i2v_jax': i2v_jax.__version__}
  lines = list(_read_complete_lines(journal)) if journal.exists() else []
  if not lines or lines[0] != header:
    files.write(journal, json.dumps(header) + '\n')
    return {}
  return {record['id']: record for record in lines[1:] if 'id' in record}


def _read_complete_lines(journal: pathlib.Path) -> Iterator[dict]:
  """Yields the contents of the lines; truncates an unfinished last line."""
  with journal.open('r+b') as file:
    end = 0
    for line in file:
      if not line.endswith(b'\n'):
        file.truncate(end)
        return
      end += len(line)
      try:
        found = json.loads(line)
      except ValueError:  # after a power cut; the file is checked again
        continue
      if isinstance(found, dict):
        yield found


def _run_checks(
  todo: Sequence[str],
  paths: Mapping[str, str],
  seconds: float,
  count: int,
  fps: float,
) -> Iterator[tuple[str, dict]]:
  """Yields (id, result) as they finish."""
  if not todo:
    return
  count = min(count or os.cpu_count() or 1, len(todo))

  def one(video):
    try:
      return video, pool.call(paths[video], fps)
    except workers.WorkerError as error:
      lost = {'ok': False, 'frames': 0, 'frame': None, 'lost': True}
      return video, lost | {'reason': str(error)}

  # The pool closes first and then refuses the calls of waiting threads.
  with (
    futures.ThreadPoolExecutor(count) as threads,
    workers.Pool(one_video.check_file, count, seconds) as pool,
  ):
    yield from _run_unordered(threads, one, todo, 2 * count)


def _run_unordered(
  threads: futures.Executor, function: Callable, items: Iterable, ahead: int
) -> Iterator[Any]:
  waiting = set()
  for item in items:
    waiting.add(threads.submit(function, item))
    if len(waiting) >= ahead:
      done, waiting = futures.wait(waiting, None, futures.FIRST_COMPLETED)
      yield from (future.result() for future in done)
  for future in futures.as_completed(waiting):
    yield future.result()
