"""How long the examples of a split are, and the frame rate of its videos."""

import functools
import statistics

import numpy as np

from i2v_jax.data.sets.split import Split
from i2v_jax.data.videos import decode, faults

MOST = 25  # videos that are opened
SECONDS = 10.0  # time limit for each


def describe_times(split: Split) -> dict[str, float]:
  """Finds what a run keeps of its training videos.

  Returns:
    `segment_seconds`, the median length of its segments, 0 without any, and
    `training_fps`, the median frame rate of its videos, 0 if unknown.
  """
  segments = split.segments
  length = 0.0 if segments is None else segments.median_seconds
  return {'segment_seconds': length, 'training_fps': find_median_fps(split)}


@functools.lru_cache(maxsize=2)  # every checkpoint asks
def find_median_fps(split: Split) -> float:
  """Finds the median frames per second of up to 25 videos, evenly chosen.

  Videos that cannot be opened do not count; 0 if none can be.
  """
  count = min(len(split), MOST)
  places = np.linspace(0, len(split) - 1, count).round().astype(int)
  rates = [_read_fps(split, place) for place in places.tolist()]
  return statistics.median_low([*filter(None, rates)] or [0.0])


def _read_fps(split: Split, place: int) -> float:
  name = split.paths[place]
  try:
    source = split.video(place)
    with decode.open_video(source, name, SECONDS, split.fps) as video:
      return video.info.fps
  except faults.OF_VIDEO:  # which training reports
    return 0.0
