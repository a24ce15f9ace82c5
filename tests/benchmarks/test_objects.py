"""The motions of the benchmark of objects, and its files in miniature."""

import types

import cv2
import numpy as np
import object_motions
import object_pictures
import objects
import pytest
from object_motions import MOTIONS, PAIRS, REVERSED, make_scene

from i2v_jax.data.sets import sources
from i2v_jax.data.videos import decode

FRAMES = 16


def scenes(motion, count=40):
  """Scenes by seed, and the first track of each kind in them."""
  for seed in range(count):
    scene = make_scene(motion, FRAMES, np.random.default_rng(seed))
    yield scene, types.SimpleNamespace(**{t.what: t for t in scene.tracks})


@pytest.mark.parametrize(('second', 'first'), REVERSED.items())
def test_pairs_are_each_other_reversed(second, first):
  for (a, _), (b, _) in zip(scenes(first, 5), scenes(second, 5), strict=True):
    np.testing.assert_array_equal(a.camera[::-1], b.camera)
    for track, other in zip(a.tracks, b.tracks, strict=True):
      assert track.what == other.what
      for there, back in zip(track[1:], other[1:], strict=True):
        np.testing.assert_array_equal(there[::-1], back)


def test_every_motion_has_a_partner():
  assert len(PAIRS) == 9 and len(set(MOTIONS)) == 18
  assert {*REVERSED, *REVERSED.values(), 'hit', 'pretend to hit'} == {*MOTIONS}


def get_gap(found):
  a, b = found.object, found.other
  return np.hypot(a.x - b.x, a.y - b.y)


# Motion -> what grows from the first frame to the last.
GROWS = {
  'push right': lambda f: f.object.x,
  'lift': lambda f: -f.object.y,
  'drop': lambda f: f.object.y,
  'approach': lambda f: f.object.size,
  'turn clockwise': lambda f: f.object.angle,
  'hide': lambda f: -abs(f.object.x - f.cover.x),
  'cover': lambda f: -abs(f.object.x - f.cover.x),
  'come together': lambda f: -get_gap(f),
}


@pytest.mark.parametrize('motion', GROWS)
def test_a_motion_goes_its_way(motion):
  for _, found in scenes(motion):
    steps = np.diff(GROWS[motion](found))
    assert (steps > -1e-9).all() and steps.sum() > 0.1


def test_what_falls_gets_faster():
  for _, found in scenes('drop'):
    steps = np.diff(found.object.y)
    moving = steps[steps > 1e-9][:-1]  # the last step may end on the ground
    assert (np.diff(moving) > -1e-9).all() and moving[-1] > 3 * moving[0]


def test_a_hand_is_on_the_object_on_either_side():
  sides = set()
  for _, found in scenes('push right'):
    lean = found.hand.x - found.object.x
    np.testing.assert_allclose(lean, lean[0])
    sides.add(np.sign(lean[0]))
  assert sides == {-1, 1}


def test_a_hidden_object_moves_and_a_covered_one_does_not():
  for _, found in scenes('hide', 5):
    assert np.ptp(found.object.x) > 0.2 and np.ptp(found.cover.x) == 0
    assert abs(found.object.x - found.cover.x)[-1] < 1e-9
  for _, found in scenes('cover', 5):
    assert np.ptp(found.object.x) == 0 and np.ptp(found.cover.x) > 0.2
    assert found.cover.size[0] > found.object.size[0]


def test_only_a_real_hit_moves_the_other():
  for _, found in scenes('hit'):
    assert np.ptp(found.other.x) > 0.15
  for _, found in scenes('pretend to hit'):
    assert np.ptp(found.other.x) == 0


def test_a_frame_of_a_hit_looks_like_one_of_a_pretended():
  """Gap, and middle of the two, have the same distribution over frames."""
  facts = []
  for motion in ('hit', 'pretend to hit'):
    found = [f for _, f in scenes(motion, 1500)]
    gap = np.concatenate([get_gap(f) for f in found])
    middle = np.concatenate([(f.object.x + f.other.x) / 2 for f in found])
    facts.append([gap.mean(), gap.std(), middle.mean(), middle.std()])
  np.testing.assert_allclose(*facts, atol=0.01)


@pytest.mark.parametrize('motion', MOTIONS)
def test_things_stay_in_view(motion):
  for scene, _ in scenes(motion):
    for track in scene.tracks:
      if track.what != 'hand':
        assert (np.minimum(track.x, track.y) > 0).all()
        assert (np.maximum(track.x, track.y) < 1).all()
    assert abs(scene.camera).max() < (objects.MARGIN - 1) / 2


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
  """Sprites, each of a grey level of its own, a hand, and a photograph."""
  sprites = tmp_path_factory.mktemp('sprites')
  photographs = tmp_path_factory.mktemp('photographs')
  for i in range(8):
    image = np.zeros((20, 30, 4), np.uint8)
    image[4:16, 5:25] = (20 * i, 20 * i, 20 * i, 255)
    cv2.imwrite(str(sprites / f'object{i}.png'), image)
  cv2.imwrite(str(sprites / 'hand.png'), image)
  rows = np.arange(80, 160, dtype=np.uint8)[:, None, None]
  photograph = np.broadcast_to(rows, (80, 100, 3))
  cv2.imwrite(str(photographs / 'a.png'), photograph)
  return sprites, photographs


