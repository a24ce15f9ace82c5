"""Timelines of files: what is listed above what was found."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from i2v_jax.training.report.evaluations import Evaluation, Scores
from i2v_jax.training.report.figures.timeline import Row, draw_timeline
from i2v_jax.training.report.frames import PART

MOST = 8
Span = tuple[float, float, str]


class Timeline(NamedTuple):
  """A file: its id, its figure, and how much of its time is told rightly."""

  file: str
  svg: str
  agreement: float


def describe(evaluation: Evaluation) -> dict[str, Any]:
  """Makes the values of the section: the files that are told worst."""
  found = evaluation.timeline.get('files', [])
  good = [each for each in found if 'segments' in each]
  listed = list_spans(evaluation.scores)
  made = [_make(each, listed) for each in good]
  made.sort(key=lambda timeline: timeline.agreement)
  return {
    'files': len(found),
    'failed': [each for each in found if each.get('error')],
    'shown': made[:MOST],
  }


def list_spans(scores: Scores | None) -> dict[str, list[Span]]:
  """Lists the labelled spans of each file: id -> (start, end, class)."""
  found: dict[str, list[Span]] = {}
  if scores is None:
    return found
  for row, id in enumerate(scores.ids):
    parts = PART.fullmatch(str(id))
    if parts and parts[2]:
      span = float(parts[2]), float(parts[3])
      mine = found.setdefault(parts[1], [])
      mine += [(*span, name) for name in scores.name_labels(row)]
  return found


def _make(found: dict, listed: dict[str, list[Span]]) -> Timeline:
  path = str(found['file']).replace('\\', '/')
  ids = [id for id in listed if path == id or path.endswith(f'/{id}')]
  file = max(ids, key=len, default=path)
  spans = [(s['start'], s['end'], s['class']) for s in found['segments']]
  mine, seconds = listed.get(file, []), found['duration']
  rows = [Row('listed', mine), Row('found', spans)]
  agreement = measure_agreement(mine, spans)
  return Timeline(file, draw_timeline(seconds, rows), agreement)


def measure_agreement(one: Iterable[Span], two: Iterable[Span]) -> float:
  """Measures time in both by time in either, class by class; 1 for neither."""
  one, two = list(one), list(two)
  both = either = 0.0
  for name in {span[2] for span in (*one, *two)}:
    a, b = (_merge(s for s in spans if s[2] == name) for spans in (one, two))
    common = sum(
      max(min(p[1], q[1]) - max(p[0], q[0]), 0.0) for p in a for q in b
    )
    both += common
    either += sum(end - start for start, end in (*a, *b)) - common
  return both / either if either else 1.0


def _merge(spans: Iterable[Span]) -> list[tuple[float, float]]:
  """Merges spans that overlap."""
  merged: list[tuple[float, float]] = []
  for start, end, _ in sorted(spans):
    if merged and start <= merged[-1][1]:
      merged[-1] = merged[-1][0], max(end, merged[-1][1])
    else:
      merged.append((start, end))
  return merged
