"""Options that a config does not list, given on a command line."""

import pytest

from configs import finetune_folder
from i2v_jax.training import config_flag, optional_keys


def config(arg='smoke,method=lora'):
  return finetune_folder.get_config(arg)


@pytest.mark.parametrize(
  'key',
  [
    'model.backbone.activation',
    'model.backbone.norm_eps',
    'model.backbone.mlp_dim',
    'model.head_std',
    'model.adapter.blocks',
  ],
)
def test_options_of_the_parts_can_be_set(key):
  c = config()
  optional_keys.add_keys(c, [key])
  *parents, name = key.split('.')
  node = c
  for parent in parents:
    node = node[parent]
  assert name in node
  node[name] = 'text'
  node[name] = 0.5  # their ranges are checked where they are used


@pytest.mark.parametrize(
  'key', ['model.x', 'model.backbone.x', 'model.adapter.x', 'optimizer.x', 'x']
)
def test_other_keys_are_not_added(key):
  c = config()
  optional_keys.add_keys(c, [key])
  assert c == config()


def test_values_stay_as_they_are():
  c = config()
  optional_keys.add_keys(c, ['model.backbone.width', 'model.adapter.rank'])
  assert c == config()


def test_the_command_line_tells_which():
  argv = ['i2v', '--config=x.py', '--config.a.b=1', '-noconfig.c', '--other.d']
  assert config_flag._find_changed(argv) == ['a.b', 'c']
