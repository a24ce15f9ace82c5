"""The annotation files of every public data set; videos are empty files."""

import shutil

import pytest
from files import touch, write

from i2v_jax.data.sets import sources

SSV2 = {'Holding something': '0', 'Laying something, not upright': '1'}


def kinetics(root):
  header = 'label,youtube_id,time_start,time_end,split,is_cc\n'
  train = 'zumba,-_a_1,10,20,train,0\nair drumming,b,0.0,10.0,train,1\n'
  val = '"air drumming",c,1,11,validate,0\nzumba,d,2,12,validate,0\n'
  test = 'youtube_id,time_start,time_end,split\ne,3,13,test\n'
  files = {'annotations/train.csv': header + train, 'test.csv': test}
  write(root, files | {'annotations/kinetics_val.csv': header + val})
  touch(root, 'train/zumba/-_a_1_000010_000020.mp4', 'b.mkv')
  touch(root, 'val/air drumming/c_000001_000011.webm', 'zumba/d.mp4')
  touch(root, 'test/e.mp4')


def something_v2(root):
  records = [
    {'id': '7', 'template': 'Laying [something], not upright', 'label': 'x'},
    {'id': 8, 'template': 'Holding [something]', 'label': 'y'},
  ]
  write(root, {'labels/labels.json': SSV2, 'labels/train.json': records})
  write(root, {'labels/validation.json': records[:1]})
  write(root, {'labels/test.json': [{'id': '9'}]})
  touch(root, 'videos/7.webm', 'videos/8.mp4', 'videos/9.webm')
  touch(root, 'videos/7/00001.jpg')


def ucf101(root):
  index = '1 Hammering\r\n2 HammerThrow\r\n3 HandstandPushups\r\n\r\n'
  hand = 'HandstandPushups/v_HandStandPushups_g01_c01.avi'
  train = f'HammerThrow/v_HammerThrow_g08_c01.avi 2\r\n{hand} 3\r\n'
  write(root, {'ucfTrainTestlist/classInd.txt': index})
  write(root, {'ucfTrainTestlist/trainlist01.txt': train})
  write(root, {'ucfTrainTestlist/testlist01.txt': 'Hammering/v_a.avi\r\n'})
  touch(root, 'UCF-101/HammerThrow/v_HammerThrow_g08_c01.avi')
  touch(root, 'UCF-101/HandStandPushups/v_HandStandPushups_g01_c01.mp4')
  touch(root, 'UCF-101/Hammering/v_a.avi')


def hmdb51(root):
  hair = 'a#1;(x)&!.avi 1 \nb.avi 2 \nc.avi 0 \n'
  folder = 'testTrainMulti_7030_splits'
  write(root, {f'{folder}/brush_hair_test_split1.txt': hair})
  write(root, {f'{folder}/brush_hair_test_split2.txt': 'c.avi 1\n'})
  write(root, {f'{folder}/wave_test_split1.txt': 'd.avi 1 \n'})
  touch(root, *(f'videos/brush_hair/{n}.avi' for n in ('a#1;(x)&!', 'b')))
  touch(root, 'videos/wave/d.avi', 'videos/stray.txt')


def diving48(root):
  vocab = [['Back', '15som', '05Twis', 'FREE'], ['Fwd', '1', '2', 'PIKE']]
  record = {'start_frame': 0, 'end_frame': 9}
  train = [record | {'vid_name': 'v1', 'label': 1}]
  test = [record | {'vid_name': 'v2', 'label': 0}]
  write(root, {'Diving48_vocab.json': vocab, 'Diving48_V2_test.json': test})
  write(root, {'Diving48_V2_train.json': train})
  touch(root, 'rgb/v1.mp4', 'rgb/v2.mp4')


SETS = {
  'kinetics': (kinetics, 2, ['air drumming', 'zumba']),
  'something_v2': (something_v2, 2, list(SSV2)),
  'ucf101': (ucf101, 3, ['Hammering', 'HammerThrow', 'HandstandPushups']),
  'hmdb51': (hmdb51, 2, ['brush_hair', 'wave']),
  'diving48': (diving48, 2, ['Back+15som+05Twis+FREE', 'Fwd+1+2+PIKE']),
}
UCF_TRAIN = [
  'UCF-101/HammerThrow/v_HammerThrow_g08_c01.avi',
  'UCF-101/HandStandPushups/v_HandStandPushups_g01_c01.mp4',
]


