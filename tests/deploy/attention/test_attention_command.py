"""`i2v attention`: maps of trained models, from a clip to a file."""

import dataclasses
import errno
import json
import tempfile

import boxed as films
import cv2
import jax
import numpy as np
import pytest
import small

from i2v_jax import cli
from i2v_jax.data.clips.clips import make_test_views
from i2v_jax.data.videos.decode import open_video
from i2v_jax.deploy import export, trained
from i2v_jax.deploy.attention import compute, outputs
from i2v_jax.deploy.attention.before import is_frozen, load_image_params
from i2v_jax.deploy.attention.clip import read_clip
from i2v_jax.training import stored
from i2v_jax.weights.formats import native

OFFSETS = dict(name='zeroi2v', offsets=(-1, 1))


@pytest.fixture(scope='module')
def film(tmp_path_factory):
  return films.write_film(tmp_path_factory.mktemp('films') / 'a.mp4')


@pytest.fixture(scope='module')
def model(tmp_path_factory):
  """ZeroI2V with heads at -1 and +1, and a frozen image model."""
  return small.trained(OFFSETS, tmp_path_factory.mktemp('run'))


@pytest.fixture(scope='module')
def exported(model, tmp_path_factory):
  out = tmp_path_factory.mktemp('models')
  export.export_full(model, out / 'full')
  export.export_merged(model, out / 'merged')
  return out


@pytest.fixture
def i2v(exported, film, tmp_path, capsys):
  """`i2v(flags…)` -> (exit code, output, errors) of `i2v attention`."""

  def run(*flags, clip=film, workdir='full', out='out.npz'):
    argv = ['attention', '--workdir', exported / workdir, clip]
    argv += ['--out', tmp_path / out, *flags]
    with pytest.raises(SystemExit) as end:
      cli.main([str(text) for text in argv])
    return end.value.code, *capsys.readouterr()

  return run


def load(path):
  with np.load(path) as found:
    return dict(found)


def leaves_equal(one, other):
  jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize(('clips', 'crops'), [(1, 1), (2, 3)])
def test_the_clip_is_the_first_view_of_a_prediction(model, film, clips, crops):
  config = dict(model.config) | {
    'views': dict(clips=clips, crops=crops, short_side=0, frame='padded')
  }
  trained = dataclasses.replace(model, config=config)
  found = read_clip(trained, film)
  with open_video(film) as video:
    views = make_test_views(video, trained.spec)
    frames = video.read(found.numbers)
  np.testing.assert_array_equal(found.arrays['video'], views['video'][:1])
  np.testing.assert_array_equal(found.frames, views['video'][0])
  assert len(found.numbers) == len(found.seconds) == len(frames)
  assert (np.diff(found.seconds) >= 0).all()


def test_a_clip_of_framesets_has_all_its_frames(film, tmp_path):
  adapter = dict(name='dualpath', rank=4, grid=(2, 2), spatial_frames=2)
  options = dict(temporal_embedding=False, frames=8)
  trained = small.trained(adapter, tmp_path, **options)
  found = read_clip(trained, film)
  assert len(found.frames) == 8 and found.arrays['video'].shape[:2] == (1, 2)
  np.testing.assert_array_equal(found.arrays['video'][0], found.frames[::4])
  assert found.arrays['grid'].shape[:2] == (1, 2)


def test_maps_of_a_run_are_written(i2v, tmp_path):
  code, said, _ = i2v()
  assert code == 0 and 'out.npz' in said
  found = load(tmp_path / 'out.npz')
  assert found['frame -1/frames'].tolist() == [0, 0, 1, 2]
  assert found['frame +1/frames'].tolist() == [1, 2, 3, 3]
  for name in ('spatial', 'frame -1', 'frame +1', 'image model/spatial'):
    weights = found[f'{name}/weights']
    sums = weights.sum(axis=(2, 3)) + found[f'{name}/rest']
    np.testing.assert_allclose(sums, 1, atol=1e-5)
  heads = [found[f'{x}/heads'].tolist() for x in ('frame -1', 'frame +1')]
  assert heads == [[0], [1]]
  facts = json.loads(str(found['facts']))
  assert (
    facts['block'] == 'block 1, the last of 2'
    and facts['query'] == 'class token'
  )


