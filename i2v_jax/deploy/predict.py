"""`i2v predict`: class probabilities of videos."""

import dataclasses
import json
import sys

import numpy as np

from i2v_jax.data.clips.clips import ClipSpec
from i2v_jax.data.sets import folders
from i2v_jax.data.videos import faults
from i2v_jax.data.videos.decode import FPS, VideoInfo, open_video
from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime import ranges
from i2v_jax.runtime.console import console, make_encodable, make_table
from i2v_jax.runtime.errors import UserError

BAR = 24  # characters of a probability of 1


def set_views(spec: ClipSpec, views: str | None) -> ClipSpec:
  """Sets test views: `'3x1'` is 3 clips along time and 1 crop of each."""
  if not views:
    return spec
  clips, _, crops = views.partition('x')
  if not (views.isascii() and clips.isdigit() and crops.isdigit()):
    raise UserError(f'--views is CLIPSxCROPS such as 3x1, not {views!r}.')
  options = {'clips': int(clips), 'crops': int(crops)}
  return dataclasses.replace(spec, **options)


def split_windows(info: VideoInfo, seconds: float) -> list[tuple[int, int]]:
  """Splits a video into frame spans of `seconds`, half overlapping."""
  ranges.POSITIVE('--window', seconds)
  frame = info.duration / info.frames
  if seconds < frame:
    raise UserError(
      f'--window is {seconds:g} seconds, less than a frame of this video; give '
      f'{frame:.3g} or more.'
    )
  last = max(info.duration - seconds, 0.0)
  starts = np.append(np.arange(0.0, last, seconds / 2), last)
  first = np.searchsorted(info.times, starts)
  stop = np.searchsorted(info.times, starts + seconds)
  stop[-1] = info.frames  # whatever the rounding of the last start
  spans = zip(first.tolist(), stop.tolist(), strict=True)
  return [span for span in dict.fromkeys(spans) if span[0] < span[1]]


def list_clips(paths) -> list[str]:
  """Lists videos; a folder stands for all videos in and below it, by name.

  A folder of frames is a video. Other files are ignored, and counted on
  stderr.

  Raises:
    UserError: a folder holds no video.
  """
  found = []
  for path in paths:
    videos, left_out = folders.find_videos(path)
    if not videos:
      raise UserError(
        f'{path} holds no video, but {len(left_out)} other files; name a '
        'video, or a folder of videos.'
      )
    if left_out:
      said = f'{path}: {folders.describe_left_out(left_out)}'
      print(said, file=sys.stderr)
    found += videos
  return found


def predict_file(
  trained: Trained, path, spec: ClipSpec, window=None, fps: float = FPS
) -> dict:
  """Predicts one video; returns a JSON object.

  Args:
    trained: the model.
    path: video file, or folder of frames.
    spec: preprocessing and views.
    window: seconds of a window that slides over the video; None for none.
    fps: frames per second of a folder of frames.

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
  with open_video(path, fps=fps) as opened:
    info = opened.info
    spans = split_windows(info, window)
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


def show_prediction(result: dict) -> None:
  """Prints one prediction as a table."""
  columns = ('class', 'probability', '')
  rows = [_make_row(entry) for entry in result['top']]
  if 'windows' in result:
    columns = (*columns, 'seconds')
    rows = [*((*row, 'all') for row in rows), None]
    rows += [
      (*_make_row(window['top'][0]), '{start:.1f}-{end:.1f}'.format(**window))
      for window in result['windows']
    ]
  console.print(make_table(result['file'], columns, rows))


def _make_row(entry: dict) -> tuple[str, str, str]:
  share = entry['probability']
  full, rest = make_encodable('█░', instead='#.')
  length = int(share * BAR)
  return entry['name'], f'{share:.1%}', full * length + rest * (BAR - length)


def predict_all(
  trained: Trained,
  paths,
  *,
  views=None,
  window=None,
  as_json=False,
  fps: float | None = None,
):
  """Predicts every video; one that cannot be read does not stop the others.

  `fps` is the frame rate of folders of frames; None takes that of the model's
  config.

  Returns:
    The number of videos that could not be read; their errors are on stderr.
  """
  if trained.model.num_boxes:
    raise UserError(
      f'{trained.path} classifies boxes, not complete clips; use i2v detect.'
    )
  spec, failed = set_views(trained.spec, views), 0
  if fps is None:
    fps = trained.config['data'].get('fps', FPS)
  for path in paths:
    try:
      result = predict_file(trained, path, spec, window, fps)
    except (ValueError, OSError, MemoryError) as error:
      if isinstance(error, MemoryError):
        error = f'{path}: {faults.describe(error)}'
      print(f'error: {error}', file=sys.stderr)
      failed += 1
      continue
    if as_json:
      print(json.dumps(result), flush=True)
    else:
      show_prediction(result)
  return failed
