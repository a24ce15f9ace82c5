"""Published weights as files of ours, and training that begins at one."""

import json

import jax
import numpy as np
import published
import pytest
import small

from i2v_jax import cli, params, weights
from i2v_jax.data.sets import sources
from i2v_jax.deploy import convert, model_card, trained
from i2v_jax.training import experiment, loop, stored
from i2v_jax.training.run import prepare_run

CONFIG = """
from configs import quickstart


def get_config(arg=''):
  c = quickstart.get_config('smoke')
  c.model.backbone = dict(
    family='clip', width=48, depth=2, num_heads=6, patch_size=8, image_size=24
  )
  c.model.num_frames = 8
  c.model.adapter = dict(
    name='zeroi2v', offsets=(-1, 1), num_adapters=4, scale=SCALE, rank=0.25
  )
  c.model.temporal_embedding = True
  c.data.root = ROOT
  c.data.normalization = 'clip'
  return c
"""


def i2v(*args) -> int:
  with pytest.raises(SystemExit) as end:
    cli.main([str(a) for a in args])
  return end.value.code


@pytest.fixture(scope='module')
def names(digits):
  return sources.load_split('digits', str(digits), 'val').class_names


@pytest.fixture(scope='module')
def release(tmp_path_factory):
  """A published ZeroI2V with as many classes as the digits, and its clip."""
  golden = published.HERE / 'zeroi2v_4adapters_rf3.npz'
  config, arrays = published.load(golden)
  state, count = dict(arrays['state']), 4
  for key in ('cls_head.fc_cls.weight', 'cls_head.fc_cls.bias'):
    state[key] = state[key][:count]
  file = tmp_path_factory.mktemp('release') / 'epoch_40.npz'
  np.savez(file, **state)
  clip = arrays['input'].transpose(0, 2, 3, 4, 1)
  return file, config, clip, arrays['output'][:, :count]


@pytest.fixture(scope='module')
def config_file(tmp_path_factory, release, digits):
  path = tmp_path_factory.mktemp('config') / 'released.py'
  scale = str(release[1]['adapter_scale'])
  text = CONFIG.replace('SCALE', scale).replace('ROOT', repr(str(digits)))
  path.write_text(text, encoding='utf-8')
  return path


@pytest.fixture(scope='module')
def export(release, config_file, names, tmp_path_factory):
  """The release, converted by the command."""
  out = tmp_path_factory.mktemp('converted') / 'out'
  classes = out.with_name('classes.json')
  classes.write_text(json.dumps(names), encoding='utf-8')
  given = ('--config', config_file, '--classes', classes, '--out', out)
  assert i2v('weights', 'convert', release[0], *given) == 0
  return out


def test_a_release_becomes_an_export_with_the_same_logits(release, export):
  found = trained.load(export)
  _, _, clip, output = release
  logits = small.apply(found.model, found.params, clip)
  np.testing.assert_allclose(logits, output, rtol=0, atol=1e-5)
  facts = json.loads((export / 'facts.json').read_text(encoding='utf-8'))
  assert facts['format'] == 'full' and 'base' not in facts
  card = model_card.make_card('org/name', facts)
  assert 'converted from epoch_40.npz (ZeroI2V on CLIP)' in card
  assert 'trained with' not in card


def test_it_predicts_evaluates_and_merges(export, digits, tmp_path, capsys):
  clip = min(digits.glob('val/*/*.mp4'))
  assert i2v('predict', '--workdir', export, clip) == 0
  assert i2v('eval', '--workdir', export, '--root', digits) == 0
  assert '12 videos (0 unreadable)' in capsys.readouterr().out
  merged = tmp_path / 'merged'
  assert i2v('export', '--workdir', export, '--out', merged) == 0
  top = lambda folder: trained.load(folder).probabilities(clip)
  np.testing.assert_allclose(top(merged), top(export), rtol=0, atol=1e-5)


def test_training_begins_there(export, smoke_config, tmp_path):
  config = at(smoke_config, start_from=str(export))
  start = trained.load(export)
  begun = prepare_run(config, tmp_path / 'run')
  jax.tree.map(np.testing.assert_array_equal, begun.params, start.params)
  loop.train_and_evaluate(config, tmp_path / 'run')
  found = trained.load(tmp_path / 'run')
  frozen = found.params['backbone']['blocks_0']['attn']['q']['kernel']
  wanted = start.params['backbone']['blocks_0']['attn']['q']['kernel']
  np.testing.assert_array_equal(frozen, wanted)
  moved = found.params['head']['kernel'] - start.params['head']['kernel']
  assert np.abs(moved).max() > 0


def at(smoke_config, **changes):
  """A config of the digits with the released model."""
  config = smoke_config().copy_and_resolve_references()
  config.unlock()
  backbone = dict(width=48, depth=2, num_heads=6, patch_size=8, image_size=24)
  config.model.backbone = dict(family='clip', **backbone)
  config.model.num_frames = 8
  options = dict(offsets=(-1, 1), num_adapters=4, scale=0.5, rank=12)
  config.model.adapter = dict(name='zeroi2v', **options)
  config.model.temporal_embedding = True
  config.update(changes)
  return config.lock()


def pretrained(config, names):
  model = experiment.build_model(config, len(names))
  return stored.load_pretrained(config, model, names)


def test_other_classes_get_a_new_head(export, smoke_config, names, capsys):
  config = at(smoke_config, start_from=str(export))
  assert 'head' in pretrained(config, names)
  found = pretrained(config, names[::-1])
  assert 'head' not in found and 'adapters' in found
  assert 'the head is initialised' in capsys.readouterr().out