def run(folders, root, *more) -> int:
  sprites, photographs = folders
  small = ['--train', '4', '--val', '2', '--size', '32', '--frames', '6']
  given = [str(root), *small, '--motions', 'push left,push right']
  given += ['--sprites', str(sprites), '--photographs', str(photographs)]
  with pytest.raises(SystemExit) as end:
    objects.main([*given, *more])
  return end.value.code


def read(root):
  files = sorted(root.rglob('*.mp4'))
  return {str(f.relative_to(root)): f.read_bytes() for f in files}


@pytest.fixture(scope='module')
def written(folders, tmp_path_factory):
  root = tmp_path_factory.mktemp('data') / 'objects'
  assert run(folders, root) == 0
  return root


def test_it_writes_a_folder_per_motion(written):
  split = sources.load_split('folder', written, 'train')
  assert split.class_names == ('push left', 'push right')
  assert len(split) == 4 and sum(split.labels) == 2
  assert len(sources.load_split('folder', written, 'val')) == 2
  clip = decode.read_frames(split.paths[0], range(6))
  assert clip.shape == (6, 32, 32, 3) and clip[0].std() > 5


def test_the_seed_decides_every_byte(folders, written, tmp_path):
  assert run(folders, tmp_path / 'again') == 0
  assert read(tmp_path / 'again') == read(written)
  assert run(folders, tmp_path / 'other', '--seed', '1') == 0
  assert {*read(tmp_path / 'other').values()}.isdisjoint(read(written).values())


def test_nothing_is_written_over_or_left_behind(
  folders, written, tmp_path, capsys, monkeypatch
):
  before = read(written)
  assert run(folders, written) == 1
  assert 'exists; remove it or name another' in capsys.readouterr().err
  assert read(written) == before

  def fail(*args):
    raise KeyboardInterrupt

  monkeypatch.setattr(objects, 'make_clip', fail)
  assert run(folders, tmp_path / 'broken')
  assert not [*tmp_path.iterdir()]


def test_objects_of_validation_are_not_in_training(folders):
  found = object_pictures.load(*map(str, (folders[0], '', folders[1])), seed=0)
  tones = {
    split: {int(image[64, 64, 0]) for image in images}
    for split, images in found.objects.items()
  }
  assert tones['train'].isdisjoint(tones['val'])
  assert tones['train'] | tones['val'] == {20 * i for i in range(8)}
  assert len(found.hands) == 1


def test_a_turn_is_drawn_clockwise():
  """A thing with a mark at its right side, which a quarter turn puts below."""
  image = np.zeros((object_pictures.SIDE,) * 2 + (4,), np.uint8)
  image[54:74, 100:120] = 255
  angle, still = np.array([0.0, 90.0]), np.full(2, 0.5)
  track = object_motions.Track('object', still, still, np.full(2, 0.8), angle)
  scene = object_motions.Scene((track,), np.zeros((2, 2)))
  background = np.zeros((72, 72, 3), np.float32)
  clip = objects.draw_clip(
    scene, {'object': image}, background, np.random.default_rng(0)
  )
  places = [np.argwhere(frame[..., 0] > 150).mean(0) for frame in clip]
  middle = (clip.shape[1] - 1) / 2
  np.testing.assert_allclose(places[0], (middle, places[1][0]), atol=1)
  assert places[1][0] > middle + 10 and abs(places[1][1] - middle) < 1


def test_what_is_missing_is_said(folders, tmp_path, monkeypatch):
  sprites, photographs = map(str, folders)
  load = lambda *args: object_pictures.load(*args, seed=0)
  with pytest.raises(FileNotFoundError, match='fonts-noto-color-emoji'):
    load('', str(tmp_path / 'none.ttf'), photographs)
  find = object_pictures.importlib.util.find_spec
  without = lambda name: None if name == 'skimage' else find(name)
  monkeypatch.setattr(object_pictures.importlib.util, 'find_spec', without)
  with pytest.raises(ModuleNotFoundError, match='pip install scikit-image'):
    load(sprites, '', '')
  with pytest.raises(FileNotFoundError, match=r'has no \.png or'):
    load(sprites, '', str(tmp_path))
  (tmp_path / 'hand.png').write_bytes(b'no image')
  with pytest.raises(ValueError, match='cannot be read as an image'):
    load(str(tmp_path), '', photographs)
  cv2.imwrite(str(tmp_path / 'hand.png'), np.zeros((9, 9, 3), np.uint8))
  with pytest.raises(ValueError, match='save it with alpha'):
    load(str(tmp_path), '', photographs)
  cv2.imwrite(str(tmp_path / 'hand.png'), np.full((9, 9, 4), 255, np.uint8))
  with pytest.raises(ValueError, match='0 objects and 1 hands'):
    load(str(tmp_path), '', photographs)


def test_motions_may_be_listed_over_several_lines():
  found = objects.parse(['root', '--motions', 'push left,come\n  together'])
  assert found.motions == ('push left', 'come together')
  assert objects.parse(['root']).motions == MOTIONS


@pytest.mark.parametrize(
  ('option', 'value', 'error'),
  [
    ('--motions', 'push rihgt', "did you mean 'push right'?"),
    ('--size', '33', '33 is odd'),
  ],
)
def test_a_wrong_argument_is_named(option, value, error, capsys):
  with pytest.raises(SystemExit, match='2'):
    objects.parse(['root', option, value])
  assert error in capsys.readouterr().err
