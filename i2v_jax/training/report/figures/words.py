"""Texts of figures: cleaned, shortened, measured, kept apart."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

SIZE = 11  # of letters, in pixels
LINE = 1.25  # height of a line of text, in letters
# What XML cannot hold, and controls of the direction of text.
_UNFIT = re.compile(
  '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069'
  '\ud800-\udfff\ufffe\uffff]'
)


def clean(text: str) -> str:
  """One line of text that XML can hold; other characters become �."""
  return ' '.join(_UNFIT.sub('\ufffd', str(text)).split())


def shorten(text: str, width: float) -> str:
  """Cuts the middle out of a text that is wider than so many letters."""
  text = clean(text)
  if count_letters(text) <= width:
    return text
  room = width - 1.5
  head = text[: _count_fitting(text, 2 / 3 * room)]
  tail = text[len(text) - _count_fitting(text[::-1], room / 3) :]
  return f'{head.rstrip()}…{tail.lstrip()}'


def _count_fitting(text: str, room: float) -> int:
  """How many characters from the first on are no wider than so many letters."""
  widths = np.cumsum([_count_one(letter) for letter in text])
  return int((widths <= room).sum())


def count_letters(text: str) -> float:
  """About how many Latin letters wide a text is."""
  return float(sum(map(_count_one, text)))


def _count_one(letter: str) -> float:
  if unicodedata.combining(letter):
    return 0
  wide = unicodedata.east_asian_width(letter) in 'WF'
  return 1.8 if wide else 1.5 if letter in 'MW@mw…' else 1


def measure(text: str, size: float = SIZE) -> float:
  """About how wide a text is, in pixels."""
  return count_letters(text) * size * 0.6


def spread(
  wanted: Sequence[float], distance: float, low: float, high: float
) -> np.ndarray:
  """Moves places apart as little as it takes.

  Args:
    wanted: places.
    distance: least distance of any two, less where there is no room for it.
    low, high: where they may be.
  """
  wanted = np.asarray(wanted, float)
  distance = min(distance, (high - low) / max(len(wanted) - 1, 1))
  order = np.argsort(wanted, kind='stable')
  offsets = np.arange(len(wanted)) * distance
  # Least squares under order: pool neighbours that are in each other's way.
  blocks: list[list[float]] = []
  for value in np.clip(wanted, low, high)[order] - offsets:
    blocks.append([value])
    while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
      blocks[-2:] = [blocks[-2] + blocks[-1]]
  level = np.concatenate([[np.mean(b)] * len(b) for b in blocks] or [[]])
  found = np.empty(len(wanted))
  top = high - (offsets[-1] if len(offsets) else 0)
  found[order] = np.clip(level, low, max(low, top)) + offsets
  return found
