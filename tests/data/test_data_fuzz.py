r"""Mutated files through a check: as many named reports, and nothing else.

More than the usual 200, and others:

  I2V_FUZZ_FILES=5000 I2V_FUZZ_SEED=7 \
    python -m pytest tests/data/test_data_fuzz.py
"""

import csv
import os
import tempfile

import mutated
import numpy as np
import pytest
from processes import children, open_files

from i2v_jax.data.check import all_videos
from i2v_jax.data.clips import clips
from i2v_jax.data.loading import loader, pipeline
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.sets import manifest, sources
from i2v_jax.data.videos import decode, pyav

FILES = int(os.environ.get('I2V_FUZZ_FILES', 200))
SEED = int(os.environ.get('I2V_FUZZ_SEED', 0))
FRAMES = {
  'h265.mp4': 10,
  'rotated_90.mov': 3,
  'mpeg4.avi': 164,
  'flipping_pancake.mkv': 310,
}
# Small ones more often; seven have no factor in common with the kinds.
CLIPS = [*FRAMES, 'h265.mp4', 'rotated_90.mov', 'h265.mp4']
NO_VIDEOS = {'noise', 'text', 'empty', *mutated.PLACES}


def held():
  return children(), open_files()


def count_pictures(path):
  with pyav.open_file(str(path)) as container:
    return sum(not frame.is_corrupt for frame in container.decode(video=0))


def assert_reported(path, kind, report):
  """The report is that of this file."""
  frames = report['frames']
  assert 'lost' not in report, 'the file took a worker along'
  if kind in ('intact', 'wrong_extension'):
    whole = [FRAMES[n] for n in FRAMES if path.suffix in ('.mpg', n[-4:])]
    assert report['ok'] and frames in whole
  if kind in NO_VIDEOS:
    assert not report['ok'] and report['frame'] == 0
  if report['ok']:
    assert frames == count_pictures(path) > 0
    return
  assert report['reason'] and report['frame'] == frames
  if 'codec' in report:  # it can be opened
    with decode.open_video(path) as video:
      if frames:
        video.read([frames - 1])
      with pytest.raises(decode.DecodeError):
        video.read([frames])


@pytest.mark.parametrize('workers', [0, 2])
def test_every_file_is_a_clip_or_a_placeholder(videos, tmp_path, workers):
  made = mutated.make([videos / n for n in CLIPS], tmp_path, FILES, SEED)
  paths = tuple(map(str, made))
  split = sources.Split(paths, np.arange(FILES), paths, paths)
  spec = clips.ClipSpec(8, 32, sampling='uniform')
  before = held()
  batches = pipeline.load_test_batches(
    loader.Loader(split, spec, 'skip', seconds=60),
    batch_size=7,
    parallel=Parallelism(threads=2, workers=workers),
  )
  rows = [
    {name: batch[name][row] for name in batch}
    for batch in batches
    for row in range(7)
  ][:FILES]
  assert [row['index'] for row in rows] == [*range(FILES)]
  for (path, kind), row in zip(made.items(), rows, strict=True):
    assert bool(row['error']) == (row['mask'] == 0) != row['video'].any()
    assert not row['error'] or path.name.encode() in row['error']
    if kind in NO_VIDEOS or kind in ('intact', 'wrong_extension'):
      assert row['mask'] == (kind not in NO_VIDEOS)
  assert held() == before


def test_every_file_is_reported_once(videos, tmp_path, monkeypatch):
  for name in ('files', 'temporary'):
    (tmp_path / name).mkdir()
  clips = [videos / name for name in CLIPS]
  made = mutated.make(clips, tmp_path / 'files', FILES, SEED)
  assert len(made) == FILES and {*made.values()} == {*mutated.KINDS}
  monkeypatch.setenv('TMPDIR', str(tmp_path / 'temporary'))
  monkeypatch.setattr(tempfile, 'tempdir', None)
  before, out = held(), tmp_path / 'out'
  listed = all_videos.list_paths([str(tmp_path / 'files')])
  assert not all_videos.run(listed, out, seconds=60)
  assert held() == before
  assert not os.listdir(tmp_path / 'temporary')
  _, reports = manifest.read(out / manifest.NAME)
  assert [report['id'] for report in reports] == [*map(str, made)]
  with (out / 'bad.csv').open(encoding='utf-8') as file:
    bad = [
      (row['file'], row['reason'], row['frame']) for row in csv.DictReader(file)
    ]
  assert bad == [
    (report['id'], report['reason'], str(report['frame']))
    for report in reports
    if not report['ok']
  ]
  for (path, kind), report in zip(made.items(), reports, strict=True):
    assert_reported(path, kind, report)
