"""AVA-shaped data: key frames, proposals, and what is missing."""

import shutil

import ava_shaped
import numpy as np
import pytest
from ava_shaped import LEFT, RIGHT

from i2v_jax.data.sets import sources
from i2v_jax.data.videos import decode
from i2v_jax.runtime.errors import MissingFileError, UserError

(VAL,) = ava_shaped.MOVIES['val']
FIRST, SECOND = ava_shaped.MOVIES['train']


@pytest.fixture
def root(tmp_path):
  return ava_shaped.make(tmp_path / 'ava')


def load(root, split='val', on_missing='error', **options):
  return sources.load_split('ava', root, split, on_missing, **options)


def test_key_frames_of_train_are_the_annotated_ones(root):
  split = load(root, 'train')
  frames = split.key_frames
  assert split.ids[:3] == (f'{FIRST}@0901', f'{FIRST}@0902', f'{FIRST}@0903')
  assert len(split) == 6 and set(split.labels.tolist()) == {-1}
  assert split.paths[3:] == (str(root / f'videos/{SECOND}.mp4'),) * 3
  assert split.video_ids[0] == f'videos/{FIRST}.mp4'
  assert frames.times.tolist() == [1, 2, 3, 1, 2, 3]
  assert np.allclose(frames.boxes[frames.rows(0)], [LEFT, RIGHT])
  assert frames.persons[:2] == ('7', '9') and frames.source == 'annotations'
  actions = [np.flatnonzero(row).tolist() for row in frames.labels[:2]]
  assert actions == [[0, 11], [79]]  # of action i in class i - 1
  assert split.class_names[11] == 'stand' and len(split.class_names) == 80
  # Excluded from evaluation, not from training.
  assert (SECOND, '0903') in frames.keys
  assert frames.truth.excluded == {(SECOND, '0903')}
  assert frames.truth.evaluated.sum() == 60 and not frames.truth.evaluated[1]


def test_the_truth_is_every_row(root):
  rows = load(root).key_frames.truth.rows
  assert len(rows.keys) == 8 and rows.keys[0] == (VAL, '0901')
  assert rows.labels.tolist() == [11, 0, 79, 11, 0, 11, 0, 79]
  assert rows.boxes.dtype == np.float64 and rows.scores.tolist() == [1] * 8


def test_without_proposals_a_test_classifies_annotated_boxes(root):
  split = load(root)
  assert split.ids == (f'{VAL}@0901', f'{VAL}@0902') and split.notes == ()
  assert split.key_frames.ends.tolist() == [0, 2, 3]
  assert split.key_frames.labels.any()


@pytest.mark.parametrize('file', ['proposals.csv', 'proposals.pkl', 'json'])
def test_a_test_classifies_proposals(root, file):
  options = {'proposals': file}
  if file == 'json':
    options = {'proposals': 'proposals.json', 'proposals_images': 'images.json'}
  split = load(root, **options)
  frames = split.key_frames
  assert split.ids == (f'{VAL}@0901',)  # 902 has none, 903 is excluded
  assert np.allclose(frames.boxes, [[0.1, 0.25, 0.375, 0.75]])
  assert np.allclose(frames.scores, 0.95) and not frames.labels.any()
  assert frames.source == options['proposals'] and len(split.notes) == 1
  assert 'counts as missed: 1 of 2' in split.notes[0]
  assert len(load(root, **options, min_score=0.5).key_frames.boxes) == 2
  train = load(root, 'train', **options)
  assert train.fingerprint() == load(root, 'train').fingerprint()


def test_proposals_may_be_with_the_annotations(root):
  before = load(root, proposals='proposals.csv')
  (root / 'proposals.csv').rename(root / 'annotations' / 'proposals.csv')
  after = load(root, proposals='proposals.csv')
  assert after.fingerprint() == before.fingerprint()


@pytest.mark.parametrize(
  ('movies', 'times'),
  [('cut', [1, 2]), ('whole', [901, 902]), ('seconds', [901, 902])],
)
def test_files_are_cut_whole_or_of_a_second(tmp_path, movies, times):
  root = ava_shaped.make(tmp_path, movies)
  split = load(root, movies=movies)
  assert split.key_frames.times.tolist() == times
  assert split.key_frames.seconds == (movies == 'seconds')
  videos = split.list_videos()
  if movies == 'seconds':
    assert split.paths == (str(root / 'videos' / VAL),) * 2
    assert split.video_ids == (f'videos/{VAL}',) * 2
    assert videos.ids[1] == f'videos/{VAL}/901.mp4' and len(videos) == 4
  else:
    assert videos.ids == (f'videos/{VAL}.mp4',)
    assert decode.probe(videos.paths[0]).duration > times[1]
  assert videos.key_frames is None and videos.labels.tolist()[0] == -1


