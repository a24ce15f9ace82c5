"""Parts of a model are switched off by one key; misspelt prefixes are named."""

import pytest

from configs import common, methods
from i2v_jax.models.inputs import param_shapes
from i2v_jax.training import experiment, trainable
from i2v_jax.training.run import split_params


def config_of(method='aim', **model):
  c = common.base()
  sizes = dict(width=32, depth=2, num_heads=4, patch_size=4, image_size=16)
  c.model.backbone = dict(family='clip', variant='', **sizes)
  methods.METHODS[method](c)
  config = experiment.to_plain(c)
  config['model'] |= model
  return experiment.check_config(config)


def parts(config):
  model = experiment.build_model(config, 3)
  return split_params(config, model, param_shapes(model))


@pytest.mark.parametrize(
  ('off', 'prefix', 'left'),
  [
    (dict(temporal_embedding=False), 'temporal_embedding', {'adapters'}),
    (dict(adapter=None), 'adapters', {'temporal_embedding'}),
    (dict(adapter=None, temporal_embedding=False), 'adapters', set()),
  ],
)
def test_a_part_is_switched_off_by_one_key(off, prefix, left):
  config = config_of(**off)
  found, mine, _ = parts(config)
  assert set(mine) == left | {'head', 'backbone'}
  assert prefix not in found['trainable']
  text = trainable.describe_dropped(config, found)
  assert f'{prefix} ' in text.replace(',', ' ') and '(trainable)' in text


def test_its_multipliers_go_with_it():
  config = config_of(temporal_embedding=False)
  still = {'temporal_embedding': 0.0, 'backbone/ln_post': 0.0}
  config['optimizer'] |= dict(decay_multipliers=still)
  found, *_ = parts(config)
  assert found['optimizer']['decay_multipliers'] == {'backbone/ln_post': 0.0}
  text = trainable.describe_dropped(config, found)
  assert 'temporal_embedding (optimizer.decay_multipliers)' in text


def test_factors_of_what_is_not_trained_are_left_out():
  config = config_of() | {'trainable': ['head']}
  factors = {'backbone/ln_post': 0.0, 'head': 1.0}
  config['optimizer'] |= dict(decay_multipliers=factors)
  found, *_ = parts(config)
  assert found['optimizer']['decay_multipliers'] == {'head': 1.0}
  assert 'backbone/ln_post' in trainable.describe_dropped(config, found)


def test_nothing_is_said_of_a_whole_model():
  config = config_of()
  assert not trainable.describe_dropped(config, parts(config)[0])


@pytest.mark.parametrize(
  ('change', 'key'),
  [
    (dict(trainable=['head', 'adaptres']), "trainable names 'adaptres'"),
    (dict(trainable=['temporal_embeding']), 'trainable names'),
    (dict(lr_multipliers={'heads': 0.1}), "optimizer.lr_multipliers names 'h"),
    (
      dict(decay_multipliers={'x': 0.0}),
      "optimizer.decay_multipliers names 'x",
    ),
    (dict(first_channels={'x': (0, 1)}), "optimizer.first_channels names 'x"),
  ],
)
def test_a_misspelt_prefix_is_named_with_its_key(change, key):
  config = config_of()
  node = config if 'trainable' in change else config['optimizer']
  node |= change
  with pytest.raises(ValueError, match=key):
    parts(config)


def test_a_model_with_nothing_to_train_is_refused():
  config = config_of(adapter=None) | {'trainable': ['adapters']}
  with pytest.raises(
    ValueError, match=r'trainable is .*adapters.*name some of'
  ):
    parts(config)
