"""Which files of folders are tried as videos, and which are left out."""

import os
import shutil

import pytest
from files import touch, write

from i2v_jax.data.check import all_videos, findings
from i2v_jax.data.sets import folders, sources
from i2v_jax.data.show import picked
from i2v_jax.data.videos import names

# Beside .mp4; all but the last few vanished without a word once.
TRIED = 'wmv MTS m2ts 3gp ogv gif divx mxf vob asf xyz mp4 avi webm mov'.split


def closed(monkeypatch, folder):
  """Makes a folder that cannot be listed; root may list everything."""
  for name in ('scandir', 'listdir'):
    real = getattr(os, name)

    def guarded(path, real=real):
      if os.fspath(path) == str(folder):
        raise PermissionError(13, 'Permission denied', str(folder))
      return real(path)

    monkeypatch.setattr(os, name, guarded)


def test_links_to_folders_are_followed_and_loops_end(tmp_path):
  touch(tmp_path, 'data/a/1.mov', 'data/b/2.mp4', 'elsewhere/3.avi')
  (tmp_path / 'data/b/around').symlink_to(tmp_path / 'data')
  (tmp_path / 'data/c').symlink_to(tmp_path / 'elsewhere')
  found = folders.find_videos(tmp_path / 'data')
  expected = ['a/1.mov', 'b/2.mp4', 'c/3.avi']
  assert found.videos == [str(tmp_path / 'data' / name) for name in expected]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
  touch(tmp_path, 'a/1.mov', 'closed/2.mp4')
  closed(monkeypatch, tmp_path / 'closed')
  sentence = r'closed cannot be listed \(Permission denied\): mend its'
  with pytest.raises(OSError, match=sentence):
    folders.find_videos(tmp_path)


@pytest.mark.parametrize('split', ['train', 'val'])
def test_nor_is_it_as_the_folder_of_a_class(tmp_path, monkeypatch, split):
  touch(tmp_path, 'train/a/1.mov', 'train/b/2.mp4', 'val/a/3.mp4')
  closed(monkeypatch, tmp_path / split / 'a')
  sentence = f'{split}/a cannot be listed .Permission denied.: mend its'
  with pytest.raises(OSError, match=sentence):
    sources.load_split('folder', tmp_path, split)


def test_nor_as_the_folder_of_a_list(tmp_path, monkeypatch):
  touch(tmp_path, 'videos/1.mov')
  write(tmp_path, {'train.txt': 'videos/1.mov 0\n'})
  closed(monkeypatch, tmp_path / 'videos')
  with pytest.raises(OSError, match='videos cannot be listed'):
    sources.load_split('list', tmp_path, 'train')


def test_every_file_of_a_class_is_tried_or_counted(tmp_path):
  tried = [f'train/a/{n}.{end}' for n, end in enumerate(TRIED())]
  tried += ['train/b/2.mp4', 'train/b/no_extension', 'train/b/v_1.5']
  others = ['train/a/notes.txt', 'train/a/s.SRT', 'train/b/.hidden.mp4']
  others += ['train/b/poster.jpg', 'train/b/x.mp4.part', 'train/readme.md']
  touch(tmp_path, *tried, *others, 'train/a/Thumbs.db', 'train/.DS_Store')
  split = sources.load_split('folder', tmp_path, 'train')
  assert sorted(split.ids) == sorted(tried)
  assert sorted(split.left_out) == sorted(others)


def test_names_that_lists_have_without_extension_find_any_video(tmp_path):
  touch(tmp_path, 'a.MTS', 'b.gif', 'c.xyz', 'c.txt', 'd.mp4', 'd.info')
  write(tmp_path, {'l.txt': 'a 0\nb 1\nc 0\nd 1\n'})
  split = sources.load_split('list', tmp_path, 'l')
  assert split.ids == ('a.MTS', 'b.gif', 'c.xyz', 'd.mp4')


def test_what_is_left_out_is_named_by_kind():
  files = ['a/1.txt', 'a/2.txt', 'a/3.txt', 'b/4.srt', 'b/5.jpg', 'b/readme']
  assert folders.describe_left_out(files) == (
    'left out, not videos: 6 files (a/1.txt, b/4.srt, b/5.jpg, ...)'
  )
  assert folders.describe_left_out(files[:1]) == (
    'left out, not videos: 1 file (a/1.txt)'
  )


def test_two_of_a_kind_are_both_named():
  assert folders.describe_left_out(['a.txt', 'b.txt']) == (
    'left out, not videos: 2 files (a.txt, b.txt)'
  )


