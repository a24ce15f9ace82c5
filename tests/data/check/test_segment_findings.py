"""A check of segments opens each file once, and counts spans and groups."""

import csv

import footage
import pytest

from i2v_jax import cli
from i2v_jax.cli.data import list_config
from i2v_jax.data.check import all_videos
from i2v_jax.data.sets import manifest

TRAIN = (
  'file,start,end,label,group\na.mp4,0,1,run,p\na.mp4,0.5,1.5,jump,p\n'
  'b.mp4,,,,q\n'
)
VAL = 'file,start,end,label,group\nc.mp4,,1,run|jump,r\n'
OPTIONS = {'file': '{split}.csv'}


@pytest.fixture
def root(tmp_path):
  footage.make(tmp_path, 'abc', TRAIN, 'train.csv')
  footage.make(tmp_path, (), VAL.replace(',r', ',q'), 'other.csv')
  return footage.make(tmp_path, (), VAL, 'val.csv')


def test_files_groups_and_spans_are_reported(root, tmp_path, capsys):
  (root / 'd.mp4').write_bytes(b'no video')
  with (root / 'train.csv').open('a', encoding='utf-8') as file:
    file.write('d.mp4,,,run,\n')
  splits = ('train', 'other')
  listed = all_videos.list_source('segments', str(root), OPTIONS, splits)
  assert not all_videos.run(listed, tmp_path / 'out', count=1)
  shown = ' '.join(capsys.readouterr().out.split())
  for words in (
    'problem groups with files in more than one split: 1',
    'problem the same content in more than one split: 1 video',
    'problem cannot be read to the end: 1 video d.mp4',
    '2 segments in 2 files of train: 0.00 hours with a label, 0.00 without; 1',
    'groups of files in train: 2',
  ):
    assert words in shown, shown
  _, records = manifest.read(tmp_path / 'out/manifest.jsonl')
  assert [r['id'] for r in records] == ['a.mp4', 'b.mp4', 'd.mp4', 'c.mp4']


def test_all_bad_lines_are_written(root, tmp_path, capsys):
  out, rows = tmp_path / 'out', [f'c.mp4,{n},1,walk,r\n' for n in range(3, 33)]
  with (root / 'val.csv').open('a', encoding='utf-8') as file:
    file.writelines(rows)
  command = ['data', 'check', '--source', 'segments', str(root)]
  command += ['--set', 'file={split}.csv', '--out', str(out), '--split', 'val']
  with pytest.raises(SystemExit):
    cli.main(command)
  said = capsys.readouterr().err
  assert '30 bad lines; line 3: end 1 s is not after start 3 s, start' in said
  assert 'and 10 more (i2v data check' in said
  assert f'all are in {out}/problems.csv' in said
  with (out / 'problems.csv').open(encoding='utf-8', newline='') as file:
    found = list(csv.DictReader(file))
  assert [row['number'] for row in found] == [str(n) for n in range(3, 33)]
  assert found[-1]['problem'].startswith('end 1 s is not after start 32 s, ')


def test_a_config_is_checked_as_it_trains(root):
  options = '{"file":"{split}.csv"}'
  settings = [
    'data.format=segments',
    f'data.root={root}',
    f'data.options={options}',
    'task=multi',
    'data.background=1.0',
    'data.shots=1',
  ]
  listed = list_config('configs/finetune_folder.py', settings)
  assert len(listed.splits['train']) == 4  # one of each class, two without
  assert listed.splits['train'].segments.is_random.sum() == 2


def test_segments_shorter_than_a_clip_are_reported(root, tmp_path, capsys):
  settings = ['data.format=segments', f'data.root={root}', 'task=multi']
  settings += ['clip.sampling=dense', 'clip.stride=1', 'data.background=0']
  settings += ['data.options={"file":"{split}.csv"}', 'model.num_frames=16']
  listed = list_config('configs/finetune_folder.py', settings)
  all_videos.run(listed, tmp_path / 'out', count=1)
  said = ' '.join(capsys.readouterr().out.split())
  # All but b.mp4 last a second: 15 frames.
  assert 'shorter than the 16 frames of a clip, so their clips loop: 3' in said