KINETICS_TRAIN = ['train/zumba/-_a_1_000010_000020.mp4', 'b.mkv']
KINETICS_VAL = ['val/air drumming/c_000001_000011.webm', 'zumba/d.mp4']
HMDB_TRAIN = ['videos/brush_hair/a#1;(x)&!.avi', 'videos/wave/d.avi']


@pytest.mark.parametrize(
  ('format', 'split', 'ids', 'labels'),
  [
    ('kinetics', 'train', KINETICS_TRAIN, [1, 0]),
    ('kinetics', 'val', KINETICS_VAL, [0, 1]),
    ('kinetics', 'test', ['test/e.mp4'], [-1]),
    ('something_v2', 'train', ['videos/7.webm', 'videos/8.mp4'], [1, 0]),
    ('something_v2', 'val', ['videos/7.webm'], [1]),
    ('something_v2', 'test', ['videos/9.webm'], [-1]),
    ('ucf101', 'train', UCF_TRAIN, [1, 2]),
    ('ucf101', 'test', ['UCF-101/Hammering/v_a.avi'], [0]),
    ('hmdb51', 'train', HMDB_TRAIN, [0, 1]),
    ('hmdb51', 'test', ['videos/brush_hair/b.avi'], [0]),
    ('diving48', 'train', ['rgb/v1.mp4'], [1]),
    ('diving48', 'test', ['rgb/v2.mp4'], [0]),
  ],
)
def test_reads_official_annotations(tmp_path, format, split, ids, labels):
  make, num_classes, names = SETS[format]
  make(tmp_path)
  result = sources.load_split(format, tmp_path, split, num_classes=num_classes)
  assert result.ids == tuple(ids)
  assert result.labels.tolist() == labels
  assert result.class_names == tuple(names)
  assert result.paths == tuple(str(tmp_path / name) for name in ids)
  assert result.missing == ()


@pytest.mark.parametrize('format', SETS)
def test_official_counts_of_classes_are_checked(tmp_path, format):
  SETS[format][0](tmp_path)
  with pytest.raises(ValueError, match=r"\d classes instead of .*'num_cl"):
    sources.load_split(format, tmp_path, 'train')


@pytest.mark.parametrize('format', SETS)
def test_official_sets_refuse_unknown_splits(tmp_path, format):
  with pytest.raises(ValueError, match=f"split of {format} is 'dev'; it can"):
    sources.load_split(format, tmp_path, 'dev')


@pytest.mark.parametrize('format', SETS)
def test_official_sets_name_missing_annotations(tmp_path, format):
  with pytest.raises(FileNotFoundError, match="set the option 'annotations'"):
    sources.load_split(format, tmp_path, 'train')


CSV = 'label,youtube_id,time_start,time_end,split\n'
VAL = 'annotations/kinetics_val.csv'
TEMPLATES, RECORDS = 'labels/labels.json', 'labels/train.json'
EATING = {'id': '7', 'template': 'Eating [something]'}
UCF = 'ucfTrainTestlist'
WAVE = 'testTrainMulti_7030_splits/wave_test_split1.txt'
V2, DIVE = 'Diving48_V2_test.json', {'vid_name': 'v2', 'label': 2}
BROKEN = [
  ('kinetics', 'test', 'test.csv', 'a,b\n1,2\n', 'line 2: no youtube_id'),
  ('kinetics', 'test', 'test.csv', 'a\n"b"c\n', 'line 2: not csv'),
  ('kinetics', 'test', 'test.csv', CSV + 'a,b,1,2,test,0', 'line 2: too man'),
  ('kinetics', 'val', 'val.csv', CSV, 'val.csv could both be meant'),
  ('kinetics', 'val', VAL, CSV + 'run,b,1,2,', "line 2: class 'run' is not"),
  ('kinetics', 'val', VAL, CSV + 'zumba,b,1,2,train', "line 2: split 'train'"),
  ('kinetics', 'val', VAL, CSV + ',b,1,2,val', 'line 2: no label or'),
  ('something_v2', 'val', TEMPLATES, ['a'], 'expected {"template": "number"}'),
  ('something_v2', 'val', TEMPLATES, {'a': '1'}, 'numbers are not 0, 1, '),
  ('something_v2', 'train', RECORDS, '[\n{]', 'line 2: not json'),
  ('something_v2', 'train', RECORDS, {}, 'expected a list, not dict'),
  ('something_v2', 'train', RECORDS, [{'id': 1}], 'record 1: expected an obj'),
  ('something_v2', 'train', RECORDS, [EATING], "record 1: template 'Eating s"),
  ('ucf101', 'test', f'{UCF}/testlist01.txt', 'X/a.avi', 'line 1: .* contrad'),
  ('ucf101', 'train', f'{UCF}/trainlist01.txt', '\nHammering/a 2', 'line 2: '),
  ('ucf101', 'test', f'{UCF}/classInd.txt', '2 A', 'numbers are not 1, 2, '),
  ('ucf101', 'test', f'{UCF}/classInd.txt', 'A', "line 1: .* like '1 Apply"),
  ('hmdb51', 'train', WAVE, 'd.avi 1\ne.avi 3', 'line 2: .* is not like'),
  ('diving48', 'test', V2, [DIVE], 'record 1: label 2 is not in 0..1'),
  ('diving48', 'test', 'Diving48_vocab.json', [1, 2], 'expected a list of'),
]


