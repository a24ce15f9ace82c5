"""What is bright in a map of attention, and on its scale."""

import cv2
import numpy as np
import pytest

from i2v_jax.data.show import sheet
from i2v_jax.deploy.attention.drawing import draw_map, draw_scale
from i2v_jax.deploy.attention.rows import Cell


@pytest.mark.parametrize('bright', [0, 255])
def test_attention_is_what_is_bright_on_any_footage(bright):
  """In grey too: a patch without attention is never as bright as one with."""
  frame = np.full((128, 128, 3), bright, np.uint8)
  frame[:, 64:] = 255 - bright
  weights = np.zeros((4, 4), np.float32)
  weights[1, 2] = 0.6
  drawn = draw_map(frame, Cell(0, weights), 0.6)
  grey = cv2.cvtColor(drawn, cv2.COLOR_RGB2GRAY).astype(int)
  middles = grey[16::32, 16::32]
  assert np.unravel_index(middles.argmax(), (4, 4)) == (1, 2)
  others = np.delete(middles.ravel(), 1 * 4 + 2)
  assert middles[1, 2] > others.max() + 60


def test_the_scale_has_a_mark_at_even_attention():
  plain, half = (draw_scale(even).astype(int) for even in (0.0, 0.5))
  marked = np.flatnonzero((half == sheet.BRIGHT).all(axis=(0, 2)))
  assert marked.size == 0  # not in the whole height, so that the ends are seen
  changed = np.flatnonzero((half != plain).any(axis=(0, 2)))
  assert abs(changed.max() - 60) <= 1
  brightness = plain[plain.shape[0] // 2, 4:120].sum(axis=1)
  assert brightness[-1] > brightness[58] > brightness[0]
