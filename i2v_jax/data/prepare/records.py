"""What the records of a split are: videos, files of segments, or segments."""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from i2v_jax.data.sets import prepared, prepared_csv, prepared_examples, tasks
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.videos import frame_files


def list_videos(split: Split, cut: bool) -> list[tuple]:
  """Lists the videos to store: path, id and label, and the part if cut.

  Files of segments have label -1, and so has a segment.
  """
  if not cut:
    split = split.list_videos()
  found = list(zip(split.paths, split.ids, split.labels.tolist(), strict=True))
  if not cut:
    return found
  spans = map(tuple, split.segments.spans.tolist())
  return [(*one, span) for one, span in zip(found, spans, strict=True)]


def measure_videos(split: Split, cut: bool) -> list[int]:
  """Measures the bytes of the files of `list_videos`, in its order.

  A segment has the share of its file that it has of its duration.
  """
  size = lambda path: frame_files.stamp(path)['bytes']
  if not cut:
    return [size(path) for path in split.list_videos().paths]
  segments = split.segments
  sizes = np.array([size(video.path) for video in segments.footage])
  durations = np.array([video.duration for video in segments.footage])
  rates = (sizes / durations)[segments.video_of]
  lengths = np.diff(segments.spans, axis=1)[:, 0]
  return (rates * lengths).round().astype(int).tolist()


def list_unread(split: Split) -> list[prepared.Bad]:
  """Lists the files of segments that cannot be opened."""
  if split.segments is None:
    return []
  return [prepared.Bad(v.id, v.reason) for v in split.segments.unread]


def split_evenly(
  sizes: Sequence[int], most: float
) -> Iterator[tuple[int, int]]:
  """Yields (start, stop) of runs of sizes whose sum is about `most` each."""
  start, held = 0, 0
  for index, found in enumerate(sizes):
    if held and held + found > most:
      yield start, index
      start, held = index, 0
    held += found
  yield start, len(sizes)


def _join_numbers(target: np.ndarray) -> str:
  return ' '.join(map(str, np.flatnonzero(target)))


def write_examples(
  folder: pathlib.Path, split: str, data: Split, cut: bool
) -> dict[str, Any]:
  """Writes the labels and spans of segments; returns facts for the manifest.

  Splits without segments have their labels with the videos, and no facts.
  """
  if data.segments is None:
    return {}
  labels = map(_join_numbers, data.targets)
  if cut:
    ids, spans = data.ids, [(None, None)] * len(data)
    more = map(_join_numbers, tasks.find_overlapping(data.segments))
  else:
    ids, spans = data.video_ids, data.segments.spans.tolist()
    more = [''] * len(data)
  rows = [
    prepared_examples.Row(video, *span, *both)
    for video, span, *both in zip(ids, spans, labels, more, strict=True)
  ]
  path = prepared_examples.name_file(folder, split)
  return {
    'records': prepared_examples.CUT if cut else prepared_examples.WHOLE,
    'examples': len(rows),
    'examples_sha256': prepared_csv.write(path, prepared_examples.Row, rows),
  }
