"""Variants: chosen, changed, and files that are none."""

import pytest

from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_files


def test_variants_are_chosen_and_changed(sweep_file):
  changes = ['steps=7', 'optimizer.lr=1', 'data.root=2024', 'weights=random']
  changes += ['trainable=["head"]', 'model.adapter={"name": "other"}']
  (probe,) = config_files.load_variants(sweep_file(), changes, ['probe'])
  assert probe.name == 'probe' and probe.folder == 'probe'
  found = probe.config
  assert found['steps'] == 7 and found['optimizer']['lr'] == 1.0
  assert found['data']['root'] == '2024' and found['weights'] == 'random'
  assert found['trainable'] == ['head']
  assert found['model']['adapter'] == {'name': 'other'}
  first, second = config_files.load_variants(sweep_file())
  assert first.folder == 'ZeroI2V_1_2'
  assert first.config['model']['adapter'] and first.config['reported'] == 12.5
  assert second.config['model']['adapter'] is None


def test_options_that_a_config_does_not_list_can_be_set(sweep_file):
  settings = ['backbone.activation="gelu"', 'projection=8']
  (probe,) = config_files.load_variants(
    sweep_file(), [f'model.{text}' for text in settings], ['probe']
  )
  assert probe.config['model']['backbone']['activation'] == 'gelu'
  assert probe.config['model']['projection'] == 8
  for key in ('backbone.x', 'x', 'adapter.x'):
    with pytest.raises(ValueError, match='has no config key'):
      config_files.load_variants(sweep_file(), [f'model.{key}=1'])


def test_whole_floats_are_whole_numbers(sweep_file):
  (probe,) = config_files.load_variants(sweep_file(), ['steps=7.0'], ['probe'])
  assert type(probe.config['steps']) is int and probe.config['steps'] == 7


@pytest.mark.parametrize(
  ('settings', 'only', 'error'),
  [
    (['optimizer.lrs=1'], (), "'optimizer.lrs'; did you mean 'optimizer.lr'"),
    (['model.adapter.name=x'], (), "'probe' has no config key"),
    (
      ['optimizer=3'],
      (),
      r'optimizer takes a mapping; .*, such as optimizer\.',
    ),
    (['steps'], (), "takes KEY=VALUE, not 'steps'"),
    (['steps=7.5'], (), 'steps takes a value such as 3, not 7.5'),
    (['steps=many'], (), "steps takes a value such as 3, not 'many'"),
    ([], ['prob'], "it has ZeroI2V 1/2, probe; did you mean 'probe'"),
  ],
)
def test_what_cannot_be_set_or_chosen_is_named(
  sweep_file, settings, only, error
):
  with pytest.raises(ValueError, match=error):
    config_files.load_variants(sweep_file(), settings, only)


def yields(*names):
  lines = [f'  yield {name!r}, common.base()' for name in names]
  return '\n'.join(['from configs import common', 'def sweep(arg):', *lines])


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    ('def get_config(): pass', r'has no sweep\(arg\) that yields'),
    ('def sweep(arg): return []', r'has no sweep\(arg\) that yields'),
    (yields('a', 'b', 'a'), "'a' and 'a', which would share a folder"),
    (yields('a b', 'a/b'), "'a b' and 'a/b', which would share a folder"),
    (yields('...'), r"a variant '\.\.\.'; use letters"),
    ('import nothing_of_this_name', 'No module named'),
    ('def sweep(arg): return [("a", 5)]', r'sweep\(\) yields int, not a Con'),
    ('def sweep(arg):\n  raise Exception("no such arg")', 'no such arg'),
  ],
)
def test_a_file_that_is_no_sweep_says_why(sweep_file, text, error):
  with pytest.raises(ValueError, match=f'of_a_test.py.*{error}'):
    config_files.load_variants(sweep_file(text))


def test_a_file_that_is_not_there_is_named(tmp_path):
  with pytest.raises(ValueError, match=r'There is no .*none\.py, nor is'):
    config_files.load_variants(f'{tmp_path}/none.py:smoke')


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    (
      'def get_config(arg): return 5',
      r'get_config\(\) returns int, not a Con',
    ),
    ('STEPS = 5', r'there is no get_config\(\); add one'),
    ('def', r'invalid syntax \(of_a_test.py, line 1\)'),
  ],
)
def test_a_file_that_is_no_config_says_why(sweep_file, text, error):
  with pytest.raises(UserError, match=f'of_a_test.py: {error}'):
    config_files.load_config(sweep_file(text))


def test_a_mapping_can_be_set_to_none(sweep_file):
  changes, only = ['model.adapter=None'], ['ZeroI2V 1/2']
  (found,) = config_files.load_variants(sweep_file(), changes, only)
  assert found.config['model']['adapter'] is None
