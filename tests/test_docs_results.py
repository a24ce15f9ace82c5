"""The scripts that make tables and figures of docs/results.md from sweeps."""

import json
import re
import runpy

import numpy as np
import pytest
from paths import ROOT

FOLDER = ROOT / 'docs' / 'results'


def load(path):
  return runpy.run_path(str(path))


def write_run(folder, seconds):
  """A run of 100 steps on objects, a clip each; it errs in two of ten."""
  (folder / 'eval').mkdir(parents=True)
  records = [
    {'step': 1, 'step_seconds': 6.0},
    {'step': 50, 'step_seconds': seconds},
    {'step': 100, 'step_seconds': seconds},
    {'step': 100, 'val/top1': 0.5},
  ]
  lines = '\n'.join(map(json.dumps, records))
  (folder / 'metrics.jsonl').write_text(lines, encoding='utf-8')
  names = sorted(sum(load(FOLDER / 'pairs.py')['PAIRS'], ()))
  (folder / 'classes.json').write_text(json.dumps(names), encoding='utf-8')
  taken = {'push left': 'push right', 'hide': 'cover'}
  found = [names.index(taken.get(name, name)) for name in names]
  labels = np.arange(len(names))
  np.savez(folder / 'eval/scores.npz', scores=np.eye(10)[found], labels=labels)


@pytest.fixture
def sweep(tmp_path):
  """Two rows of two seeds, of which the second is the baseline."""
  common = dict(tunable_params=1200, view_macs=1, error=None)
  rows = [
    common | dict(name='shift KV', reported=64.6, top1=0.75),
    common | dict(name='relocation KV', reported=66.0, top1=0.5),
  ]
  rows[0] |= dict(difference=0.25, difference_low=-0.125, difference_high=0.5)
  for row in rows:
    seeds = [row['name'], f'{row["name"]}, seed 1']
    row |= dict(top1_deviation=0.0125)
    row['seeds'] = [dict(name=name, top1=row['top1']) for name in seeds]
  workdir = tmp_path / 'sweep'
  for name in ('shift_KV', 'relocation_KV'):
    write_run(workdir / name, 0.6)
    write_run(workdir / f'{name},_seed_1', 1.2)
  (workdir / 'results.json').write_text(json.dumps(rows), encoding='utf-8')
  command = 'i2v sweep --config configs/graded.py --seeds 2'
  (workdir / 'conditions.json').write_text(json.dumps({'command': command}))
  return workdir


def test_a_sweep_becomes_a_table(sweep, tmp_path):
  collect, render = (load(FOLDER / f'{n}.py') for n in ('collect', 'render'))
  collect['write'](collect['collect'](sweep), tmp_path / 'kept.json')
  kept = json.loads((tmp_path / 'kept.json').read_text(encoding='utf-8'))
  # The first step took 6 seconds: it counts as the others do.
  assert kept['rows'][0]['minutes'] == 3.0
  assert kept['rows'][0]['seeds'] == [0.75, 0.75]
  lines = render['render_table'](kept).splitlines()
  assert lines[1] == 'i2v sweep --config configs/graded.py --seeds 2'
  assert lines[4:8] == [
    '| row | tunable | top-1 | difference | paper |',
    '| --- | --- | --- | --- | --- |',
    '| shift KV | 1,200 | 75.0 ± 1.2 | +25.0 (-12.5 to +50.0) | 64.6 |',
    '| relocation KV | 1,200 | 50.0 ± 1.2 | baseline | 66.0 |',
  ]
  assert lines[-1] == '2 seeds, 6 core-minutes of training steps.'


def test_shares_of_the_clips_are_columns():
  render = load(FOLDER / 'render.py')
  rows = [
    dict(name=f'{name}, {share}%', top1=top1, reported=0.0, minutes=1, seeds=[])
    for share, name, top1 in (
      (2, 'AIM', 0.1),
      (2, 'EVL', 0.2),
      (100, 'AIM', 0.3),
      (100, 'EVL', 0.4),
    )
  ]
  table = render['render_table']({'rows': rows, 'command': 'i2v sweep'})
  assert table.splitlines()[4:8] == [
    '| clips | 2 % | 100 % |',
    '| --- | --- | --- |',
    '| AIM | 10.0 | 30.0 |',
    '| EVL | 20.0 | 40.0 |',
  ]


def test_a_table_of_the_page_is_replaced_by_that_of_its_file(sweep, tmp_path):
  collect, render = (load(FOLDER / f'{n}.py') for n in ('collect', 'render'))
  found = collect['collect'](sweep)
  collect['write'](found, tmp_path / 'kept.json')
  render['render_page'].__globals__['FOLDER'] = tmp_path
  page = 'before\n<!-- table: kept -->\n{}<!-- end -->\nafter\n' * 2
  wanted = page.replace('{}', render['render_table'](found) + '\n')
  assert render['render_page'](page.replace('{}', 'old\n')) == wanted
  assert render['render_page'](page.replace('{}', '')) == wanted
  assert render['render_page'](wanted) == wanted


def test_the_page_holds_the_tables_of_the_files():
  render = load(FOLDER / 'render.py')
  page = (ROOT / 'docs' / 'results.md').read_text(encoding='utf-8')
  assert render['render_page'](page) == page
  tables = set(re.findall(r'<!-- table: (\w+) -->', page))
  assert tables == {path.stem for path in FOLDER.glob('*.json')}


def test_pairs_that_are_each_other_reversed(sweep, capsys):
  load(FOLDER / 'pairs.py')['main'](sweep)
  head, _, shift, _ = capsys.readouterr().out.splitlines()
  assert head.startswith('| row | push right / push left |')
  # A clip that is put into another pair says nothing of the two.
  counts = ('50 of 2', '100 of 2', '100 of 1', '100 of 2', '100 of 2')
  assert shift == f'| shift KV | {" | ".join(counts)} |'


def test_shares_are_lines_over_clips(tmp_path):
  rows = [
    dict(name=f'{method}, {share}', top1=top1, top1_deviation=0.02)
    for method in ('AIM', 'ZeroI2V')
    for share, top1 in (('100%', 0.75), ('2%', 0.1))
  ]
  (tmp_path / 'rows.json').write_text(json.dumps({'rows': rows}))
  script = load(ROOT / 'docs/pictures/shares.py')
  script['read_lines'].__globals__['ROWS'] = tmp_path / 'rows.json'
  assert script['read_lines']()['AIM'] == [(40, 0.1, 0.02), (2000, 0.75, 0.02)]
  drawn = script['draw_shares']()
  assert drawn.count('<circle') == 4
  assert all(f'>{word}<' in drawn for word in ('AIM', 'ZeroI2V', '40', '2000'))
