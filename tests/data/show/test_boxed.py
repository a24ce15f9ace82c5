"""A sheet of key frames shows the boxes that training and evaluation get."""

import boxed as films
import cv2
import numpy as np
import pytest

from i2v_jax.cli import parser
from i2v_jax.data.clips import clips
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.show import boxed, sheet
from i2v_jax.runtime import errors
from i2v_jax.training import experiment

CONFIG = """
from configs import finetune_folder


def get_config(arg=''):
  c = finetune_folder.get_config('smoke')
  c.clip.sampling, c.clip.randaugment = 'key_frame', 'off'
  c.clip.flip_labels, c.views.crops = False, 1
  c.model.detection = dict(boxes=2)
  return c
"""


def make_spec(**changes):
  options = dict(num_frames=4, image_size=32, stride=2, short_side=40)
  return ClipSpec(**options | dict(sampling='key_frame', boxes=3) | changes)


@pytest.fixture(scope='module')
def split(tmp_path_factory):
  """Key frames with two boxes and with none."""
  film = films.write_film(tmp_path_factory.mktemp('films') / 'film.mp4')
  two = films.make_shares([films.BOX, (0, 0, 64, 96)])
  labels = [np.array([[1, 1, 0], [0, 0, 1]]) > 0, np.zeros((0, 3), bool)]
  return films.make_split([film, film], [0.5, 1.0], [two, two[:0]], labels)


def test_draws_are_training_clips(split):
  spec = make_spec(
    flip_map={1: 2, 2: 1},
    hsv_jitter=(10, 26, 26),
    box_jitter=(0.2, 0.1, 0.1, 0.05),
  )
  loader, mirrored = Loader(split, spec), []
  found = [*boxed.draw_train_clips(split, spec, 0, (7, 1), 8)]
  for draw, seen in enumerate(found):
    wanted = loader.load_clip(0, np.random.default_rng([7, 1, draw]))
    np.testing.assert_array_equal(seen.video, wanted['video'])
    real = wanted['box_mask'] > 0
    np.testing.assert_array_equal(seen.boxes, wanted['boxes'][real])
    assert seen.title == f'train {draw + 1}' and seen.key == 15
    assert seen.notes[-1] == f'boxes: {real.sum()}'
    if not real.any():
      continue
    mirrored.append(seen.notes[0] == 'mirrored')
    names = set(seen.words)
    plain, other = (
      {'stand, touch left', 'touch right'},
      {
        'stand, touch right',
        'touch left',
      },
    )
    assert names <= (other if mirrored[-1] else plain)
  assert {True, False} == set(mirrored)


def test_the_view_is_that_of_evaluation(split):
  spec = make_spec(test_short_side=40, box_extend=(0.1, 0.05))
  seen = boxed.show_test_view(split, spec, 0)
  wanted = Loader(split, spec).load_views(0)
  np.testing.assert_array_equal(seen.video, wanted['video'][0])
  np.testing.assert_array_equal(seen.boxes, wanted['boxes'][:2])
  assert seen.words == ['stand, touch left', 'touch right']
  assert seen.notes == ['padded', '64 x 48', 'boxes: 2']


def test_proposals_have_scores_instead_of_classes(split):
  one = films.make_shares(films.BOX)
  none = [np.zeros((1, 3), bool)]
  proposals = films.make_split(split.paths[:1], [0.5], [one], none)
  seen = boxed.show_test_view(proposals, make_spec(), 0)
  assert seen.words == ['score 1.00']


def test_boxes_are_drawn_around_what_they_are_around():
  image = np.zeros((48, 64, 3), np.uint8)
  found = boxed.draw_boxes(image, np.float32([[16, 12, 31, 35]]), 256)
  assert found.shape == (192, 256, 3)
  coloured = (found == boxed.COLOURS[0]).all(axis=-1)
  rows, columns = (
    np.flatnonzero(coloured.any(1)),
    np.flatnonzero(coloured.any(0)),
  )
  edges = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
  np.testing.assert_allclose(edges, [64, 48, 128, 144], atol=1)
  assert not coloured[60:130, 90:110].any()  # the inside


