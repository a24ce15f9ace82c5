"""Reading prepared data sets: by us, and by those who do not know us."""

import json
import pathlib
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
from batches import assert_same, order_of, train
from paths import ROOT, TESTS

from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.prepare.job import Job, stage_here
from i2v_jax.data.sets import sources
from i2v_jax.data.videos import decode, transcode
from i2v_jax.runtime.errors import UserError

REAL = {
  'rotated_90.mov': 'a b',
  'h265.mp4': 'a b',
  'mpeg4.avi': 'c',
  'flipping_pancake.mkv': 'c',
}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
  """A small folder of real clips."""
  folder = tmp_path_factory.mktemp('root')
  for name, label in REAL.items():
    for split in ('train', 'val'):
      (folder / split / label).mkdir(parents=True, exist_ok=True)
      source = TESTS / 'videos' / name
      shutil.copy(source, folder / split / label)
  return folder


@pytest.fixture(scope='module')
def out(root, tmp_path_factory):
  """The same, prepared as it is, in shards of one or two videos."""
  folder = tmp_path_factory.mktemp('out')
  job = Job(folder, 'folder', root, name='clips', shard_mb=0.3)
  job.run(lambda shards: stage_here(shards, 2))
  return folder


@pytest.mark.parametrize('split', ['train', 'val'])
def test_a_split_is_the_same_read_back(root, out, split):
  raw, found = (
    sources.load_split(*where, split)
    for where in (('folder', root), ('prepared', out))
  )
  assert found.ids == raw.ids and found.class_names == raw.class_names
  np.testing.assert_array_equal(found.labels, raw.labels)
  assert found.fingerprint() == raw.fingerprint()
  assert found.paths[0] == f'{out}/clips/1.0.0/{split}/{raw.ids[0]}'
  for index, path in enumerate(raw.paths):
    assert raw.video(index) == path
    assert found.video(index) == pathlib.Path(path).read_bytes()
  with pytest.raises(IndexError):
    found.video(len(raw))


@pytest.mark.parametrize('workers', [0, 2])
def test_an_epoch_is_the_same(root, out, workers):
  epoch = dict(stop=2, batch_size=2, parallel=Parallelism(workers=workers))
  raw = train(sources.load_split('folder', root, 'train'), **epoch)
  assert sorted(order_of(raw)) == [0, 1, 2, 3]
  assert_same(train(sources.load_split('prepared', out, 'train'), **epoch), raw)


def test_an_epoch_has_the_same_frames_of_reencoded_videos(
  root, tmp_path, monkeypatch
):
  recipe = transcode.Recipe(short_side=64, gop=4)
  job = Job(tmp_path, 'folder', root, name='small', recipe=recipe)
  job.run(lambda shards: stage_here(shards, 2))
  seen, read = [], decode.Video.read

  def watched(video, indices, *args):
    seen.append(np.array(indices))
    return read(video, indices, *args)

  monkeypatch.setattr(decode.Video, 'read', watched)
  found = [
    (batch['index'].tolist(), batch['label'].tolist())
    for where in (('folder', root), ('prepared', tmp_path))
    for batch in train(
      sources.load_split(*where, 'train'), stop=2, batch_size=2
    )
  ]
  assert found[:2] == found[2:]
  np.testing.assert_array_equal(seen[:4], seen[4:])


@pytest.mark.parametrize(
  ('part', 'indices'),
  [
    ('train[:50%]', [0, 1]),
    ('train[1:3]', [1, 2]),
    ('train[-1:]', [3]),
    ('train[1:2]+train[3:]', [1, 3]),
  ],
)
def test_slices(root, out, part, indices):
  raw = sources.load_split('folder', root, 'train')
  found = sources.load_split('prepared', out, part)
  assert found.ids == tuple(raw.ids[index] for index in indices)
  assert found.labels.tolist() == raw.labels[indices].tolist()
  for place, index in enumerate(indices):
    assert found.video(place) == pathlib.Path(raw.paths[index]).read_bytes()


def test_a_split_is_cheap_to_send_and_needs_no_jax(out):
  split = sources.load_split('prepared', out, 'train')
  expected = split.video(2)
  sent = pickle.dumps(split)
  assert len(sent) < 4000 < len(expected)
  code = (
    'import pickle, sys\n'
    'split = pickle.load(sys.stdin.buffer)\n'
    'print(len(split.video(2)))\n'
    'banned = {"jax", "grain", "tensorflow", "torch"}\n'
    'print(banned & {m.partition(".")[0] for m in sys.modules})\n'
  )
  done = subprocess.run(
    [sys.executable, '-c', code], input=sent, cwd=ROOT, capture_output=True
  )
  assert done.stdout.decode() == f'{len(expected)}\nset()\n', done.stderr


