"""The frame rate of the videos of a split."""

import statistics

import numpy as np

from i2v_jax.data.sets.split import Split
from i2v_jax.data.videos import decode, faults

MOST = 25  # videos that are opened
SECONDS = 10.0  # time limit for each


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
