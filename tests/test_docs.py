"""The numbers of docs/methods.md, computed again, and the picture of README."""

import functools
import importlib
import re
import runpy

import building
import cv2
import jax
import pytest
import small
from paths import ROOT

from configs import methods
from i2v_jax.models.build import merge
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.models.macs import count_macs
from i2v_jax.training import experiment, optimizer

TEXT = (ROOT / 'docs' / 'methods.md').read_text(encoding='utf-8')
ROWS = {
  cells[0].strip('` '): [cell.strip() for cell in cells]
  for cells in (
    line.strip('|').split('|')
    for line in TEXT.splitlines()
    if re.match(r'\| `\w+` \|.*\d,\d{3}', line)
  )
}


OFF_SWIN = {('Swin-B', 'evl'), ('Swin-B', 'vpt')}  # see its section


def config_of(method, variant='B/16'):
  arg = f'method={method},variant={variant}'
  return importlib.import_module('configs.finetune_folder').get_config(arg)


@functools.cache
def flops(model):
  run = jax.jit(lambda params, *clips: model.apply({'params': params}, *clips))
  lowered = run.lower(param_shapes(model), *clip_shapes(model))
  return lowered.cost_analysis()['flops']


def test_every_method_has_its_row():
  assert ROWS.keys() == methods.METHODS.keys()


def check_parameters(method, variant, column):
  """The count is the table's, and the config builds at this size."""
  if ROWS[method][column] == '-':
    assert (variant, method) in OFF_SWIN
    return
  config = config_of(method, variant)
  mine = building.check_builds(config, 400)
  channels = dict(config.optimizer.first_channels)
  assert ROWS[method][column] == f'{optimizer.count_trained(mine, channels):,}'


@pytest.mark.slow
@pytest.mark.parametrize(('variant', 'column'), [('L/14', 5), ('Swin-B', 6)])
@pytest.mark.parametrize('method', methods.METHODS)
def test_parameters_are_those_of_the_table(method, variant, column):
  check_parameters(method, variant, column)


@pytest.mark.parametrize('method', methods.METHODS)
def test_parameters_and_flops_are_those_of_the_table(method):
  check_parameters(method, 'B/16', 4)
  plain = flops(experiment.build_model(config_of('linear_probe'), 400))
  model = experiment.build_model(config_of(method), 400)
  found = flops(model)
  assert f'{found / plain:.3f}' == ROWS[method][3]
  by_formula = 2 * sum(count_macs(model).values())
  assert found == pytest.approx(by_formula, rel=0.01)


@pytest.mark.parametrize('method', ['zeroi2v', 'lora', 'ssf'])
def test_merged_methods_cost_nothing(method):
  model = small.build({'name': method}, temporal_operator=methods.STDHA)
  merged, _ = merge(model, small.random(model))
  plain = model.clone(adapter=None, temporal_operator=None)
  assert flops(merged) == flops(plain) < flops(model)
  assert ROWS[method][8] == 'yes: FLOPs 1.000'


def test_every_link_of_the_docs_leads_somewhere():
  for page in [*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md')]:
    links = re.findall(r'\]\(([^)#:]+)\)', page.read_text(encoding='utf-8'))
    for link in links:
      assert (page.parent / link).exists(), (page.name, link)


def test_every_config_and_golden_named_in_the_table_is_there():
  for row in ROWS.values():
    for name in re.findall(r'`([\w/{},*]+)`', row[9]):
      assert list((ROOT / 'configs').glob(f'{name}.py')), name
    names = re.findall(r'`([\w{},]+)`', row[10])
    for name in names:
      pattern = re.sub(r'\{[\d,]+\}', '*', name)
      assert list((ROOT / 'tests/golden').glob(f'*{pattern}.npz')), name


def test_the_picture_of_the_readme_is_what_its_script_draws():
  folder = ROOT / 'docs' / 'pictures'
  drawn = runpy.run_path(str(folder / 'motions.py'))['draw_motions']()
  kept = cv2.imread(str(folder / 'motions.png'))[..., ::-1]
  assert drawn.shape == kept.shape
  # Not the words: releases of OpenCV draw them in different fonts.
  assert (drawn[:, 160:] == kept[:, 160:]).all()


def test_the_figure_of_results_is_that_of_their_table():
  folder = ROOT / 'docs' / 'pictures'
  drawn = runpy.run_path(str(folder / 'results.py'))
  assert len(drawn['read_table']()) == 29
  # Dots and what hovering says; letters stand where matplotlib's fonts say.
  dots = re.compile(r'<circle|cx="[^"]*"|cy="[^"]*"|<title>.*?</title>')
  kept = (folder / 'results.svg').read_text(encoding='utf-8')
  assert dots.findall(drawn['draw_results']()) == dots.findall(kept)