def test_movies_of_15_minutes_are_found_next_to_whole_ones(root):
  shutil.copytree(root / 'videos', root / 'videos_15min')
  assert load(root).video_ids[0] == f'videos_15min/{VAL}.mp4'
  assert load(root, videos='videos').video_ids[0] == f'videos/{VAL}.mp4'


def test_a_stamp_may_be_written_in_two_ways(root):
  path = root / 'annotations/ava_val_v2.2.csv'
  text = path.read_text(encoding='utf-8').replace(',0902,', ',902,')
  path.write_text(text, encoding='utf-8')
  assert load(root).ids == (f'{VAL}@0901', f'{VAL}@0902')


@pytest.mark.parametrize('movies', ['cut', 'seconds'])
def test_missing_movies_are_counted_with_their_key_frames(tmp_path, movies):
  root = ava_shaped.make(tmp_path, movies)
  for path in (root / 'videos').glob(f'{FIRST}*'):
    shutil.rmtree(path) if path.is_dir() else path.unlink()
  with pytest.raises(MissingFileError, match=r'1 of 2 listed .* split has 235'):
    load(root, 'train', movies=movies)
  split = load(root, 'train', 'skip', movies=movies)
  assert split.missing == (FIRST,) and split.num_videos == 1
  assert {video for video, _ in split.key_frames.keys} == {SECOND}
  assert {video for video, _ in split.key_frames.truth.rows.keys} == {SECOND}
  (note,) = split.notes
  assert '1 of 2 listed videos' in note and '3 of 6 key frames' in note
  assert 'published split has 235' in note


def test_a_movie_without_proposals_is_an_error_or_counted(root):
  rows = ava_shaped.list_rows('val') + ava_shaped.list_rows('train')
  ava_shaped.write_csv(root / 'annotations/ava_val_v2.2.csv', rows)
  options = {'proposals': 'proposals.csv'}
  with pytest.raises(
    UserError, match=r'has no box in 2 of 3 videos .* as missed'
  ):
    load(root, **options)
  split = load(root, 'val', 'skip', **options)
  assert split.ids == (f'{VAL}@0901',) and not split.missing
  assert any('no box in 2 of 3 videos' in note for note in split.notes)
  assert any('as missed: 7 of 8' in note for note in split.notes)


@pytest.mark.parametrize(
  ('options', 'error'),
  [
    ({'version': '2.0'}, "version is '2.0'"),
    ({'version': 2.1}, r'no ava_val_v2\.1\.csv in'),
    ({'movies': 'short'}, "movies is 'short'; it can be one of"),
    ({'proposals': 'none.csv'}, r'none\.csv does not exist'),
    ({'proposals': 'images.json'}, 'expected a list, not dict'),
  ],
)
def test_options_that_cannot_be_are_refused(root, options, error):
  with pytest.raises(UserError, match=error):
    load(root, **options)


def test_the_test_split_has_no_labels(root):
  with pytest.raises(UserError, match="split of ava is 'test'"):
    load(root, 'test')


def test_actions_are_numbered_without_a_gap(root):
  path = root / 'annotations/ava_action_list_v2.2.pbtxt'
  text = path.read_text(encoding='utf-8')
  path.write_text(text[text.index('}') + 1 :], encoding='utf-8')
  with pytest.raises(UserError, match='class numbers are not 1, 2'):
    load(root)
  path.write_text(text[: text.index('}') + 1], encoding='utf-8')
  with pytest.raises(UserError, match='number 3 is not in ava_action_list_v2'):
    load(root)


def test_a_folder_of_seconds_may_lack_one_of_them(tmp_path):
  """That key frame is bad when it is read; the others stay."""
  root = ava_shaped.make(tmp_path, 'seconds')
  before = load(root, movies='seconds')
  (root / 'videos' / VAL / '901.mp4').unlink()
  after = load(root, movies='seconds')
  assert after.ids == before.ids and not after.missing
