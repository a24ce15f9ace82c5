"""The page of a sweep: its table, figures, links and failures."""

import json
import re

import pytest
import swept

from i2v_jax.runtime.errors import UserError
from i2v_jax.training.report.sweep_page import make_sweep_report
from i2v_jax.training.sweeps import sweep


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return swept.make_sweep(tmp_path_factory.mktemp('swept') / 'my <sweep>')


@pytest.fixture(scope='module')
def page(folder):
  return make_sweep_report(folder)


def find_values(page, name):
  """Exact numbers of the row of a method."""
  (row,) = re.findall(rf'<tr><th scope="row">[^\n]*{name}.*?</tr>', page, re.S)
  return [json.loads(x) for x in re.findall(r'<data value="([^"]*)"', row)]


def test_numbers_are_those_of_the_results_to_the_digit(page):
  row = next(r for r in swept.make_rows() if r['name'] == 'ZeroI2V')
  found = find_values(page, '<bdi>ZeroI2V</bdi>')
  assert found == [
    row['top1'],
    row['reported'] / 100,
    row['tunable_params'],
    row['parameters'],
    1e-9 * row['view_macs'],
    row['train_seconds_per_clip'],
    row['train_peak_bytes'],
    row['seconds_per_clip'],
  ]


def test_gflops_are_those_of_the_table_that_the_command_prints(page):
  for row in swept.make_rows()[2:6]:
    printed = sweep.COLUMNS['GFLOP/view'](row)
    shown = find_values(page, f'<bdi>{row["name"]}</bdi>')
    assert float(printed) in [float(f'{value:.4g}') for value in shown]


def test_names_are_shown_not_interpreted(page):
  assert page.count('<script') == 1  # the page's own
  assert '&lt;script&gt;alert(1)&lt;/script&gt;' in page
  assert 'my &lt;sweep&gt;' in page
  assert '<b>' not in page


def test_the_best_is_the_cheapest_of_the_most_accurate(page):
  (verdict,) = re.findall(r'class="verdict">(.*?)</p>', page, re.S)
  assert '<bdi>ST-Adapter</bdi>' in verdict
  assert '1 failed' in verdict


def test_a_failed_method_has_its_reason(page):
  failed = page.split('<h2>What failed</h2>')[1]
  assert 'batch_size is 0; &lt;b&gt;it&lt;/b&gt; is at least 1.' in failed


def test_only_reports_that_exist_are_linked_to(page):
  links = re.findall(r'href="([^"#]*)"', page)
  assert sorted(links) == [
    'AIM/report.html',
    'LoRA%2C_relocation/report.html',
  ]


def test_a_figure_for_each_cost_with_a_dot_per_method(page):
  figures = re.findall(r'<svg.*?</svg>', page, re.S)
  assert len(figures) == 4
  for svg in figures:
    tips = ' '.join(re.findall('<title>(.*?)</title>', svg)[1:])
    assert tips.count(': ') == len(swept.METHODS)
    assert 'chance' not in svg
  front = re.findall('on the Pareto front: ([^<]*)<', figures[0])[0]
  assert front.startswith('linear probe, שיטה')
  assert front.endswith('ST-Adapter, ST-Adapter, relocation')


def test_chance_is_that_of_the_runs(tmp_path):
  swept.make_sweep(tmp_path)
  split = {'split': 'val', 'format': 'f', 'root': '', 'unit': 'videos'}
  split |= {'listed': 4, 'missing': 0, 'classes': [['a', 3], ['b', 1]]}
  data = {'train': split, 'val': split}
  (tmp_path / 'AIM/data.json').write_text(json.dumps(data))
  (tmp_path / 'AIM/config.json').write_text('{"task": "single"}')
  page = make_sweep_report(tmp_path)
  assert '>75 %</text>' in page and 'Chance is' in page
  (tmp_path / 'AIM/config.json').write_text('{"task": "multi"}')
  assert 'Chance is' not in make_sweep_report(tmp_path)