PLAIN = """
import sys
import tensorflow_datasets as tfds

out = sys.argv[1]
one = tfds.data_source('clips', data_dir=out, split='train[2:]')
builder = tfds.builder_from_directory(f'{out}/clips/1.0.0')
two = builder.as_data_source('train')
assert (len(one), len(two)) == (2, 4)
assert one[0] == two[2]
print(builder.info.features['label'].names)
print({k: v for k, v in two[0].items() if k != 'video'})
sys.stdout.flush()
sys.stdout.buffer.write(two[0]['video'])
assert not [m for m in sys.modules if m.startswith(('i2v_jax', 'tensorflow.'))]
"""


def test_others_read_it_without_us(out, tmp_path):
  done = subprocess.run(
    [sys.executable, '-c', PLAIN, str(out)], cwd=tmp_path, capture_output=True
  )
  names, record, video = done.stdout.split(b'\n', 2)
  assert names == b"['a b', 'c']", done.stderr.decode()
  assert eval(record) == {
    'label': 0,
    'id': b'train/a b/h265.mp4',
    'frames': 10,
    'fps': 10.0,
    'height': 128,
    'width': 128,
  }
  path = TESTS / 'videos/h265.mp4'
  assert video == path.read_bytes()


def test_what_is_not_there_is_named(out, tmp_path):
  with pytest.raises(
    FileNotFoundError, match='holds no prepared data set: make'
  ):
    sources.load_split('prepared', tmp_path, 'train')
  with pytest.raises(ValueError, match="no split 'test': it has train, val"):
    sources.load_split('prepared', out, 'test[:10%]')
  with pytest.raises(
    ValueError, match="'prepared' has no option 'fold'; it has none"
  ):
    sources.load_split('prepared', out, 'train', fold=1)
  shutil.copytree(out, tmp_path / 'both')
  shutil.copytree(out / 'clips', tmp_path / 'both/more')
  with pytest.raises(ValueError, match='could both be meant'):
    sources.load_split('prepared', tmp_path / 'both', 'train')
  one = sources.load_split('prepared', tmp_path / 'both/clips/1.0.0', 'train')
  assert len(one) == 4


@pytest.mark.parametrize('name', ['features.json', 'dataset_info.json'])
@pytest.mark.parametrize('text', ['', '{"features": ', '{}', '{"x": 1}', None])
def test_damaged_files_of_tfds_are_one_sentence(out, tmp_path, name, text):
  copy = tmp_path / 'copy'
  shutil.copytree(out, copy)
  file = copy / 'clips/1.0.0' / name
  split = sources.load_split('prepared', copy, 'train')
  file.unlink()
  if text is not None:
    file.write_text(text, encoding='utf-8')
  said = r'1\.0\.0 is damaged \(.+\); prepare the data set again\.$'
  with pytest.raises(UserError, match=said):
    sources.load_split('prepared', copy, 'train')
  with pytest.raises(UserError, match=said):  # of shards opened later
    split.video(0)


def test_files_that_do_not_belong_together_are_refused(out, tmp_path):
  copy = tmp_path / 'copy'
  shutil.copytree(out, copy)
  table = copy / 'clips/1.0.0/train.csv'
  whole = table.read_text(encoding='utf-8')
  table.write_text(whole.replace(',0,', ',1,', 1), encoding='utf-8')
  with pytest.raises(ValueError, match=r'train\.csv contradicts .*manifest'):
    sources.load_split('prepared', copy, 'train')
  table.unlink()
  with pytest.raises(FileNotFoundError, match=r'train\.csv does not exist'):
    sources.load_split('prepared', copy, 'train')
  table.write_text(whole, encoding='utf-8')
  path = copy / 'clips/1.0.0/manifest.json'
  manifest = json.loads(path.read_text(encoding='utf-8'))
  manifest['splits']['val']['videos'] = 3
  path.write_text(json.dumps(manifest), encoding='utf-8')
  with pytest.raises(ValueError, match='4 records of val, 3 in manifest'):
    sources.load_split('prepared', copy, 'train')
