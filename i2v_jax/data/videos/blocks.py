"""Parts of a long list of frames that can be read one after another."""

import numpy as np


def split_blocks(
  video, frames: np.ndarray, least: int = 32, most: int = 256
) -> list[np.ndarray]:
  """Splits frame numbers into blocks, to read each on its own.

  Blocks begin where decoding can start, so that reading them one by one decodes
  no frame twice. Only if that is impossible within `most` numbers, a block
  begins elsewhere, and reading it decodes again what it depends on.

  Args:
    video: opened by `decode.open_video`, or a `Span`.
    frames: integers [n], ascending, each once.
    least: a block gets at least this many, but the last, and one before a group
      that would not fit.
    most: a block gets at most this many.

  Returns:
    Arrays of int64, which together are `frames`.

  Raises:
    ValueError: `frames` do not ascend.
  """
  frames = np.asarray(frames, np.int64)
  if (np.diff(frames) <= 0).any():
    raise ValueError('frames of blocks must ascend')
  starts = video.find_starts(frames)
  free = np.flatnonzero(starts[1:] > frames[:-1]) + 1
  free, cuts = np.append(free, len(frames)), [0]
  while cuts[-1] < len(frames):
    cuts.append(_find_cut(free, cuts[-1], least, most))
  return np.split(frames, cuts[1:-1]) if len(frames) else []


def _find_cut(free: np.ndarray, begin: int, least: int, most: int) -> int:
  """Finds the end of the block that begins at a place of the list."""
  fits = free[(free > begin) & (free <= begin + most)]
  if not len(fits):
    return begin + most
  enough = fits[fits >= begin + least]
  return int(enough[0] if len(enough) else fits[-1])
