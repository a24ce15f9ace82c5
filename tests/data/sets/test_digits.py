"""What a clip of moving digits shows, and that only its order is a label."""

import os

import numpy as np
import pytest

from i2v_jax.data.sets import digits as lib
from i2v_jax.data.sets import sources
from i2v_jax.data.videos import decode
from i2v_jax.runtime.errors import UserError

MOTIONS = list(lib.MOTIONS)


@pytest.fixture(scope='module')
def images():
  return lib.load_images()


@pytest.fixture
def written(monkeypatch):
  """The frames of every clip that is written: `{path: frames}`."""
  clips, write = {}, lib.write_video

  def noted(path, frames, fps):
    clips[path] = frames
    write(path, frames, fps)

  monkeypatch.setattr(lib, 'write_video', noted)
  return clips


def windows(frame):
  """Every place of a frame that is the size of a digit, as bytes."""
  grey = np.ascontiguousarray(frame[..., 0])
  shape = (lib.DIGIT, lib.DIGIT)
  places = np.lib.stride_tricks.sliding_window_view(grey, shape)
  return {place.tobytes() for row in places for place in row}


def files(root):
  return {
    path.relative_to(root): (path.stat().st_mtime_ns, path.read_bytes())
    for path in root.rglob('*.mp4')
  }


def test_motions_differ_in_the_order_of_places_only():
  places = list(lib.MOTIONS.values())
  assert len(places) == len(set(places)) == 4
  assert {tuple(sorted(p)) for p in places} == {tuple(range(8))}


def test_a_bag_of_frames_has_no_label(images):
  image = images['train'][0][7]
  bags, orders = set(), set()
  for motion in MOTIONS:
    clip = lib.make_clip(image, motion, np.random.default_rng(3))
    assert clip.shape == (8, 32, 32, 3) and clip.dtype == np.uint8
    frames = [frame.tobytes() for frame in clip]
    assert len(set(frames)) == 8
    bags.add(tuple(sorted(frames)))
    orders.add(tuple(frames))
  assert len(bags) == 1 and len(orders) == 4


def test_moving_goes_along_a_row_as_its_name_says():
  image = np.full((12, 12), 255, np.uint8)
  columns = lambda clip: clip[..., 0].any(axis=1).argmax(axis=1)
  for seed in range(20):
    rngs = [np.random.default_rng(seed) for _ in range(2)]
    right, left = map(lib.make_clip, [image] * 2, MOTIONS[:2], rngs)
    assert (right.any(axis=(2, 3)) == right[0].any(axis=(1, 2))).all()
    assert (np.diff(columns(right)) == 2).all()
    assert (np.diff(columns(left)) == -2).all()


def test_digits_are_drawn_where_told():
  drawn = np.arange(1, 289, dtype=np.uint16).reshape(2, 12, 12) % 255
  drawn = (drawn + 1).astype(np.uint8)
  frames = lib.render(drawn, np.array([0, 20]), np.array([20, 5]))
  assert frames.shape == (2, 32, 32, 3) and frames.dtype == np.uint8
  wanted = np.zeros((2, 32, 32), np.uint8)
  wanted[0, 20:32, 0:12], wanted[1, 5:17, 20:32] = drawn
  for channel in range(3):
    np.testing.assert_array_equal(frames[..., channel], wanted)


def test_no_image_is_in_both_splits(images):
  mine, held_out = (
    {image.tobytes() for image in images[name][0]} for name in ('train', 'val')
  )
  assert (len(mine), len(held_out)) == (1437, 360)
  assert not mine & held_out
  for pictures, labels in images.values():
    assert pictures.shape == (len(labels), 12, 12)
    assert set(labels) == set(range(10))


def test_clips_show_images_of_their_split_only(tmp_path, images, written):
  lib.generate(str(tmp_path / 'digits'), num_train=8, num_val=8)
  known = {
    split: {image.tobytes() for image in pictures}
    for split, (pictures, _) in images.items()
  }
  assert len(written) == 16
  for path, frames in written.items():
    shown = windows(frames[0])
    split = path.parts[-3]
    (other,) = {'train', 'val'} - {split}
    assert shown & known[split] and not shown & known[other]


