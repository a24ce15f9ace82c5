"""`i2v predict`: classes of videos, or what happens when in them."""

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from i2v_jax.data.clips.clips import ClipSpec
from i2v_jax.data.loading.window_spans import Windows
from i2v_jax.deploy.prediction import (
  outputs,
  results,
  tables,
  timeline_formats,
  timeline_rules,
)
from i2v_jax.deploy.prediction.outputs import Job
from i2v_jax.deploy.prediction.reading import make_reading
from i2v_jax.deploy.prediction.results import Prediction
from i2v_jax.deploy.prediction.timeline_bars import show_timeline
from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime.console import console, make_encodable, make_table
from i2v_jax.runtime.errors import UserError

BAR = 24  # characters of a probability of 1
NONE = '(no class)'  # where none of several labels holds


def set_views(spec: ClipSpec, views: str | None) -> ClipSpec:
  """Sets test views: `'3x1'` is 3 clips along time and 1 crop of each."""
  if not views:
    return spec
  clips, _, crops = views.partition('x')
  if not (views.isascii() and clips.isdigit() and crops.isdigit()):
    raise UserError(f'--views is CLIPSxCROPS such as 3x1, not {views!r}.')
  options = {'clips': int(clips), 'crops': int(crops)}
  return dataclasses.replace(spec, **options)


def make_job(
  trained: Trained,
  clips: Sequence[str],
  windows: Windows,
  *,
  top: int | None = None,
  threshold: Mapping[str | None, float] | None = None,
  **options,
) -> Job:
  """Makes the job of predicting classes.

  Args:
    trained: the model.
    clips: paths of the videos.
    windows: that slide over them; None for complete videos.
    top: as in `results.make_choice`.
    threshold: the same.
    **options: of `make_reading`.

  Raises:
    UserError: options that do not go together.
  """
  choose = results.make_choice(trained, top, threshold)
  describe = functools.partial(
    results.make_prediction, choose=choose, windows=windows is not None
  )
  reading = make_reading(trained, windows, **options)
  asked = {'top': top, 'threshold': _to_json(threshold)}
  return Job(trained, clips, reading, describe, tables.CLASSES, asked)


def make_timeline_job(
  trained: Trained,
  clips: Sequence[str],
  *,
  window: float | None = None,
  step: float | None = None,
  threshold: Mapping[str | None, float] | None = None,
  rules: Mapping[str, float] | None = None,
  **options,
) -> Job:
  """Makes the job of finding segments.

  Args:
    trained: the model.
    clips: paths of the videos.
    window: as in `timeline_rules.choose_windows`.
    step: the same.
    threshold: as in `timeline_rules.make_rules`.
    rules: further arguments of it.
    **options: of `make_reading`.

  Raises:
    UserError: options that do not go together.
  """
  windows = timeline_rules.choose_windows(trained, window, step)
  found = timeline_rules.make_rules(trained, threshold, **rules or {})
  describe = functools.partial(
    timeline_rules.describe_timeline, windows=windows, rules=found
  )
  reading = make_reading(trained, windows, **options)
  asked = {'rules': dataclasses.asdict(found)}
  asked['rules']['thresholds'] = found.thresholds.tolist()
  return Job(trained, clips, reading, describe, tables.SEGMENTS, asked)


def run(job: Job, out: str | None, as_json: bool, form: str) -> int:
  """Runs a job; returns the number of bad videos.

  Args:
    job: what to do.
    out: file or folder for the results; None prints them.
    as_json: prints JSON.
    form: ending of the files in a folder.
  """
  if out is None:
    timeline = job.columns is tables.SEGMENTS
    show = show_timeline if timeline else show_prediction
    return outputs.print_results(job, print_json if as_json else show)
  kind = tables.find_kind(out)
  if kind in tables.SUFFIXES:
    return outputs.write_table(job, out)
  if kind in timeline_formats.FORMATS:
    return outputs.write_file(job, out)
  return outputs.write_files(job, out, form)


def check_output(
  out: str, timeline: bool, clips: Sequence[str], form: str
) -> None:
  """Raises UserError unless results of videos can be written there.

  Args:
    out: file or folder.
    timeline: whether the results are timelines.
    clips: paths of the videos.
    form: ending of the files in a folder.
  """
  ones, kind = tuple(timeline_formats.FORMATS), tables.find_kind(out)
  if not timeline:
    tables.check_output(out)
  elif kind in ones and len(clips) > 1:
    raise UserError(
      f'{out} holds one timeline, but there are {len(clips)} videos; give a '
      f'folder as --out, with --format {kind[1:]}.'
    )
  elif kind:
    tables.check_output(out, (*tables.SUFFIXES, *ones))
  else:
    tables.check_parent(out)
    outputs.check_files(out, clips, form)
  if kind in ones:
    tables.check_new(out)


def print_json(result: outputs.Result) -> None:
  """Prints one result as a line of JSON."""
  print(json.dumps(result.to_json()), flush=True)


def show_prediction(result: Prediction) -> None:
  """Prints one prediction as a table."""
  found = result.to_json()
  columns = ('class', 'probability', '')
  rows = [_make_row(entry) for entry in found['top'] or [{'name': NONE}]]
  if 'windows' in found:
    columns = (*columns, 'seconds')
    rows = [*((*row, 'all') for row in rows), None]
    for window in found['windows']:
      best = next(iter(window['top']), {'name': NONE})
      rows.append((*_make_row(best), '{start:.1f}-{end:.1f}'.format(**window)))
  console.print(make_table(result.file, columns, rows))


def _make_row(entry: Mapping[str, Any]) -> tuple[str, str, str]:
  if 'probability' not in entry:
    return entry['name'], '', ''
  share = entry['probability']
  full, rest = make_encodable('█░', instead='#.')
  length = int(share * BAR)
  return entry['name'], f'{share:.1%}', full * length + rest * (BAR - length)


def _to_json(threshold: Mapping[str | None, float] | None):
  """Lists thresholds: one for all classes has no name."""
  return None if threshold is None else [*map(list, threshold.items())]