def test_the_check_tells_what_is_left_out_once(tmp_path):
  touch(tmp_path, 'a/1.mp4', 'a/2.mp4', 'b/3.mp4', 'b/4.mp4', 'b/notes.txt')
  listed = all_videos.list_source('folder', str(tmp_path), {})
  records = {key: {'ok': False, 'reason': ''} for key in listed.paths}
  (found,) = [f for f in findings.find(listed, records) if f.kind == 'left_out']
  assert found.rows == [('', 'b/notes.txt', '')] and not found.problem
  files = all_videos.list_paths([str(tmp_path)])
  assert files.splits['files'].left_out == (str(tmp_path / 'b/notes.txt'),)
  assert picked.list_left_out([tmp_path]) == [str(tmp_path / 'b/notes.txt')]


def test_a_class_may_hold_folders_of_frames(tmp_path, videos):
  frames = [f'clip/img_{n:05d}.jpg' for n in range(1, 4)]
  touch(tmp_path / 'train/a', '1.mp4', *frames)
  touch(tmp_path / 'train/b', *frames)
  split = sources.load_split('folder', tmp_path, 'train')
  assert split.ids == ('train/a/1.mp4', 'train/a/clip', 'train/b/clip')
  assert not split.left_out
  shutil.copytree(tmp_path / 'train/b/clip', tmp_path / 'train/c')
  with pytest.raises(ValueError, match='train/c holds frames of one video'):
    sources.load_split('folder', tmp_path, 'train')


@pytest.mark.parametrize(
  ('files', 'error'),
  [
    (['train/a/x/1.mp4'], "train/a has a folder 'x'.*train/a is the root"),
    (['train/a/1.txt', 'train/a/2.wav'], r'no videos in .*2 files \(1\.txt, 2'),
    (['train/a-{0..9}.tar', 'train/b.txt'], 'train but archives such as a-'),
    (['train/a/1.zip'], 'train/a but archives .*unpacked: add some'),
    (
      ['train/1.MTS', 'train/a/1.mp4'],
      "'1.MTS' in .*train is not in the folder of a class",
    ),
  ],
)
def test_a_layout_that_cannot_be_meant(tmp_path, files, error):
  touch(tmp_path, *files)
  with pytest.raises(ValueError, match=error):
    sources.load_split('folder', tmp_path, 'train')


def test_names_differ_only_in_what_is_named():
  assert names.describe_difference('A.mp4', 'a.mp4') == 'case'
  assert names.describe_difference('a .mp4', 'a.mp4') == 'blanks at the ends'
  assert names.describe_difference('é.mp4', 'e\u0301.mp4').startswith(
    'Unicode form'
  )
  assert names.describe_difference(' É', 'e\u0301') == (
    'case and Unicode form (NFC or NFD) and blanks at the ends'
  )


def test_so_may_the_folders_of_splits(tmp_path):
  touch(tmp_path, 'Train/a/1.mp4', 'VAL/a/2.mp4', 'validation/a/3.mp4')
  train, val = (
    sources.load_split('folder', tmp_path, s) for s in ('train', 'val')
  )
  assert train.ids == ('Train/a/1.mp4',) and val.ids == ('VAL/a/2.mp4',)
  words = (
    r'test does not exist; make it next to Train, or set data\.val to one of V'
  )
  with pytest.raises(FileNotFoundError, match=words):
    sources.load_split('folder', tmp_path, 'test')


def test_a_class_may_be_called_train(tmp_path):
  touch(tmp_path, *(f'{c}/{n}.mp4' for c in ('Train', 'Ship') for n in '12'))
  split = sources.load_split('folder', tmp_path, 'train')
  assert split.class_names == ('Ship', 'Train') and len(split) == 2


def test_a_class_may_be_spelled_otherwise_in_val(tmp_path):
  touch(tmp_path, 'train/caf\u00e9/1.mp4', 'train/Run/1.mp4')
  touch(tmp_path, 'val/cafe\u0301/2.mp4', 'val/run /3.mp4')
  split = sources.load_split('folder', tmp_path, 'val')
  assert split.class_names == ('Run', 'caf\u00e9')
  assert split.ids == ('val/cafe\u0301/2.mp4', 'val/run /3.mp4')
  assert split.labels.tolist() == [1, 0]
  touch(tmp_path, 'train/RUN/1.mp4')
  with pytest.raises(ValueError, match=r"1 of the 2 classes .* \('run '\)"):
    sources.load_split('folder', tmp_path, 'val')


@pytest.mark.parametrize(
  'name', ['$RECYCLE.BIN', 'System Volume Information', 'lost+found']
)
def test_folders_of_systems_are_no_classes(tmp_path, name):
  touch(tmp_path, 'run/a.mp4', 'run/b.mp4', f'{name}/x.mp4')
  assert folders.look_in(tmp_path).folders == ['run']
