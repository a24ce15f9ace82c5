"""Results of many videos, printed or written a video at a time."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from i2v_jax.deploy.prediction import tables, timeline_formats
from i2v_jax.deploy.prediction.journal import Journal, count_begun
from i2v_jax.deploy.prediction.reading import Reading, score_classes
from i2v_jax.deploy.prediction.scoring import Scored
from i2v_jax.params import sha256
from i2v_jax.runtime.console import console, make_progress
from i2v_jax.training import experiment

JOURNAL = 'timelines.jsonl'  # in a folder of subtitles


class Result(Protocol):
  """What is said of a video: a `Prediction` or a `Timeline`."""

  file: str
  error: str

  def to_json(self) -> dict[str, Any]: ...


@dataclasses.dataclass(frozen=True)
class Job:
  """The videos of a command, and what is to be said of each.

  Attributes:
    trained: the model.
    clips: paths of the videos, in the order of the results.
    reading: how they are read.
    describe: makes a result.
    columns: of a table.
    options: JSON facts on which results depend besides.
  """

  trained: Any
  clips: Sequence[str]
  reading: Reading
  describe: Callable[[Scored], Result]
  columns: Mapping[str, str]
  options: Mapping[str, Any]

  def identify(self) -> dict[str, Any]:
    """Collects what results, and their rows of batches, depend on."""
    reader, windows = self.reading.reader, self.reading.reader.windows
    size = self.reading.choose_size(
      self.trained.config['batch_size'], self.trained.mesh, len(self.clips)
    )
    return experiment.to_plain(
      {
        'model': sha256(self.trained.params)[:16],
        'classes': self.trained.class_names,
        'calibration': self.trained.calibration.to_json(),
        'clip': dataclasses.asdict(reader.spec),
        'windows': None if windows is None else windows._asdict(),
        'fps': reader.fps,
        'windows_per_batch': size,
      }
      | dict(self.options)
    )

  def run(self, done: int = 0, row: int = 0) -> Iterator[tuple[Scored, Result]]:
    """Computes the result of each video after the first `done`."""
    total = len(self.clips)
    bar, progress = make_progress(total, 'predict', 'videos', done)
    with bar:
      for scored in score_classes(
        self.trained, self.clips[done:], self.reading, row, progress, total
      ):
        yield scored, self.describe(scored)

  def make(
    self, journal: Journal, encode: Callable[[Result], bytes]
  ) -> Iterator[tuple[Scored, str, bytes]]:
    """Makes what `append_all` adds."""
    for scored, result in self.run(journal.done, journal.row):
      yield scored, result.error, encode(result)


def print_results(job: Job, show: Callable[[Any], None]) -> int:
  """Prints the result of each video; one that is bad does not stop the others.

  Returns:
    The number of bad videos, whose errors are on stderr.
  """
  failed = 0
  for _, result in job.run():
    if result.error:
      report_bad(result.error)
      failed += 1
    else:
      show(result)
  return failed


def write_table(job: Job, out) -> int:
  """Writes results to a file of `tables.SUFFIXES`, or resumes it.

  Returns:
    The number of bad videos, those before an interruption too; the file and
    stderr say why.
  """
  kind = tables.check_output(out)
  path = target = pathlib.Path(out)
  if kind == '.parquet':
    target = path.with_name(path.name + tables.JOURNAL)
    tables.check_new(path, target)
  head = tables.encode_head(job.columns) if kind == '.csv' else b''

  def encode(result: Result) -> bytes:
    found = result.to_json()
    if kind == '.csv':
      return tables.encode_csv(job.columns, tables.list_rows(found))
    return tables.encode_json(found)

  with Journal(target, job.identify(), job.clips, head) as journal:
    append_all(journal, len(job.clips), job.make(journal, encode))
    if kind == '.parquet':
      tables.write_parquet(path, target, job.columns)
      journal.remove()
  _report(path, job, journal)
  return journal.bad


def write_files(job: Job, folder, suffix: str) -> int:
  """Writes timelines to a folder, a file for each video.

  All are in `timelines.jsonl` there too, which says why a video has none; an
  interrupted command resumes with it.

  Returns:
    As `write_table`.

  Raises:
    UserError: a file of another origin is in the way.
  """
  folder = pathlib.Path(folder)
  check_files(folder, job.clips, suffix)
  folder.mkdir(exist_ok=True)
  names = timeline_formats.name_files(job.clips, suffix)
  options = dict(job.options) | {'format': suffix}
  job = dataclasses.replace(job, options=options)
  with Journal(folder / JOURNAL, job.identify(), job.clips) as journal:

    def encode(result: Result) -> bytes:
      if not result.error:
        timeline_formats.write(result, folder / names[journal.done])
      return tables.encode_json(result.to_json())

    append_all(journal, len(job.clips), job.make(journal, encode))
  _report(folder, job, journal)
  return journal.bad


def check_files(folder, clips: Sequence[str], suffix: str) -> None:
  """Raises UserError for a file in a folder that is not of this command.

  That of the video in progress is compared when it is written.
  """
  folder = pathlib.Path(folder)
  begun = count_begun(folder / JOURNAL)
  for name in timeline_formats.name_files(clips, suffix)[begun:]:
    tables.check_new(folder / name)


def write_file(job: Job, path) -> int:
  """Writes the timeline of the only video as `timeline_formats.FORMATS` says.

  Returns:
    1 if the video is bad, which is said on stderr.

  Raises:
    UserError: the file exists.
  """
  path = pathlib.Path(path)
  tables.check_new(path)

  def write(result: Result) -> None:
    timeline_formats.write(result, path)
    console.print(f'written to {path}')

  return print_results(job, write)


def append_all(
  journal: Journal, total: int, made: Iterable[tuple[Scored, str, bytes]]
) -> None:
  """Adds the videos that are not done; prints the errors of all.

  Args:
    journal: of the output.
    total: number of all videos.
    made: of each that is not done what was computed, its error or '', and its
      bytes.
  """
  if journal.done:
    console.print(
      f'{journal.path}: {journal.done:,} of {total:,} videos are done'
    )
    for record in journal.read_records():
      report_bad(record['error'])
  for scored, error, data in made:
    report_bad(error)
    record = {'file': scored.path, 'row': scored.row, 'error': error}
    journal.append(data, record)


def report_bad(error: str) -> None:
  """Prints the error of a bad video to stderr; '' is none."""
  if error:
    print(f'error: {error}', file=sys.stderr)


def _report(path, job: Job, journal: Journal) -> None:
  bad = f', {journal.bad} of them bad' if journal.bad else ''
  console.print(f'{path}: {len(job.clips):,} videos{bad}')
