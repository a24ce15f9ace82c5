"""`i2v predict`: class probabilities of videos, printed or written."""

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from i2v_jax.data.clips.clips import ClipSpec
from i2v_jax.deploy.prediction import results, tables
from i2v_jax.deploy.prediction.journal import Journal
from i2v_jax.deploy.prediction.reading import Reading, score_classes
from i2v_jax.deploy.prediction.scoring import Scored
from i2v_jax.deploy.trained import Trained
from i2v_jax.params import sha256
from i2v_jax.runtime.console import (
  console,
  make_encodable,
  make_progress,
  make_table,
)
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment

BAR = 24  # characters of a probability of 1
NONE = '(no class)'  # where none of several labels holds

Describe = Callable[[Scored], Mapping[str, Any]]


def set_views(spec: ClipSpec, views: str | None) -> ClipSpec:
  """Sets test views: `'3x1'` is 3 clips along time and 1 crop of each."""
  if not views:
    return spec
  clips, _, crops = views.partition('x')
  if not (views.isascii() and clips.isdigit() and crops.isdigit()):
    raise UserError(f'--views is CLIPSxCROPS such as 3x1, not {views!r}.')
  options = {'clips': int(clips), 'crops': int(crops)}
  return dataclasses.replace(spec, **options)


def describe_with(
  choose: results.Choose, windows: bool
) -> Callable[[Scored], Mapping[str, Any]]:
  """Makes what describes a scored video as JSON."""

  def describe(scored: Scored) -> Mapping[str, Any]:
    return results.make_prediction(scored, choose, windows).to_json()

  return describe


def print_all(
  trained: Trained,
  clips: Sequence[str],
  reading: Reading,
  describe: Describe,
  show: Callable[[Mapping[str, Any]], None],
) -> int:
  """Prints the result of each video; one that is bad does not stop the others.

  Returns:
    The number of bad videos, whose errors are on stderr.
  """
  failed, bar, progress = 0, *make_progress(len(clips), 'predict', 'videos')
  with bar:
    for scored in score_classes(trained, clips, reading, 0, progress):
      found = describe(scored)
      if 'error' in found:
        print(f'error: {found["error"]}', file=sys.stderr)
        failed += 1
      else:
        show(found)
  return failed


def write_all(
  trained: Trained,
  clips: Sequence[str],
  reading: Reading,
  describe: Describe,
  out,
  begun: Mapping[str, Any],
  columns: Mapping[str, str] = tables.CLASSES,
) -> int:
  """Writes the result of each video to a file, and resumes one after a kill.

  Args:
    trained: the model.
    clips: paths of the videos.
    reading: how they are read.
    describe: makes a result.
    out: a file of `tables.SUFFIXES`.
    begun: facts of model and options, see `identify`.
    columns: of a table.

  Returns:
    The number of bad videos, those before a resumption too; they are in the
    file.
  """
  path = tables.check_output(out)
  kind, target = path.suffix.lower(), path
  if kind == '.parquet':
    target = path.with_name(path.name + tables.JOURNAL)
    tables.check_new(path, target)
  head = tables.encode_head(columns) if kind == '.csv' else b''
  with Journal(target, begun, clips, head) as journal:
    for scored in run_journal(trained, clips, reading, journal):
      found = describe(scored)
      data = (
        tables.encode_csv(columns, tables.list_rows(found))
        if kind == '.csv'
        else tables.encode_json(found)
      )
      record = {'file': scored.path, 'row': scored.row}
      journal.append(data, record | {'bad': 'error' in found})
    failed = journal.bad
    if kind == '.parquet':
      tables.write_parquet(path, target, columns)
      journal.remove()
  bad = f', {failed} of them could not be read' if failed else ''
  console.print(f'{path}: {len(clips):,} videos{bad}')
  return failed


def run_journal(
  trained: Trained, clips: Sequence[str], reading: Reading, journal: Journal
) -> Iterator[Scored]:
  """Scores the videos that are not done yet."""
  done = journal.done
  if done:
    console.print(f'{journal.path}: {done:,} of {len(clips):,} are done')
  bar, progress = make_progress(len(clips), 'predict', 'videos', done)
  with bar:
    yield from score_classes(
      trained, clips[done:], reading, journal.row, progress, len(clips)
    )


def identify(trained: Trained, reading: Reading, **options) -> dict[str, Any]:
  """Collects what a result depends on: JSON facts."""
  reader = reading.reader
  return experiment.to_plain(
    {
      'model': sha256(trained.params)[:16],
      'classes': list(trained.class_names),
      'calibration': trained.calibration.to_json(),
      'clip': dataclasses.asdict(reader.spec),
      'windows': reader.windows and dict(reader.windows._asdict()),
      'fps': reader.fps,
    }
    | options
  )


def print_json(result: Mapping[str, Any]) -> None:
  """Prints one result as a line of JSON."""
  print(json.dumps(result), flush=True)


def show_prediction(result: Mapping[str, Any]) -> None:
  """Prints one prediction as a table."""
  columns = ('class', 'probability', '')
  rows = [_make_row(entry) for entry in result['top'] or [_find_best(result)]]
  if 'windows' in result:
    columns = (*columns, 'seconds')
    rows = [*((*row, 'all') for row in rows), None]
    rows += [
      (*_make_row(_find_best(window)), '{start:.1f}-{end:.1f}'.format(**window))
      for window in result['windows']
    ]
  console.print(make_table(result['file'], columns, rows))


def _find_best(result: Mapping[str, Any]) -> Mapping[str, Any]:
  """Finds the best class of a video or window, or none."""
  return next(iter(result['top']), {'name': NONE})


def _make_row(entry: Mapping[str, Any]) -> tuple[str, str, str]:
  if 'probability' not in entry:
    return entry['name'], '', ''
  share = entry['probability']
  full, rest = make_encodable('█░', instead='#.')
  length = int(share * BAR)
  return entry['name'], f'{share:.1%}', full * length + rest * (BAR - length)
