"""Each augmentation is in the picture, and has done something."""

import cv2
import numpy as np

from i2v_jax.cli import parser
from i2v_jax.data.clips import randaugment
from i2v_jax.runtime import errors
from i2v_jax.training import gallery


def test_every_augmentation_changes_the_frame(videos):
  # Faded, so that there is contrast to stretch.
  frame = gallery.read_middle_frame(videos / 'arm_wrestling.mp4') // 2 + 40
  other = gallery.read_middle_frame(videos / 'flipping_pancake.mkv')
  assert frame.shape == other.shape == (224, 224, 3)
  (_, plain), *drawn = gallery.draw_random(frame, 5)
  (_, second), *mixed = gallery.draw_mixed(frame, other, 5)
  operations = dict(gallery.draw_operations(frame))
  np.testing.assert_array_equal(plain, frame)
  np.testing.assert_array_equal(second, other)
  assert operations.keys() == randaugment.OPS.keys()
  pictures = dict(drawn) | dict(mixed) | operations
  assert len(pictures) == len(drawn) + len(mixed) + 14 == 6 + 2 + 14
  for name, picture in pictures.items():
    assert picture.shape == frame.shape and picture.dtype == np.uint8, name
    assert (picture != frame).any(), name
  # What is left of both clips in the mixed ones.
  for name, picture in mixed:
    share = float(name.split()[1].rstrip('%')) / 100
    off = [np.abs(picture.astype(float) - x).mean() for x in (frame, other)]
    apart = np.abs(frame.astype(float) - other).mean()
    assert abs(off[0] / apart - (1 - share)) < 0.1, name
    assert abs(off[1] / apart - share) < 0.1, name


def test_the_command_writes_the_picture(videos, tmp_path):
  out = tmp_path / 'all.jpg'
  clips = [str(videos / 'arm_wrestling.mp4'), str(videos / 'mpeg4.avi')]
  args = parser.make_parser().parse_args(
    ['data', 'gallery', *clips, '--out', str(out)]
  )
  assert errors.run_guarded(args.function, args) == 0
  assert cv2.imread(str(out)).shape[1] > 900