def test_seeds_are_linked_to_and_their_deviation_is_shown(tmp_path):
  row = swept.make_rows()[0] | {'top1': 0.5, 'top1_deviation': 0.0125}
  names = [row['name'], f'{row["name"]}, seed 1']
  row['seeds'] = [row | {'name': name} for name in names]
  swept.make_sweep(tmp_path, [row])
  for folder in ('linear_probe', 'linear_probe_seed_1'):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / 'report.html').write_text('')
  (tmp_path / 'linear_probe,_seed_1').mkdir()
  (tmp_path / 'linear_probe,_seed_1' / 'report.html').write_text('')
  found = make_sweep_report(tmp_path)
  assert '± 1.2' in found
  assert 'linear_probe/report.html' in found
  assert 'linear_probe%2C_seed_1/report.html' in found
  assert '<svg' not in found  # of a single point


def test_differences_to_a_baseline_are_shown_with_their_interval(tmp_path):
  rows = swept.make_rows()[:3]
  alone = make_sweep_report(swept.make_sweep(tmp_path, rows))
  assert '>difference<' not in alone
  rows[1] |= dict(difference=0.75, difference_low=0.5, difference_high=0.875)
  page = make_sweep_report(swept.make_sweep(tmp_path, rows))
  assert '>difference<' in page
  assert find_values(page, 'LoRA')[1:4] == [0.75, 0.5, 0.875]
  assert '>+75.0</data>' in page and '>+87.5</data>' in page
  assert find_values(page, 'ZeroI2V')[1] == rows[2]['reported'] / 100


def test_costs_that_results_lack_are_those_of_the_runs(tmp_path):
  rows = [
    {k: v for k, v in row.items() if not k.startswith('train_')}
    for row in swept.make_rows()
  ]
  swept.make_sweep(tmp_path, rows)
  costs = {'batch_size': 8, 'train_peak_bytes': 12345678}
  (tmp_path / 'AIM' / 'costs.json').write_text(json.dumps(costs))
  records = [
    {'step': n, 'step_seconds': s} for n, s in enumerate((9, 0.5, 0.5))
  ]
  lines = '\n'.join(map(json.dumps, records))
  (tmp_path / 'AIM' / 'metrics.jsonl').write_text(f'{lines}\n')
  found = find_values(make_sweep_report(tmp_path), '<bdi>AIM</bdi>')
  assert {0.5 / 8, 12345678} <= set(found)


@pytest.mark.parametrize('rows', [[], [{'name': 'a', 'error': 'no'}]])
def test_without_results_there_is_a_page(tmp_path, rows):
  swept.make_sweep(tmp_path, rows)
  (tmp_path / 'conditions.json').unlink()
  assert 'No method has a result' in make_sweep_report(tmp_path)


def test_rows_of_overrides_have_another_key_for_their_name(tmp_path):
  rows = [{'method': 'zeroi2v', 'tunable_params': 3, 'top1': 0.5}]
  swept.make_sweep(tmp_path, rows)
  assert '<bdi>zeroi2v</bdi>' in make_sweep_report(tmp_path)


def test_what_is_damaged_is_named(tmp_path):
  swept.make_sweep(tmp_path, [])
  (tmp_path / 'conditions.json').write_text('{"caption": ')
  assert 'conditions.json cannot be read' in make_sweep_report(tmp_path)
  (tmp_path / 'results.json').write_text('{}')
  with pytest.raises(UserError, match='no JSON list'):
    make_sweep_report(tmp_path)
  (tmp_path / 'results.json').write_text('[{"name": "a", "top1": "0.5"}]')
  with pytest.raises(UserError, match=r"Row 0 .*\(top1 is '0.5', no number"):
    make_sweep_report(tmp_path)
  (tmp_path / 'results.json').write_text('[{"name": "a", "seeds": null}]')
  assert '<bdi>a</bdi>' in make_sweep_report(tmp_path)
  with pytest.raises(FileNotFoundError):
    make_sweep_report(tmp_path / 'nowhere')