def test_another_function_of_the_same_parameters_is_refused(
  export, smoke_config, names
):
  config = at(smoke_config, start_from=str(export))
  with config.unlocked():
    config.model.adapter.offsets = (-2, 2)
  with pytest.raises(
    ValueError, match=r'adapter\.offsets .*-1, 1.* has .*-2, 2'
  ):
    pretrained(config, names)


def test_another_number_of_frames_is_resampled(export, smoke_config, names):
  config = at(smoke_config, start_from=str(export))
  with config.unlocked():
    config.model.num_frames = 4
  assert pretrained(config, names)['temporal_embedding'].shape == (4, 48)


def test_a_folder_without_export_is_named(smoke_config, names, tmp_path):
  config = at(smoke_config, start_from=str(tmp_path))
  with pytest.raises(FileNotFoundError, match='i2v weights convert --config'):
    pretrained(config, names)


def test_a_merged_release_is_exported_as_merged(
  release, config_file, names, tmp_path
):
  from i2v_jax.training import config_files

  _, arrays = published.load(published.HERE / 'zeroi2v_4adapters_rf3.npz')
  file, _, clip, output = release
  head = {k: v for k, v in np.load(file).items() if k.startswith('cls_head')}
  config = config_files.load_config(str(config_file))
  convert.convert_release(
    arrays['merged'] | head, config, names, tmp_path / 'out'
  )
  found = trained.load(tmp_path / 'out')
  assert found.model.adapter['num_adapters'] == 0
  logits = small.apply(found.model, found.params, clip)
  np.testing.assert_allclose(logits, output, rtol=0, atol=1e-5)


def test_a_release_of_another_method_is_refused(golden, config_file, names):
  from i2v_jax.training import config_files

  config = config_files.load_config(str(config_file))
  _, arrays = published.load(golden / 'aim_clip_3adapters.npz')
  with pytest.raises(ValueError, match='The mapping is of aim, not of zeroi2v'):
    convert.convert_release(arrays['state'], config, names, 'out')


def test_another_normalisation_is_refused(release, config_file, names):
  from i2v_jax.training import config_files

  settings = ['data.normalization=half']
  config = config_files.load_config(str(config_file), settings)
  with pytest.raises(ValueError, match="normalization 'clip', the config has"):
    convert.convert_release(release[0], config, names, 'out')


def test_nothing_is_overwritten(golden, tmp_path, capsys):
  folder = tmp_path / 'mine'
  folder.mkdir()
  (folder / 'notes.txt').write_text('mine', encoding='utf-8')
  command = ('weights', 'convert', golden / 'hf_vit', '--out', folder)
  assert i2v(*command) == 1
  assert 'is not empty' in capsys.readouterr().err
  assert i2v(*command[:-1], folder / 'notes.txt') == 1
  said = 'notes.txt is not a folder; choose another --out.'
  assert said in capsys.readouterr().err
  assert [p.name for p in folder.iterdir()] == ['notes.txt']


def test_a_release_wants_its_config(release, tmp_path, capsys):
  assert i2v('weights', 'convert', release[0], '--out', tmp_path / 'out') == 1
  assert 'is a published video model; give --config' in capsys.readouterr().err


def test_files_may_be_read_by_others(golden, tmp_path):
  convert.convert_image_model(golden / 'hf_vit', tmp_path / 'out')
  (tmp_path / 'plain').touch()
  mode = lambda path: path.stat().st_mode
  found = mode(tmp_path / 'out' / 'model.safetensors')
  assert found == mode(tmp_path / 'plain')


@pytest.mark.parametrize(
  ('field', 'value'),
  [('num_heads', 4), ('activation', 'gelu'), ('norm_eps', 1e-6)],
)
def test_another_image_model_of_the_same_shapes_is_refused(
  export, smoke_config, names, field, value
):
  config = at(smoke_config, start_from=str(export))
  with config.unlocked():
    config.model.backbone[field] = value
  with pytest.raises(ValueError, match=f'has model.backbone.{field}'):
    pretrained(config, names)


def test_defaults_need_not_be_spelt(export, smoke_config, names):
  config = at(smoke_config, start_from=str(export))
  with config.unlocked():
    config.model.adapter = dict(
      name='zeroi2v', offsets=[-1, 1], scale=0.5, dropout=0.3
    )
  assert 'adapters' in pretrained(config, names)


def test_class_names_are_needed(release, config_file, tmp_path, capsys):
  given = ('--config', config_file, '--out', tmp_path / 'out')
  assert i2v('weights', 'convert', release[0], *given) == 1
  assert 'give --classes' in capsys.readouterr().err


def test_image_weights_are_converted_and_used(golden, tmp_path):
  folder = golden / 'hf_dinov2'
  assert i2v('weights', 'convert', folder, '--out', tmp_path / 'ours') == 0
  found = weights.load_image_model(tmp_path / 'ours')
  wanted = weights.load_image_model(folder)
  assert params.sha256(found.params) == params.sha256(wanted.params)
  backbone = weights.load_backbone(str(tmp_path / 'ours'), wanted.model.cfg)
  assert params.sha256(backbone) == params.sha256(wanted.params)


def test_what_the_file_does_not_tell_is_set(golden, tmp_path, capsys):
  file = np.load(golden / 'openai_clip_visual.npz')
  state = {k[6:]: file[k] for k in file.files if k.startswith('state/')}
  path, out = tmp_path / 'clip.npz', tmp_path / 'ours'
  np.savez(path, **state)
  convert_it = (
    'weights',
    'convert',
    path,
    '--out',
    out,
    '--set',
    'num_heads=6',
  )
  assert i2v(*convert_it) == 1
  assert "give activation='quick_gelu'" in capsys.readouterr().err
  assert i2v(*convert_it, '--set', 'activation=gelu') == 0
  cfg = weights.load_image_model(out).model.cfg
  assert (cfg.num_heads, cfg.activation) == (6, 'gelu')
