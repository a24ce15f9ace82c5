"""What a sheet shows is what training and evaluation get."""

import cv2
import numpy as np
import pytest

from i2v_jax.cli import parser
from i2v_jax.data.clips import clips
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.show import sheet, show
from i2v_jax.data.videos import decode
from i2v_jax.data.videos.resize import resize
from i2v_jax.runtime import console, errors

SPEC = dict(num_frames=4, image_size=32, stride=3, short_side=40)
GRID = dict(num_frames=8, grid=(2, 2), spatial_frames=4)


def make_spec(**changes):
  return ClipSpec(**(SPEC | changes))


@pytest.fixture
def wrestling(videos):
  return str(videos / 'arm_wrestling.mp4')


@pytest.mark.parametrize('changes', [{}, GRID])
def test_draws_are_training_clips_and_their_frames(wrestling, changes):
  spec = make_spec(**changes, randaugment='after_crop')
  with decode.open_video(wrestling) as video:
    found = list(show.draw_train_clips(video, 3, spec, (7, 1), 3))
    for draw, seen in enumerate(found):
      rng = np.random.default_rng([7, 1, draw])
      wanted, _ = clips.make_train_clip(video, 3, spec, rng)
      assert seen.arrays.keys() == wanted.keys()
      for name, array in wanted.items():
        np.testing.assert_array_equal(seen.arrays[name], array)
      assert seen.title == f'train {draw + 1}'
      assert (np.diff(seen.numbers) == 3).all()
  assert len({seen.numbers[0] for seen in found}) > 1


def test_frame_numbers_are_those_of_the_pixels(wrestling):
  whole = dict(short_side=256, crop_area=(1, 1), crop_aspect=(1, 1), flip=0.0)
  with decode.open_video(wrestling) as video:
    (seen,) = show.draw_train_clips(video, None, make_spec(**whole), (0,), 1)
  frames = decode.read_frames(wrestling, seen.numbers)[:, :, 42:298]
  wanted = resize(frames, 32, 32)  # of the central square
  np.testing.assert_array_equal(seen.arrays['video'], wanted)
  assert seen.notes == []


def test_mirrored_clips_say_so_and_have_the_label_of_the_map(wrestling):
  notes = {}
  for flip in (0.0, 1.0):
    spec = make_spec(flip=flip, flip_map={3: 5, 5: 3})
    with decode.open_video(wrestling) as video:
      notes[flip] = [
        seen.notes
        for label in (3, 4, None)
        for seen in show.draw_train_clips(video, label, spec, (0,), 1)
      ]
  assert notes[0.0] == [['label 3'], ['label 4'], []]
  mirrored = 'mirrored'
  assert notes[1.0] == [
    [mirrored, 'label 5'],
    [mirrored, 'label 4'],
    [mirrored],
  ]


@pytest.mark.parametrize('changes', [{}, GRID])
def test_views_are_those_of_evaluation(wrestling, changes):
  spec = make_spec(clips=2, crops=3, **changes)
  with decode.open_video(wrestling) as video:
    found = list(show.show_test_views(video, spec))
    wanted = clips.make_test_views(video, spec)
  for name, array in wanted.items():
    shown = [seen.arrays[name] for seen in found]
    np.testing.assert_array_equal(shown, array)
  assert found[1].notes == ['clip 2 of 2', 'crop 1 of 3']
  assert found[4].notes == ['clip 1 of 2', 'crop 3 of 3']
  np.testing.assert_array_equal(found[0].numbers, found[2].numbers)
  assert found[0].numbers[0] < found[1].numbers[0]


def test_short_videos_show_the_frames_that_there_are(videos):
  spec = make_spec(sampling='random_stride')
  with decode.open_video(videos / 'rotated_90.mov') as video:
    for seen in show.draw_train_clips(video, 0, spec, (0,), 3):
      assert max(seen.numbers) < video.info.frames


def test_the_sheet_shows_every_frame_and_frameset(wrestling, monkeypatch):
  captions, tile = [], sheet.draw_tile

  def note(image, width, caption):
    captions.append(caption)
    return tile(image, width, caption)

  monkeypatch.setattr(sheet, 'draw_tile', note)
  spec = make_spec(**GRID)
  found = show.draw_contact_sheet([(wrestling, 1)], spec, draws=2)
  assert found.dtype == np.uint8 and found.std() > 20
  assert sum(c.startswith('frame ') for c in captions) == 3 * 4
  assert sum(c.startswith('frameset of ') for c in captions) == 3 * 2


