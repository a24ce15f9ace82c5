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
    frames = digits.moving(images[0], motion, np.random.default_rng(6))
    name = sheet.words(motion, 16, sheet.BRIGHT)
    name = sheet.column([sheet.empty(SIDE // 2 - 12, 140), name], gap=0)
    rows.append(sheet.row([name, *(sheet.tile(x, SIDE) for x in frames)]))
  return sheet.padded(sheet.column(rows), border=12)


if __name__ == '__main__':
  sheet.write(OUT, draw_motions())
