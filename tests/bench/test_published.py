"""Published costs next to ours, and next to those in the docs."""

import json
import re

import pytest
from paths import ROOT

from configs import published as table
from i2v_jax import cli
from i2v_jax.bench import published
from i2v_jax.models.macs import count_macs
from i2v_jax.training import counts, experiment

DOCS = (ROOT / 'docs' / 'performance.md').read_text(encoding='utf-8')
ROWS = {
  cells[0]: cells
  for cells in (
    [cell.strip() for cell in line.strip('|').split('|')]
    for line in DOCS.splitlines()
    if re.match(r'\| \S+ (K[47]00|SSv2|Diving48) (Swin-B|[BL]/1)', line)
  )
}
VARIANTS = dict(table.sweep())
# What the docs explain; all others are within the 0.3 % they state.
OFF = {
  'AIM K400 L/14 8': 0.036,
  'DualPath K400 B/16 16': 0.3,
  'DualPath K400 B/16 32': 0.22,
  'DualPath K400 B/16 64': 0.07,
  'DualPath K400 B/16 80': 0.02,
}


@pytest.mark.parametrize('name', VARIANTS)
def test_gflops_are_those_of_the_docs_and_near_the_papers(name):
  config = VARIANTS[name]
  paper, views = (
    config.published.gflops,
    config.views.clips * config.views.crops,
  )
  model = experiment.build_model(config, config.published.num_classes)
  macs = views * sum(count_macs(counts.build_deployed(model)).values())
  assert ROWS[name][1] == f'{macs / 1e9:,.1f}'
  assert ROWS[name][2] == ('-' if paper is None else f'{paper:,}')
  if paper:
    assert macs / 1e9 == pytest.approx(paper, rel=OFF.get(name, 0.003))


def test_every_row_of_the_docs_is_one_of_the_config():
  assert ROWS.keys() == VARIANTS.keys() and len(ROWS) > 35


@pytest.mark.parametrize('method', ['ZeroI2V', 'ST-Adapter'])
def test_with_norms_the_papers_numbers_come_out(method):
  """Five operations for every value of a norm, rounded; not on Swin."""
  compared = 0
  for name, config in VARIANTS.items():
    paper = config.published.gflops
    if name.startswith(method) and paper and 'Swin' not in name:
      model = experiment.build_model(config, config.published.num_classes)
      vit, views = model.image_model, config.views.clips * config.views.crops
      values = (1 + 2 * vit.depth) * vit.num_tokens * vit.width
      macs = sum(count_macs(counts.build_deployed(model)).values())
      macs += 5 * model.num_frames * values
      assert round(views * macs / 1e9) == paper
      compared += 1
  assert compared >= 3


@pytest.mark.slow
def test_parameters_are_those_of_the_docs():
  """Those of the fewest frames; more frames only lengthen an embedding."""
  six = 'ZeroI2V SSv2 B/16 8'  # adapters; more frames have four
  group = lambda name: name if name == six else name.rpartition(' ')[0]
  fewest = {}
  for name in sorted(ROWS, key=lambda name: int(name.split()[-1])):
    fewest.setdefault(group(name), name)
  for row in published.make_rows(
    'configs/published.py', tuple(fewest.values())
  ):
    assert published.make_cells(row) == ROWS[row['name']]
  for name, cells in ROWS.items():
    first = ROWS[fewest[group(name)]]
    for cell, other in zip(cells[4:], first[4:], strict=True):
      found, wanted = (float(text.split()[0]) for text in (cell, other))
      assert wanted <= found < wanted + 0.11


def test_the_command_prints_and_writes_rows(tmp_path, capsys):
  name, out = 'ZeroI2V K400 B/16 8', tmp_path / 'sub' / 'rows.json'
  command = ['bench', 'published', '--only', name, '--out', str(out)]
  with pytest.raises(SystemExit) as done:
    cli.main(command)
  assert done.value.code == 0
  text = ' '.join(capsys.readouterr().out.split())
  assert ' '.join(ROWS[name]) in text
  (row,) = json.loads(out.read_text(encoding='utf-8'))['rows']
  assert row['published'] == dict(gflops=422, total=None, tunable=14, added=0)
  assert row['ours']['tunable'] == pytest.approx(14.517136)
  assert published.make_cells(row) == ROWS[name]


def test_a_sweep_without_published_numbers_is_refused(sweep_file, capsys):
  with pytest.raises(SystemExit):
    cli.main(['bench', 'published', '--config', sweep_file()])
  assert "'ZeroI2V 1/2' of " in capsys.readouterr().err
