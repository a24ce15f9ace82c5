"""The report of a run: one page, written into its workdir."""

import pathlib
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import MissingFileError
from i2v_jax.training.report import (
  cases,
  certainty,
  class_table,
  confusions,
  costs,
  lengths,
  methods,
  progress,
  quality,
  sweep_page,
  timelines,
  trained_on,
)
from i2v_jax.training.report.evaluations import Evaluation, read_evaluations
from i2v_jax.training.report.figures.confusion import draw_confusion
from i2v_jax.training.report.frames import Footage, find_footage
from i2v_jax.training.report.render import render
from i2v_jax.training.report.run_files import RunFiles, read_run_files

FILE = 'report.html'
DRAWN = 40  # classes of a confusion matrix that is drawn
PAIRS = 10, 40  # shown next to a matrix, and without one


def make_report(workdir: files.Path, root: str = '') -> str:
  """Makes the page of a run or a sweep: HTML that needs no other file.

  Args:
    workdir: of the run, which may still train, or of the sweep.
    root: new place of the data, if it has moved.

  Raises:
    FileNotFoundError: the folder holds no run.
  """
  workdir = pathlib.Path(workdir)
  if is_sweep(workdir):
    return sweep_page.make_sweep_report(workdir)
  run = read_run_files(workdir)
  evaluations = read_evaluations(run)
  if not (run.config or run.records or run.beats or evaluations):
    raise MissingFileError(f'{workdir} holds no run, neither past nor present.')
  footage = find_footage(run.config, run.data, root)
  trained = progress.describe(run)
  main = evaluations[0] if evaluations else None
  return render(
    'report.html',
    title=workdir.resolve().name,
    notes=run.notes,
    trained_on=trained_on.describe(run),
    progress=trained,
    costs=costs.describe(run),
    quality=quality.describe(evaluations, trained),
    compared=methods.describe_own(run),
    evaluation=main,
    evaluations=evaluations,
    errors=describe_errors(main, run, footage) if main else {},
  )


def is_sweep(workdir: pathlib.Path) -> bool:
  """Whether a folder holds the results of several runs, and is none itself."""
  alone = (workdir / 'config.json').is_file()
  return (workdir / 'results.json').is_file() and not alone


def describe_errors(
  evaluation: Evaluation, run: RunFiles, footage: Footage
) -> dict[str, Any]:
  """Makes the values of the section on mistakes."""
  scores = evaluation.scores
  counts = None if scores is None else confusions.count(scores)
  found = {
    'classes': class_table.describe(evaluation, counts, run.data),
    'matrix': '',
    'pairs': [],
    'cases': None,
    'certainty': None,
    'lengths': '',
    'timelines': timelines.describe(evaluation),
  }
  if counts is not None:
    found |= _describe_confusions(counts, scores.class_names)
  if scores is not None and scores.labelled.any():
    found['cases'] = cases.describe(scores, footage)
    found['certainty'] = certainty.describe(evaluation)
    found['lengths'] = lengths.draw(scores)
  return found


def _describe_confusions(counts, names: list[str]) -> dict[str, Any]:
  few = len(names) <= DRAWN
  pairs = confusions.list_pairs(counts, names, PAIRS[0] if few else PAIRS[1])
  matrix = ''
  if few:
    order = confusions.order_classes(counts)
    ordered = counts[order][:, order]
    matrix = draw_confusion(ordered, [names[k] for k in order])
  return {'matrix': matrix, 'pairs': pairs}


def write_report(
  workdir: files.Path, out: files.Path | None = None, root: str = ''
) -> pathlib.Path:
  """Writes the page of `make_report`; by default into the workdir.

  Returns:
    where it is.

  Raises:
    FileNotFoundError: the folder holds no run.
    OSError: the file cannot be written.
  """
  path = pathlib.Path(out or pathlib.Path(workdir) / FILE)
  files.write(path, make_report(workdir, root))
  return path
