"""Everything that reads videos reads folders of frames too."""

import framed
import numpy as np
import pytest

from i2v_jax.data.bench import measure
from i2v_jax.data.check import all_videos, one_video
from i2v_jax.data.clips import clips
from i2v_jax.data.loading import loader
from i2v_jax.data.prepare import staging
from i2v_jax.data.prepare.job import Job
from i2v_jax.data.sets import manifest, sources
from i2v_jax.data.show import show
from i2v_jax.data.videos import decode, transcode
from i2v_jax.training import experiment


@pytest.fixture
def folder(tmp_path):
  return framed.write(tmp_path / 'clip', framed.numbered(12))


def split_of(*folders, **options):
  paths = tuple(map(str, folders))
  names = tuple(f'clip {n}' for n in range(len(paths)))
  labels = np.zeros(len(paths), int)
  return sources.Split(paths, labels, ('a',), names, **options)


def test_a_good_folder_is_checked_frame_by_frame(folder):
  found = one_video.check_file(str(folder), 12)
  assert found['ok'] and found['frames'] == 12
  assert (found['fps'], found['duration']) == (12, 1)
  assert (found['gaps'], found['aside'], found['cut_short']) == ('', '', False)


def test_what_is_wrong_with_a_folder_is_named(folder):
  (folder / 'img_00004.png').unlink()
  framed.write(folder, ['flow_x_00001.jpg'])
  path = folder / 'img_00008.png'
  path.write_bytes(path.read_bytes()[:100])
  found = one_video.check_file(str(folder))
  assert not found['ok'] and found['frame'] == found['frames'] == 6
  assert found['reason'].startswith('frame 6, img_00008.png, cannot be decoded')
  assert found['gaps'] == '4'
  assert found['aside'] == '1 such as flow_x_00001.jpg'


def test_a_check_reports_gaps_and_files_aside(folder, tmp_path, capsys):
  (folder / 'img_00004.png').unlink()
  (folder / 'Thumbs.db').touch()
  assert all_videos.run(
    all_videos.list_paths([str(folder)]), tmp_path / 'c', count=1
  )
  said = capsys.readouterr().out
  assert 'numbers left out between the frames of a folder: 1 video' in said
  assert '1 such as Thumbs.db' in said
  (_, (record,)) = manifest.read(tmp_path / 'c' / manifest.NAME)
  assert {k: record[k] for k in ('bytes', 'mtime_ns')} == manifest.stamp(folder)


def test_the_rate_is_an_option_of_every_format(tmp_path):
  (tmp_path / 'a.mp4').touch()
  (tmp_path / 'train.txt').write_text('a.mp4 0\n', encoding='utf-8')
  assert sources.load_split('list', tmp_path, 'train').fps == decode.FPS
  assert sources.load_split('list', tmp_path, 'train', fps=12).fps == 12
  with pytest.raises(ValueError, match='fps is 0; it can be above 0'):
    sources.load_split('list', tmp_path, 'train', fps=0)


def test_the_rate_is_a_key_of_configs(smoke_config):
  config = smoke_config()
  assert experiment.load_split(config, 'val').fps == 30
  with config.unlocked():
    config.data.fps = 12
  assert experiment.load_split(config, 'val').fps == 12
  with config.unlocked():
    config.data.fps = -1.0
  with pytest.raises(ValueError, match=r'fps is -1\.0; it can be above 0'):
    experiment.load_split(config, 'val')


def test_a_loader_gives_clips_and_names_what_is_bad(folder, tmp_path):
  bad = framed.write(tmp_path / 'bad', framed.numbered(3))
  (bad / 'img_00002.png').write_bytes(b'')
  spec = clips.ClipSpec(num_frames=3, image_size=32, short_side=40, flip=0.0)
  loads = loader.Loader(split_of(folder, bad), spec, 'skip')
  found = loads.load_clip(0, np.random.default_rng(0))
  assert found['mask'] == 1 and found['video'].std() > 20
  found = loads.load_views(1)
  assert found['mask'] == 0 and b'img_00002.png' in bytes(found['error'])


@pytest.mark.parametrize('frames', ['h264', 'jpeg'])
def test_a_folder_is_stored_as_a_video(folder, frames):
  recipe = transcode.Recipe(frames=frames)
  stored = staging.store(str(folder), recipe, 12)
  assert stored.info.frames == 12 and stored.psnr > 35
  assert stored.info.fps == pytest.approx(12, rel=1e-3)
  assert stored.source_bytes == manifest.stamp(folder)['bytes']
  found = decode.read_frames(stored.video, range(12)).astype(int)
  wanted = decode.read_frames(folder, range(12))
  assert np.abs(found - wanted).mean() < 4


def test_preparing_asks_how_a_folder_is_to_be_stored(
  folder, tmp_path, monkeypatch
):
  load = lambda *_, **options: split_of(folder, **options)
  monkeypatch.setattr(sources, 'load_split', load)
  with pytest.raises(ValueError, match=r'is a folder of frames.*--gop 16'):
    Job(tmp_path / 'out', 'folder', tmp_path, ['train'])
  job = Job(
    tmp_path / 'out',
    'folder',
    tmp_path,
    ['train'],
    options={'fps': 12},
    recipe=transcode.Recipe(),
  )
  (shard,) = job.shards['train']
  assert shard.fps == 12


def test_a_folder_can_be_measured_and_shown(folder):
  spec = clips.ClipSpec(num_frames=3, image_size=32, short_side=40)
  split = measure.load_videos(folder)
  assert split.paths == (str(folder),)
  found = measure.time_stages(measure.make_plan(split, spec, 2, 0))
  assert found['decode'] > 0 and found['seek'] == 0
  sheet = show.draw_contact_sheet([(str(folder), 0)], spec, draws=1)
  assert sheet.std() > 20