def test_boxes_at_the_border_and_of_no_extent_can_be_drawn():
  image = np.zeros((48, 64, 3), np.uint8)
  given = np.float32([[0, 0, 63, 47], [60, 40, 59, 39], [64, 48, 63, 47]] * 9)
  found = boxed.draw_boxes(image, given, 128)
  assert found.shape == (96, 128, 3)
  assert boxed.draw_boxes(image, given[:0], 128).max() == 0


def test_the_sheet_shows_all_clips_and_says_how_they_are_made(
  split, monkeypatch
):
  said, words = [], sheet.draw_words

  def note(text, *args, **options):
    said.append(text)
    return words(text, *args, **options)

  monkeypatch.setattr(sheet, 'draw_words', note)
  spec = make_spec(
    scale_crop=(256 / 224, 1.25),
    hsv_jitter=(10, 26, 26),
    box_jitter=(0.2, 0.1, 0.1, 0.05),
    box_extend=(0.1, 0.05),
  )
  options = dict(draws=2, heading=['a heading'])
  found = boxed.draw_contact_sheet(split, [0, 1], spec, **options)
  assert found.dtype == np.uint8 and found.std() > 10
  assert said[:2] == ['a heading', '4 frames of 32 x 32, key frame, stride 2']
  text = '\n'.join(said)
  for part in (
    'at 1.143 to 1.25 of the size',
    'HSV jitter 10, 26, 26',
    'boxes: up to 3 in training, jitter 0.2, 0.1, 0.1, 0.05;',
    'in testing 10.0% wider and 5.0% higher',
    '0@0.5',
    '1@1',
    'the key frame is 15',
  ):
    assert part in text
  assert said.count('test') == 2 and said.count('train 2') == 2


def test_framesets_are_beside_the_frames_they_show(split, monkeypatch):
  drawn = []

  def note(made, numbers, width):
    drawn.append((made, numbers.tolist()))
    return sheet.make_empty(width, width)

  monkeypatch.setattr(boxed, 'draw_framesets', note)
  more = dict(test_frame='squashed', grid=(2, 2), spatial_frames=2)
  spec = make_spec(**more)
  boxed.draw_contact_sheet(split, [0], spec, draws=1)
  (_, numbers), (made, same) = drawn  # of a training clip, of the view
  assert numbers == same == [11, 13, 15, 17]
  wanted = Loader(split, spec).load_views(0)
  np.testing.assert_array_equal(made, wanted['grid'][0])


def test_a_split_without_boxes_is_refused(broken):
  with pytest.raises(ValueError, match='labels of videos instead of key'):
    boxed.draw_contact_sheet(broken, [0], make_spec())


def run(*arguments):
  args = parser.make_parser().parse_args(['data', 'show', *map(str, arguments)])
  return errors.run_guarded(args.function, args)


def test_the_command_draws_the_data_of_a_config(
  split, tmp_path, monkeypatch, capsys
):
  config, out = tmp_path / 'boxes.py', tmp_path / 'sheet.png'
  config.write_text(CONFIG, encoding='utf-8')
  monkeypatch.setattr(experiment, 'load_split', lambda config, name: split)
  seen, make = [], clips.make_test_boxes

  def note(video, key, shares, spec):
    seen.append((key, len(shares), spec.boxes))
    return make(video, key, shares, spec)

  monkeypatch.setattr(clips, 'make_test_boxes', note)
  options = ('--out', out, '--config', config, '--draws', 1)
  assert run(*options) == 0
  assert seen == [(15, 2, 2), (30, 0, 2)]
  assert cv2.imread(str(out)).shape[1] > 600
  assert run(*options, '--classes', 'x.json') == 1
  assert '--classes names the classes of CLIPs' in capsys.readouterr().err


def test_data_with_labels_is_drawn_too(digits, tmp_path):
  out = tmp_path / 'sheet.png'
  options = ('--out', out, '--config', 'configs/finetune_folder.py:smoke')
  data = ('--set', f'data.root={digits}', '--count', 1, '--draws', 1)
  assert run(*options, *data) == 0
  assert cv2.imread(str(out)).shape[1] > 600