def test_merged_adapters_give_the_same_maps(i2v, tmp_path):
  i2v()
  code, said, _ = i2v(workdir='merged', out='merged.npz')
  assert code == 0 and 'name the original ones with --weights' in ' '.join(
    said.split()
  )
  one, other = load(tmp_path / 'out.npz'), load(tmp_path / 'merged.npz')
  for name in ('spatial', 'frame -1', 'frame +1'):
    weights = f'{name}/weights'
    np.testing.assert_allclose(one[weights], other[weights], atol=2e-3)
  assert not [name for name in other if name.startswith('image model')]


def test_a_query_patch_is_of_a_frame_of_the_clip(i2v, film, tmp_path):
  """As `--at` takes it; the arrays keep the numbers in the video."""
  code, _, error = i2v('--at', '1,2,3', '--block', 0)
  assert code == 0, error
  found = load(tmp_path / 'out.npz')
  facts = json.loads(str(found['facts']))
  assert facts['query'] == 'patch 1,2 of frame 3'
  assert facts['block'] == 'block 0 of 0 to 1'
  with open_video(film) as video:
    times = np.asarray(video.info.times)
  np.testing.assert_allclose(found['seconds'], times[found['numbers']])


def test_the_title_says_how_fine_the_maps_are(exported, film):
  attention = compute.compute_attention(trained.load(exported / 'full'), film)
  rows, columns = attention.maps[0].weights.shape[-2:]
  assert attention.frozen
  assert attention.title[1].endswith(
    f'maps of {columns} x {rows} patches, interpolated'
  )


@pytest.mark.parametrize(
  ('family', 'query'), [('clip', 'class token'), ('siglip', 'pooling query')]
)
def test_rollout_names_the_query_that_it_starts_from(
  film, tmp_path, family, query
):
  options = dict(depth=1, temporal_embedding=False, family=family)
  model = small.trained(None, tmp_path, **options)
  found = compute.compute_attention(model, film, through=True)
  assert found.facts['query'] == query


def test_weights_give_a_merged_export_its_image_model(model, i2v, tmp_path):
  i2v()
  file = tmp_path / 'image.safetensors'
  cfg = model.model.image_model
  backbone = jax.device_get(model.params['backbone'])
  native.write(file, backbone, **native.make_metadata(cfg))
  code, _, error = i2v('--weights', file, workdir='merged', out='merged.npz')
  assert code == 0, error
  one, other = load(tmp_path / 'out.npz'), load(tmp_path / 'merged.npz')
  name = 'image model/spatial/weights'
  np.testing.assert_allclose(one[name], other[name], atol=1e-6)


def test_a_run_has_the_weights_it_began_with(model):
  """Those of its config, not those that training changed."""
  params, notes = load_image_params(model)
  assert not notes
  config = dict(model.config) | {'weights': 'random', 'seed': 3}
  trained = dataclasses.replace(model, config=config)
  params, notes = load_image_params(trained)
  names = trained.class_names
  wanted = stored.load_pretrained(config, model.model, names, settled=True)
  leaves_equal(params, wanted['backbone'])


def test_exports_know_whether_training_changed_the_image_model(model):
  config = dict(model.config) | {'weights': '', 'start_from': ''}
  for trainable, kept in (
    (('adapters', 'head'), True),
    (('adapters', 'head', 'backbone/ln_post'), True),
    (('adapters', 'head', 'backbone/blocks_1/attn'), False),
    (('',), False),
  ):
    trained = dataclasses.replace(
      model, config=config | {'trainable': trainable}
    )
    params, notes = load_image_params(trained)
    assert (params is not None, bool(notes)) == (kept, not kept)
    assert is_frozen(trained) == kept