def test_everything_that_is_on_is_described():
  text = ' '.join(show.describe_spec(make_spec()))
  for word in ('jitter', 'lighting', 'RandAugment', 'erasing', 'framesets'):
    assert word not in text
  options = dict(jitter=(0.5, 0.4, 0.3, 0.1), lighting=0.1, erasing=0.25)
  spec = make_spec(randaugment='before_crop', scale_crop=1.5, **options, **GRID)
  text = ' '.join(show.describe_spec(spec))
  for word in (
    '8 frames of 32 x 32, dense, stride 3; 4 of them large',
    'framesets of 2 x 2',
    'at 1 to 1.5 of the size',
    'jitter 0.5, 0.4, 0.3, 0.1',
    'lighting 0.1',
    'RandAugment 4 at level 7 before crop',
    'erasing 0.25 const',
  ):
    assert word in text


def run(*arguments):
  args = parser.make_parser().parse_args(['data', *map(str, arguments)])
  return errors.run_guarded(args.function, args)


def test_the_command_draws_through_a_config(videos, tmp_path, capsys):
  listed, classes = tmp_path / 'list.txt', tmp_path / 'classes.json'
  listed.write_text(f'{videos}/arm_wrestling.mp4 0\n', encoding='utf-8')
  classes.write_text(
    '["from left to right", "from right to left"]', encoding='utf-8'
  )
  out = tmp_path / 'sheet.png'
  options = ('--config', 'configs/finetune_folder.py:smoke', '--draws', 1)
  settings = ('--set', 'clip.flip=1.0', '--set', 'cutmix=1.0')
  settings += ('--classes', classes)
  assert run('show', listed, '--out', out, *options, *settings) == 0
  assert cv2.imread(str(out)).shape[1] > 600
  assert f'written to {out}' in capsys.readouterr().out.replace('\n', '')


def test_what_cannot_be_shown_is_one_sentence(videos, tmp_path, capsys):
  out = tmp_path / 'sheet.png'
  options = ('--out', out, '--config', 'configs/finetune_folder.py:smoke')
  missing, broken = tmp_path / 'gone.mp4', tmp_path / 'broken.mp4'
  broken.write_text('no video', encoding='utf-8')
  good = videos / 'arm_wrestling.mp4'
  for clip, words in ((missing, 'no such video'), (broken, 'cannot be opened')):
    assert run('show', good, clip, *options) == 1
    error = capsys.readouterr().err
    assert f'{clip}: {words}' in error and 'Traceback' not in error
  assert run('show', good, *options, '--set', 'seed=-1') == 1
  words = 'seed is -1; it can be an integer from 0'
  assert words in capsys.readouterr().err
  assert not out.exists()


def test_spans_and_several_labels_are_shown(wrestling, monkeypatch):
  words, draw_words = [], sheet.draw_words

  def noted(text, *args, **options):
    words.append(text)
    return draw_words(text, *args, **options)

  monkeypatch.setattr(sheet, 'draw_words', noted)
  labels = np.array([True, False, True])
  names = ('left', 'right', 'up')
  spec = make_spec(flip=1.0, flip_map={0: 1, 1: 0})
  show.draw_contact_sheet(
    [(wrestling, labels, 1.0, 2.0)], spec, draws=1, class_names=names
  )
  title = next(text for text in words if '1.000 to 2.000 s' in text)
  assert title.endswith('left, up')
  place = words.index('train 1')
  assert words[place + 1 : place + 4] == ['mirrored', 'right', 'up']
  assert any('fps   1.0 s   ' in text for text in words)


def test_a_bar_goes_on_with_each_video(videos, tmp_path, monkeypatch):
  made, opened, progress = [], [], console.make_progress

  def noted(*args):
    made.append((*progress(*args), args[0]))
    return made[0][:2]

  def open_video(path, **options):
    opened.append(made[0][0].tasks[0].completed)
    return decode.open_video(path, **options)

  monkeypatch.setattr(console, 'make_progress', noted)
  monkeypatch.setattr(show, 'open_video', open_video)
  options = ('--config', 'configs/finetune_folder.py:smoke', '--draws', 0)
  good = [videos / 'rotated_90.mov'] * 2
  assert run('show', *good, '--out', tmp_path / 'a.png', *options) == 0
  assert opened == [0, 1]
  assert made[0][0].tasks[0].completed == made[0][2] == 2
