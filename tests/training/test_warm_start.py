"""Training that starts from a model trained before."""

import numpy as np
import pytest
import small

from i2v_jax import params as params_lib
from i2v_jax.deploy import trained
from i2v_jax.deploy.export import export_adapter, export_full, export_merged
from i2v_jax.models.build import build
from i2v_jax.models.inputs import param_shapes
from i2v_jax.training import stored, warm_start
from i2v_jax.weights import adapter_file

ZEROI2V = dict(name='zeroi2v', offsets=(-1, 1), dropout=0.0)
EVL = dict(name='evl', layers=1)
STEP = dict(name='step_probe')


@pytest.fixture(scope='module')
def places(smoke_run, tmp_path_factory):
  """The same model as a run, an export of each kind, and an adapter file."""
  root, model = tmp_path_factory.mktemp('stored'), trained.load(smoke_run)
  export_merged(model, root / 'merged')
  export_full(model, root / 'full')
  export_adapter(model, root / 'adapter')
  return {
    'run': smoke_run,
    'merged': root / 'merged',
    'full': root / 'full',
    'adapter': root / 'adapter',
    'file': root / 'adapter' / adapter_file.FILE,
  }


@pytest.mark.parametrize('kind', ['run', 'full', 'adapter', 'file'])
def test_it_is_a_run_an_export_or_an_adapter_file(kind, places):
  path, theirs = places[kind], trained.load(places['run'])
  found = stored.load_start(path, theirs.model, theirs.class_names)
  assert params_lib.sha256(found) == params_lib.sha256(theirs.params)


def test_a_merged_model_starts_one_without_adapters(places):
  theirs = trained.load(places['merged'])
  found = stored.load_start(places['merged'], theirs.model, theirs.class_names)
  assert params_lib.sha256(found) == params_lib.sha256(theirs.params)


def test_other_frames_and_sizes_are_resampled_and_told(places, capsys):
  theirs = trained.load(places['run'])
  spec = dict(theirs.config['model'], num_frames=4)
  spec['backbone'] = dict(spec['backbone'], image_size=48)
  ours = build(spec, 4)
  found = stored.load_start(places['run'], ours, theirs.class_names)
  params_lib.check_same_tree(param_shapes(ours), found, 'found')
  before = np.asarray(theirs.params['temporal_embedding'])
  halves = before.reshape(4, 2, -1).mean(axis=1)
  np.testing.assert_allclose(found['temporal_embedding'], halves, atol=1e-7)
  cls = found['backbone']['pos'][0]
  np.testing.assert_array_equal(cls, theirs.params['backbone']['pos'][0])
  text = capsys.readouterr().out
  assert 'temporal_embedding resampled linearly from 8 to 4 rows' in text
  assert 'backbone/pos resampled bicubically from 5 to 10 rows' in text


def test_frames_are_resampled_between_the_middles_of_their_parts():
  table = np.array([[0.0], [4.0]])
  found = warm_start.resample_frames(table, 4)[:, 0]
  np.testing.assert_allclose(found, [0, 1, 3, 4])
  np.testing.assert_allclose(warm_start.resample_frames(table, 1), [[2.0]])
  np.testing.assert_array_equal(warm_start.resample_frames(table, 2), table)


@pytest.mark.parametrize('adapter', [ZEROI2V, EVL, STEP])
def test_every_table_of_positions_is_resampled(adapter):
  options = {'temporal_embedding': True} if adapter is ZEROI2V else {}
  first = small.build(adapter, frames=4, **options)
  spec = small.spec(adapter, frames=6, **options)
  spec['backbone'] = dict(spec['backbone'], image_size=24)
  wanted = param_shapes(build(spec, 3))
  found, lines = warm_start.resample_tables(small.random(first), wanted, 1)
  params_lib.check_same_tree(wanted, found, 'found')
  assert len(lines) == (4 if adapter is EVL else 2)


def test_nothing_there_is_said_with_what_would_do(tmp_path):
  with pytest.raises(FileNotFoundError, match=r'start_from=.*an adapter file'):
    stored.load_start(tmp_path, small.build(None), ('a', 'b', 'c'))


def test_relative_times_of_aim_on_swin_are_resampled():
  first = small.on_swin(dict(name='aim'), frames=4)
  wanted = param_shapes(small.on_swin(dict(name='aim'), frames=8))
  params = small.random(first)
  found, lines = warm_start.resample_tables(params, wanted, 0)
  params_lib.check_same_tree(wanted, found, 'found')
  path = 'adapters/blocks_0/times/table resampled linearly from 7 to 15 rows'
  assert len(lines) == 2 and lines[0] == path
  before = params['adapters']['blocks_0']['times']['table']
  after = found['adapters']['blocks_0']['times']['table']
  np.testing.assert_allclose(after[7], before[3], atol=1e-6)  # the same time


def test_steps_of_a_table_per_frame_must_agree():
  spec = dict(name='zeroi2v', heads='quarter')
  four = small.on_swin(spec, bias='per_frame', steps=4)
  eight = small.on_swin(spec, frames=8, bias='per_frame', steps=8)
  with pytest.raises(ValueError, match=r'model\.backbone\.steps 4, this conf'):
    warm_start.check_same_kind('a run', four, eight)
