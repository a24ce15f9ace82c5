"""What clips of several moving digits show, and what their boxes say."""

import collections
import os

import numpy as np
import pytest

from i2v_jax.data.sets import csv_files, digits
from i2v_jax.data.sets import digit_boxes as lib
from i2v_jax.data.videos import decode

FORM = ('file', 'time', 'x1', 'y1', 'x2', 'y2')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
  root = tmp_path_factory.mktemp('boxes') / 'digits'
  lib.generate(str(root), num_train=16, num_val=8)
  return root


def read(root, name, *more):
  """Rows of a file, and their boxes in pixels."""
  rows = csv_files.read(root / f'{name}.csv', (*FORM, *more))
  edges = [[float(row[name]) * 64 for name in FORM[2:]] for row in rows]
  return rows, np.array(edges)


def by_box(root, split):
  """Labels of each box: `{(file, person): (box, labels)}`."""
  found = collections.defaultdict(lambda: (None, set()))
  for row, box in zip(*read(root, split, 'label', 'person'), strict=True):
    key = row['file'], row['person']
    found[key] = (box.round().astype(int), found[key][1] | {row['label']})
  return found


def decode_frames(path):
  with decode.open_video(path) as video:
    assert (video.info.frames, video.info.fps) == (8, 8)
    return video.read(range(8))


def overlap(box, other):
  low, high = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
  common = np.maximum(high - low, 0).prod()
  areas = (box[2:] - box[:2]).prod() + (other[2:] - other[:2]).prod()
  return common / (areas - common)


def test_frames_inside_a_box_tell_nothing_without_their_order():
  image = np.random.default_rng(0).integers(1, 256, (12, 12), np.uint8)
  bags, orders = set(), set()
  for motion in digits.MOTIONS:
    frames = lib.draw([lib.Moving(image, motion, (10, 20, 38, 34))])
    inside = frames[:, 20:34, 10:38]
    assert not np.delete(frames, range(20, 34), 1).any()
    assert inside.sum() == frames.sum() == 8 * 3 * image.sum(dtype=int)
    shown = [frame.tobytes() for frame in inside]
    bags.add(tuple(sorted(shown)))
    orders.add(tuple(shown))
  assert len(bags) == 1 and len(orders) == 4


def test_a_box_is_its_path_and_a_pixel_around_it():
  image = np.full((12, 12), 255, np.uint8)
  box = lib.place(5, np.random.default_rng(0))
  frames = lib.draw([lib.Moving(image, 'moves left', box)])
  shown = np.argwhere(frames.any(axis=(0, 3)))
  (y1, x1), (y2, x2) = shown.min(axis=0), shown.max(axis=0) + 1
  assert box == (x1 - 1, y1 - 1, x2 + 1, y2 + 1)


def test_places_stay_in_their_cell_and_differ():
  rng = np.random.default_rng(0)
  for cell, (x, y) in enumerate(lib.CELLS):
    places = {lib.place(cell, rng) for _ in range(50)}
    assert len(places) > 5
    for x1, y1, x2, y2 in places:
      assert x <= x1 < x2 <= x + 32 and y <= y1 < y2 <= y + 16
  assert len(set(lib.CELLS)) == 8


def test_three_digits_move_in_the_boxes_and_nothing_elsewhere(root):
  for split, clips in (('train', 16), ('val', 8)):
    files = collections.defaultdict(list)
    for (name, _), (box, labels) in by_box(root, split).items():
      files[name].append((box, labels))
    there = sorted(path.name for path in (root / split).iterdir())
    assert [f'{split}/{name}' for name in there] == sorted(files)
    assert len(files) == clips
    for name, parts in files.items():
      assert len(parts) == 3
      frames = decode_frames(root / name).astype(int)
      assert frames.shape == (8, 64, 64, 3)
      for (x1, y1, x2, y2), labels in parts:
        check_motion(frames[:, y1:y2, x1:x2, 0], labels)
        frames[:, y1:y2, x1:x2] = 0
      assert frames.max() < 40  # what compression leaves around a digit