def test_a_folder_of_four_balanced_classes_is_written(digits):
  for name, count in (('train', 16), ('val', 12)):
    split = sources.load_split('digits', digits, name)
    assert split.class_names == tuple(sorted(MOTIONS))
    assert np.bincount(split.labels).tolist() == [count // 4] * 4
  assert [path.name for path in digits.parent.iterdir()] == ['digits']


def test_videos_hold_what_was_drawn(tmp_path, written):
  lib.generate(str(tmp_path / 'digits'), num_train=8, num_val=4)
  for path, frames in written.items():
    found = tmp_path / 'digits' / path.parent.parent.name / path.parent.name
    with decode.open_video(found / path.name) as video:
      info = video.info
      error = np.abs(video.read(range(8)).astype(int) - frames)
    assert (info.frames, info.height, info.width) == (8, 32, 32)
    assert (info.fps, info.codec) == (8, 'h264')
    # Grey on black has no colour to lose; what is left is rounding to the 219
    # levels of video, and little quantisation at crf 12.
    assert error.mean() < 0.3 and error.max() <= 10


def test_the_same_seed_writes_the_same_bytes(tmp_path):
  found, rng = [], np.random.default_rng(0)
  for number in range(12):
    # Whatever the encoder allocates shall not find the same rubbish.
    rubbish = [rng.bytes(rng.integers(200000)) for _ in range(50)]
    del rubbish
    root = tmp_path / str(number)
    lib.generate(str(root), num_train=4, num_val=4)
    found.append({path: data for path, (_, data) in files(root).items()})
  different = {p for f in found for p in f if f[p] != found[0][p]}
  assert not different


def test_another_seed_writes_other_clips(tmp_path, written):
  for seed in (0, 1):
    lib.generate(str(tmp_path / str(seed)), num_train=4, num_val=4, seed=seed)
  clips = list(written.values())
  assert len(clips) == 16
  for one, other in zip(clips[:8], clips[8:], strict=True):
    assert (one != other).any()


def test_what_is_there_is_left_alone(tmp_path, written):
  root = tmp_path / 'digits'
  lib.generate(str(root), num_train=4, num_val=4)
  before = files(root)
  written.clear()
  lib.generate(str(root), num_train=8, num_val=8)
  assert files(root) == before and not written


def test_a_slash_at_the_end_changes_nothing(tmp_path):
  root = tmp_path / 'digits'
  lib.generate(f'{root}/', num_train=4, num_val=4)
  assert len(files(root)) == 8
  assert os.listdir(tmp_path) == ['digits']


def test_the_folder_appears_whole_or_not_at_all(tmp_path, monkeypatch):
  root, write = tmp_path / 'digits', lib.write_video

  def full_disk(path, frames, fps):
    if path.name == '00002.mp4':
      raise OSError('no space left')
    write(path, frames, fps)

  monkeypatch.setattr(lib, 'write_video', full_disk)
  with pytest.raises(OSError, match='no space left'):
    lib.generate(str(root), num_train=4, num_val=4)
  assert not root.exists()
  monkeypatch.undo()
  lib.generate(str(root), num_train=4, num_val=4)
  assert len(files(root)) == 8
  assert os.listdir(tmp_path) == ['digits']


def test_a_faster_process_wins(tmp_path, monkeypatch):
  root, write = tmp_path / 'digits', lib.write_video

  def overtaken(path, frames, fps):
    write(path, frames, fps)
    if not root.exists():
      root.mkdir()
      (root / 'theirs').touch()

  monkeypatch.setattr(lib, 'write_video', overtaken)
  lib.generate(str(root), num_train=4, num_val=4)
  assert os.listdir(root) == ['theirs']
  assert os.listdir(tmp_path) == ['digits']


def test_a_file_that_cannot_be_written_is_named(tmp_path):
  frames = np.zeros((2, 32, 32, 3), np.uint8)
  with pytest.raises(UserError, match=r'none.a\.mp4 could not be written \('):
    lib.write_video(tmp_path / 'none' / 'a.mp4', frames, 8)
