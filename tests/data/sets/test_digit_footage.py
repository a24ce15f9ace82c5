"""Hours of digits: what the table says, and what the frames show."""

import csv

import numpy as np

from i2v_jax.data.sets import digit_footage, sources
from i2v_jax.data.sets.digits import FPS
from i2v_jax.data.videos.decode import read_frames


def test_digits_move_when_the_table_says_so_and_only_then(tmp_path):
  root = tmp_path / 'day'
  digit_footage.generate(str(root), 2, 1, minutes=0.7)
  rows = list(csv.DictReader((root / 'segments.csv').open(encoding='utf-8')))
  files = {'train': {0, 1}, 'val': {2}}
  for split, numbers in files.items():
    names = {f'videos/{n:03d}.mp4' for n in numbers}
    assert {row['file'] for row in rows if row['split'] == split} == names
  frames = round(0.7 * 60 * FPS)
  for name in {row['file'] for row in rows}:
    shown = read_frames(root / name, range(frames)).astype(int)
    moved = np.abs(np.diff(shown, axis=0)).max(axis=(1, 2, 3)) > 100
    told = np.zeros(frames - 1, bool)
    for row in rows:
      if row['file'] == name and row['label']:
        start, end = (round(FPS * float(row[x])) for x in ('start', 'end'))
        told[start:end] = True
    assert (moved | ~told).all()
    # Others are cuts between scenes of 8 seconds or more.
    assert np.count_nonzero(moved & ~told) <= 6
  assert not any(row['label'] for row in rows if row['file'][7:10] != '001')


def test_no_frame_tells_a_motion_from_its_opposite():
  places = {}
  for motion in digit_footage.MOTIONS:
    frames = np.zeros((8, 32, 32), np.uint8)
    image = np.full((12, 12), 9, np.uint8)
    digit_footage.Digit(image, (3, 4), motion, 5, (0, 8)).draw(frames)
    places[motion] = sorted(frame.tobytes() for frame in frames)
  assert places['moves right'] == places['moves left']
  assert places['moves up'] == places['moves down'] != places['moves left']


def test_motions_and_digits_can_be_fewer(tmp_path):
  options = dict(minutes=0.5, motions=('moves left', 'moves right'), most=1)
  options |= dict(num_train=2, num_val=2)
  train = sources.load_split(
    'digit_footage', tmp_path / 'x', 'train', **options
  )
  assert train.class_names == ('moves left', 'moves right')
  assert len(train.segments.footage) == 2 and train.targets.sum() == len(train)