def check_motion(inside, labels):
  """Raises unless a digit moves through its box as its labels say."""
  columns = inside.sum(axis=1) @ np.arange(28) / inside.sum(axis=(1, 2))
  moved = np.diff(columns) / digits.STEP
  (motion,) = (
    name
    for name, places in digits.MOTIONS.items()
    if np.abs(moved - np.diff(places)).max() < 0.3
  )
  assert labels == {*lib.LABELS[motion]}


def test_motions_are_balanced(root):
  for split, count in (('train', 12), ('val', 6)):
    labels = [labels for _, labels in by_box(root, split).values()]
    found = collections.Counter(label for both in labels for label in both)
    one_way = dict.fromkeys(['moves right', 'moves left'], count)
    assert found == one_way | {'passes': 2 * count, 'returns': 2 * count}


def test_digits_of_val_are_not_in_train(tmp_path, monkeypatch):
  clips, draw = [], lib.draw

  def noted(parts):
    clips.append({part.image.tobytes() for part in parts})
    return draw(parts)

  monkeypatch.setattr(lib, 'draw', noted)
  lib.generate(str(tmp_path / 'digits'), num_train=6, num_val=6)
  images = digits.load_images()
  for split, shown in (('train', clips[:6]), ('val', clips[6:])):
    seen = set.union(*shown)
    assert len(seen) > 10
    assert seen <= {image.tobytes() for image in images[split][0]}


def test_the_key_frame_is_the_fifth(root):
  rows, _ = read(root, 'val', 'label', 'person')
  assert {float(row['time']) * digits.FPS for row in rows} == {4}


def test_proposals_are_the_boxes_and_one_on_an_empty_cell(root):
  assert not (root / 'train_proposals.csv').exists()
  rows, boxes = read(root, 'val_proposals', 'score')
  true = collections.defaultdict(list)
  for (name, _), (box, _) in by_box(root, 'val').items():
    true[name].append(box)
  assert len(rows) == 8 * 4 and {row['file'] for row in rows} == set(true)
  assert {row['time'] for row in rows} == {'0.5'}
  assert (boxes >= 0).all() and (boxes <= 64).all()
  for i, row in enumerate(rows):
    most = max(overlap(box, boxes[i]) for box in true[row['file']])
    assert most < 0.3 if i % 4 == 3 else most > 0.3


def test_nearly_all_proposals_hit_and_scores_help_but_do_not_decide():
  rng, box = np.random.default_rng(0), (18, 17, 46, 31)
  found = np.array([lib.propose([box, box], rng) for _ in range(2000)])
  hits = [overlap(np.array(box), row[:4] * 64) > 0.5 for row in found[:, 0]]
  assert 0.98 < np.mean(hits) < 1
  assert (found[..., 2:4] > found[..., :2]).all()
  true, false = found[:, 0, 4], found[:, 1, 4]
  assert ((found[..., 4] >= 0) & (found[..., 4] <= 1)).all()
  assert 0.8 < (true > false).mean() < 0.98


def test_the_same_seed_writes_the_same_and_another_others(tmp_path):
  contents = []
  for number, seed in enumerate((3, 3, 4)):
    root = tmp_path / str(number)
    lib.generate(str(root), num_train=2, num_val=1, seed=seed)
    files = sorted(path for path in root.rglob('*') if path.is_file())
    contents.append({p.relative_to(root): p.read_bytes() for p in files})
  assert len(contents[0]) == 6
  assert contents[0] == contents[1]
  assert all(contents[2][path] != contents[0][path] for path in contents[0])


def test_the_folder_appears_whole_or_not_at_all(tmp_path, monkeypatch):
  root, write = tmp_path / 'digits', csv_files.write

  def full_disk(path, columns, rows):
    if path.name == 'val_proposals.csv':
      raise OSError('no space left')
    write(path, columns, rows)

  monkeypatch.setattr(csv_files, 'write', full_disk)
  with pytest.raises(OSError, match='no space left'):
    lib.generate(str(root), num_train=1, num_val=1)
  assert not os.listdir(tmp_path)
  monkeypatch.undo()
  lib.generate(f'{root}/', num_train=1, num_val=1)
  assert os.listdir(tmp_path) == ['digits']
  before = (root / 'val.csv').read_bytes()
  lib.generate(str(root), num_train=1, num_val=1, seed=1)
  assert (root / 'val.csv').read_bytes() == before
