"""`i2v predict`: people's own videos -> named actions."""

import dataclasses
import json
import sys

import numpy as np
from rich.table import Table

from i2v_jax import writers
from i2v_jax.data import faults
from i2v_jax.data.clips import ClipSpec
from i2v_jax.data.decode import VideoInfo, open_video
from i2v_jax.trained import Trained

BAR = 24  # characters of a probability of 1


def with_views(spec: ClipSpec, views: str | None) -> ClipSpec:
  """`'3x1'` -> the spec with 3 clips along time and 1 crop of each."""
  if not views:
    return spec
  clips, _, crops = views.partition('x')
  if not (clips.isdigit() and crops.isdigit()):
    raise ValueError(f'--views is CLIPSxCROPS such as 3x1, not {views!r}.')
  options = {'clips': int(clips), 'crops': int(crops)}
  return dataclasses.replace(spec, **options)


def windows(info: VideoInfo, seconds: float) -> list[tuple[int, int]]:
  """Frame spans of `seconds` each, half overlapping, up to the end."""
  if not seconds > 0:
    raise ValueError(f'--window is a length in seconds, not {seconds}.')
  last = max(info.duration - seconds, 0.0)
  starts = np.append(np.arange(0.0, last, seconds / 2), last)
  first = np.searchsorted(info.times, starts)
  stop = np.searchsorted(info.times, starts + seconds)
  stop[-1] = info.frames  # whatever the rounding of the last start
  spans = zip(first.tolist(), stop.tolist(), strict=True)
  return [span for span in dict.fromkeys(spans) if span[0] < span[1]]


def predict_file(trained: Trained, path, spec: ClipSpec, window=None) -> dict:
  """Prediction for one video as a JSON object.

  Returns:
    `file`; `top`, a list of `{'name', 'probability'}`; with `window` also
    `windows`, each with `start` and `end` in seconds and its own `top`, and
    `top` is of their mean.
  """
  top = lambda p: [
    {'name': name, 'probability': round(value, 6)}
    for name, value in trained.named(p)
  ]
  if window is None:
    found = trained.probabilities(path, spec)
    return {'file': str(path), 'top': top(found)}
  with open_video(path) as opened:
    info = opened.info
    spans = windows(info, window)
    found = [trained.probabilities(opened, spec, span) for span in spans]
  ends = (*info.times, info.duration)
  return {
    'file': str(path),
    'top': top(np.mean(found, axis=0)),
    'windows': [
      {
        'start': round(ends[first], 3),
        'end': round(ends[stop], 3),
        'top': top(probabilities),
      }
      for (first, stop), probabilities in zip(spans, found, strict=True)
    ],
  }


def show(result: dict) -> None:
  """Prints one prediction as a table."""
  table = Table(title=result['file'], title_justify='left', box=None)
  if 'windows' in result:
    table.add_column('seconds', justify='right')
  table.add_column('class')
  table.add_column('probability', justify='right')
  table.add_column('')
  for entry in result['top']:
    row = _row(entry)
    table.add_row(*(['all', *row] if 'windows' in result else row))
  for window in result.get('windows', ()):
    span = f'{window["start"]:.1f}-{window["end"]:.1f}'
    table.add_row(span, *_row(window['top'][0]))
  writers.console.print(table)


def _row(entry: dict) -> tuple[str, str, str]:
  share = entry['probability']
  return entry['name'], f'{share:.1%}', '█' * round(share * BAR)


def predict(trained: Trained, paths, *, views=None, window=None, as_json=False):
  """Predicts every video; one that cannot be read does not stop the others.

  Returns:
    Number of videos that could not be read; their errors are on stderr.
  """
  spec, failed = with_views(trained.spec, views), 0
  for path in paths:
    try:
      result = predict_file(trained, path, spec, window)
    except (ValueError, OSError, MemoryError) as error:
      if isinstance(error, MemoryError):
        error = f'{path}: {faults.reason(error)}'
      print(f'error: {error}', file=sys.stderr)
      failed += 1
      continue
    if as_json:
      print(json.dumps(result), flush=True)
    else:
      show(result)
  return failed
