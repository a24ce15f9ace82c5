"""Draws motions.png: one digit in the four motions of the quickstart.

python docs/pictures/motions.py
"""

import pathlib

import numpy as np

from i2v_jax.data.sets import digits
from i2v_jax.data.show import sheet

OUT = pathlib.Path(__file__).with_name('motions.png')
SIDE = 64  # pixels of a frame


def draw_motions() -> np.ndarray:
  """A row per motion: its name and its eight frames; uint8 RGB [H, W, 3]."""
  images, _ = digits.load_images()['train']
  rows = []
  for motion in digits.MOTIONS:
    frames = digits.make_clip(images[0], motion, np.random.default_rng(6))
    name = sheet.draw_words(motion, 16, sheet.BRIGHT)
    above = sheet.make_empty(SIDE // 2 - 12, 140)
    name = sheet.make_column([above, name], gap=0)
    tiles = [sheet.draw_tile(frame, SIDE) for frame in frames]
    rows.append(sheet.make_row([name, *tiles]))
  return sheet.pad(sheet.make_column(rows), border=12)


if __name__ == '__main__':
  sheet.write(OUT, draw_motions())