@pytest.mark.parametrize(
  ('format', 'split', 'file', 'content', 'error'), BROKEN
)
def test_broken_annotations_are_named(
  tmp_path, format, split, file, content, error
):
  make, num_classes, _ = SETS[format]
  make(tmp_path)
  write(tmp_path, {file: content})
  with pytest.raises(ValueError, match=error) as raised:
    sources.load_split(format, tmp_path, split, num_classes=num_classes)
  assert file.rsplit('/')[-1] in str(raised.value)


def test_diving48_refuses_the_first_labels(tmp_path):
  diving48(tmp_path)
  file = tmp_path / 'Diving48_V2_train.json'
  file.rename(tmp_path / 'Diving48_train.json')
  with pytest.raises(ValueError, match=r'Diving48_train.json holds the V1'):
    sources.load_split('diving48', tmp_path, 'train', num_classes=2)


@pytest.mark.parametrize('source', ['ucf101', 'hmdb51'])
def test_folds_are_1_to_3(tmp_path, source):
  with pytest.raises(
    ValueError, match=r'fold is 0; it can be one of \(1, 2, 3\)'
  ):
    sources.load_split(source, tmp_path, 'train', fold=0)


def test_fold_selects_its_files(tmp_path):
  hmdb51(tmp_path)
  touch(tmp_path, 'videos/brush_hair/c.avi')
  split = sources.load_split('hmdb51', tmp_path, 'train', fold=2, num_classes=1)
  assert split.ids == ('videos/brush_hair/c.avi',)


def test_something_v2_reads_the_older_file_names(tmp_path):
  something_v2(tmp_path)
  for old, new in (('labels', 'labels'), ('validation', 'validation')):
    place = tmp_path / f'something-something-v2-{old}.json'
    (tmp_path / f'labels/{new}.json').rename(place)
  (tmp_path / 'videos').rename(tmp_path / '20bn-something-something-v2')
  split = sources.load_split('something_v2', tmp_path, 'val', num_classes=2)
  assert split.ids == ('20bn-something-something-v2/7.webm',)


def test_annotations_and_videos_may_lie_elsewhere(tmp_path):
  kinetics(tmp_path)
  (tmp_path / 'annotations').rename(tmp_path / 'k2')
  (tmp_path / 'val').rename(tmp_path / 'val_256')
  (tmp_path / 'zumba').rename(tmp_path / 'val_256/zumba')
  options = {'num_classes': 2, 'annotations': str(tmp_path / 'k2')}
  split = sources.load_split(
    'kinetics', tmp_path, 'val', videos='{split}_256', **options
  )
  assert split.ids[1] == 'val_256/zumba/d.mp4'


def test_missing_videos_raise_or_are_counted(tmp_path):
  kinetics(tmp_path)
  (tmp_path / 'zumba/d.mp4').unlink()
  missing = 'val/zumba/d_000002_000012'
  with pytest.raises(FileNotFoundError, match=f'1 of 2 .*{missing}.*skip'):
    sources.load_split('kinetics', tmp_path, 'val', num_classes=2)
  split = sources.load_split(
    'kinetics', tmp_path, 'val', num_classes=2, on_missing='skip'
  )
  assert split.missing == (missing,)
  assert split.labels.tolist() == [0]
  shutil.rmtree(tmp_path / 'val')
  with pytest.raises(
    FileNotFoundError, match=r'2 of 2 .*: the first is not at'
  ):
    sources.load_split(
      'kinetics', tmp_path, 'val', num_classes=2, on_missing='skip'
    )


def test_two_files_for_one_video_raise(tmp_path):
  kinetics(tmp_path)
  touch(tmp_path, 'zumba/d.webm')
  with pytest.raises(ValueError, match=r'd\.mp4 and d\.webm for one video'):
    sources.load_split('kinetics', tmp_path, 'val', num_classes=2)