def test_weights_that_are_gone_leave_a_row_out(model):
  config = dict(model.config) | {'weights': 'nowhere', 'needs': ''}
  trained = dataclasses.replace(model, config=config)
  params, (note,) = load_image_params(trained)
  assert params is None and 'nowhere' in note


def test_a_sheet_of_every_kind_of_query(i2v, tmp_path):
  sizes = []
  for flags in ((), ('--block', 0), ('--at', '1,2,3'), ('--rollout',)):
    code, _, error = i2v(*flags, out='out.png')
    assert code == 0, error
    sizes.append(cv2.imread(str(tmp_path / 'out.png')).shape)
  assert sizes[0] == sizes[1] and sizes[3][0] < sizes[0][0]


def test_without_a_name_the_sheet_lies_next_to_the_model(exported, film):
  with pytest.raises(SystemExit) as end:
    cli.main(['attention', '--workdir', str(exported / 'full'), str(film)])
  assert end.value.code == 0
  name = f'attention-{film.parent.name}-a.png'
  assert (exported / 'full' / name).is_file()


def test_videos_of_the_same_name_have_sheets_of_their_own(model, monkeypatch):
  clips = 'left and back/3.mp4', 'right and back/3.mp4'
  one, other = (outputs.name_output(model, clip) for clip in clips)
  assert one == model.folder / 'attention-left and back-3.png' != other
  monkeypatch.chdir(model.folder)
  inside = outputs.name_output(model, '3.mp4').name
  assert inside == f'attention-{model.folder.name}-3.png'


@pytest.mark.parametrize('out', [(), ('--out', 'out.npz')])
def test_a_folder_that_cannot_be_written_to_is_told_before_computing(
  exported, film, monkeypatch, capsys, out
):
  def refuse(dir):
    raise PermissionError(errno.EACCES, 'Permission denied')

  monkeypatch.setattr(tempfile, 'TemporaryFile', refuse)
  monkeypatch.delattr(compute, 'compute_attention')
  with pytest.raises(SystemExit) as end:
    cli.main(
      ['attention', '--workdir', str(exported / 'full'), str(film), *out]
    )
  assert end.value.code == 1
  error = ' '.join(capsys.readouterr().err.split())
  assert 'could not be written (Permission denied)' in error


@pytest.mark.parametrize(
  ('flags', 'problem'),
  [
    (('--block', 7), '7'),
    (('--at', '9,0,0'), '9'),
    (('--at', '0,0,9'), '9'),
    (('--rollout', '--block', 0), 'leave --block out'),
    (dict(out='out.txt'), 'end the name in one of .png, .jpg, .mp4, .npz'),
    (dict(out='none/out.png'), 'none does not exist'),
    (dict(clip='none.mp4'), 'none.mp4'),
  ],
)
def test_what_is_wrong_is_one_sentence(i2v, tmp_path, flags, problem):
  options = flags if isinstance(flags, dict) else {}
  code, _, error = i2v(*(() if options else flags), **options)
  assert code == 1 and problem in error and len(error.splitlines()) == 2
  assert not [*tmp_path.iterdir()]


def test_a_patch_is_three_numbers(i2v):
  code, _, error = i2v('--at', '1,2')
  assert code == 2 and "'1,2' is not X,Y,T" in error


def test_the_video_is_not_written_over(i2v, film):
  before = film.read_bytes()
  code, _, error = i2v(out=film)
  assert code == 1 and 'which is read' in error
  assert film.read_bytes() == before


def test_a_video_that_cannot_be_read_is_named(i2v, tmp_path):
  bad = tmp_path / 'bad.mp4'
  bad.write_bytes(b'no video')
  code, _, error = i2v(clip=bad)
  assert code == 1 and 'bad.mp4' in error and len(error.splitlines()) == 2


def test_a_detector_is_refused(film, tmp_path, capsys):
  export.export_full(small.detector(None, tmp_path), tmp_path / 'model')
  with pytest.raises(SystemExit) as end:
    cli.main(['attention', '--workdir', str(tmp_path / 'model'), str(film)])
  assert end.value.code == 1
  assert 'classifies boxes of key frames' in capsys.readouterr().err
