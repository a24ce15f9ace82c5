"""The numbers of docs/methods.md, computed anew."""

import importlib
import pathlib
import re

import jax
import pytest
import small

from configs import methods
from i2v_jax import experiment, optimizer, video
from i2v_jax import params as params_lib

ROOT = pathlib.Path(__file__).parents[1]
TEXT = (ROOT / 'docs' / 'methods.md').read_text()
ROWS = {
  cells[0].strip('` '): [cell.strip() for cell in cells]
  for cells in (
    line.strip('|').split('|')
    for line in TEXT.splitlines()
    if re.match(r'\| `\w+` \|.*\d,\d{3}', line)
  )
}


def config_of(method, variant='B/16'):
  frames = 16 if method == 'dualpath' else 8
  arg = f'method={method},variant={variant},frames={frames}'
  return importlib.import_module('configs.finetune_folder').get_config(arg)


def flops(model):
  run = jax.jit(lambda params, *clips: model.apply({'params': params}, *clips))
  lowered = run.lower(small.shapes(model), *video.example(model))
  return lowered.cost_analysis()['flops']


def test_every_method_has_its_row():
  assert ROWS.keys() == methods.METHODS.keys()


@pytest.mark.parametrize('variant', ['B/16', 'L/14'])
@pytest.mark.parametrize('method', methods.METHODS)
def test_parameters_are_those_of_the_table(method, variant):
  config = config_of(method, variant)
  shapes = small.shapes(experiment.model(config, 400))
  mine, _ = params_lib.split(shapes, config.trainable)
  channels = dict(config.optimizer.first_channels)
  count = optimizer.count_trained(mine, channels)
  column = {'B/16': 4, 'L/14': 5}[variant]
  assert ROWS[method][column] == f'{count:,}'


@pytest.mark.parametrize('method', methods.METHODS)
def test_flops_are_those_of_the_table(method):
  plain = flops(experiment.model(config_of('linear_probe'), 400))
  found = flops(experiment.model(config_of(method), 400))
  assert f'{found / plain:.3f}' == ROWS[method][3]


@pytest.mark.parametrize('method', ['zeroi2v', 'lora'])
def test_merged_methods_cost_nothing(method):
  model = experiment.model(config_of(method), 400)
  plain = flops(model.clone(adapter=None, temporal_operator=None))
  offsets = model.adapter.get('offsets')
  merged = dict(name='zeroi2v', offsets=offsets, num_adapters=0)
  if offsets:
    model = model.clone(adapter=video.adapters.resolve(merged))
  else:
    model = model.clone(adapter=None)
  assert flops(model) / plain == pytest.approx(1, abs=5e-4)


def test_every_config_and_golden_named_in_the_table_is_there():
  for row in ROWS.values():
    for name in re.findall(r'`([\w/{},*]+)`', row[8]):
      assert list((ROOT / 'configs').glob(f'{name}.py')), name
    names = re.findall(r'`([\w{},]+)`', row[9])
    for name in names:
      pattern = re.sub(r'\{[\d,]+\}', '*', name)
      assert list((ROOT / 'tests/golden').glob(f'*{pattern}.npz')), name
