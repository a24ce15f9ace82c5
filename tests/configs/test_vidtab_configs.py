"""Configs of VidTAB: recipes, lists of each number of shots, and the table."""

import importlib
import json

import pytest
import vidtab_shaped
from building import check_builds
from paths import ROOT

from configs import common
from configs.vidtab import all as everything
from configs.vidtab import recipe
from i2v_jax import cli
from i2v_jax.data.sets import vidtab
from i2v_jax.training import experiment, selection
from i2v_jax.training.workdir import log

FILES = {task: task.lower() for task in recipe.TASKS}


def get(task='AR_in_Dark', arg=''):
  return importlib.import_module(f'configs.vidtab.{FILES[task]}').get_config(
    arg
  )


def test_there_is_a_file_per_task():
  found = {path.stem for path in (ROOT / 'configs/vidtab').glob('*.py')}
  assert found == {*FILES.values(), 'all', 'recipe'}
  for task, (_, classes, shots) in recipe.TASKS.items():
    assert (vidtab.TASKS[task].classes, vidtab.TASKS[task].shots) == (
      classes,
      shots,
    )
    assert get(task).data.options.task == task


@pytest.mark.parametrize('method', recipe.METHODS)
def test_every_method_builds_at_full_size(method):
  check_builds(get(arg=f'method={method},shots=16'), 11)


def test_adapters_are_those_of_the_benchmark():
  adapter = experiment.build_model(get(), 11).adapter
  assert adapter['rank'] == 0.125 and adapter['num_adapters'] == 4
  assert adapter['scale'] == 1.0 and adapter['dropout'] == 0.1
  assert tuple(adapter['offsets']) == (-1, -1, 1, 1)
  aim = get(arg='method=aim').model.adapter
  assert (aim.rank, aim.num_adapters, aim.scale) == (0.125, 4, 0.5)
  assert (aim.drop_path, aim.drop_path_axis) == (0.2, 'sample')
  quirky = get(arg='method=aim,release_quirks').model.adapter
  assert quirky.drop_path_axis == 'release'
  st_adapter = get(arg='method=st_adapter').model.adapter
  assert (st_adapter.num_adapters, st_adapter.rank) == (2, 256)
  probe = get(arg='method=attentive_probe')
  assert probe.model.adapter.positions and not probe.model.adapter.final_norm
  assert not probe.optimizer.decay_multipliers  # its positions decay, too


@pytest.mark.parametrize(
  ('method', 'name', 'lr', 'slow', 'decay'),
  [
    ('zeroi2v', 'adamw', 3e-4, {'adapters', 'backbone'}, 0.05),
    ('aim', 'adamw', 3e-4, {'adapters', 'backbone'}, 0.05),
    ('st_adapter', 'adamw', 3e-4, {'adapters', 'backbone'}, 0.05),
    ('full', 'adamw', 5e-5, {'backbone'}, 0.05),
    ('attentive_probe', 'adamw', 5e-5, set(), 0.05),
    ('linear_probe', 'lars', 0.1, set(), 0.0),
  ],
)
def test_rates_are_those_of_the_benchmark(method, name, lr, slow, decay):
  c = get(arg=f'method={method}').optimizer
  assert (c.name, c.lr, c.weight_decay) == (name, lr, decay)
  rates = dict(c.lr_multipliers)
  assert {*rates} - {'temporal_embedding'} == slow
  assert {*rates.values()} <= {0.1}
  assert (c.schedule, c.warmup_epochs, c.warmup_from) == ('epoch', 5.0, 0.1)
  assert c.lr_end * c.lr == pytest.approx(1e-6)


@pytest.mark.parametrize(
  ('shots', 'batch', 'parts', 'listed', 'drawn'),
  [
    (4, 4, 1, 4, 0),
    (16, 16, 4, 16, 0),
    (100, 16, 4, 100, 0),
    (2, 4, 1, 4, 2),
    (8, 4, 1, 16, 8),
    (50, 16, 4, 100, 50),
  ],
)
def test_shots_take_a_list_or_some_of_a_larger_one(
  shots, batch, parts, listed, drawn
):
  c = get(arg=f'shots={shots}')
  assert (c.batch_size, c.accumulate) == (batch, parts)
  assert (c.data.options.shots, c.data.shots) == (listed, drawn)


def test_shots_that_no_list_has_are_refused():
  with pytest.raises(common.ArgumentError, match='at most 4, not 16'):
    get('Medical_Surgery', 'shots=16')
  with pytest.raises(common.ArgumentError, match=r'at least 1 .* not 0'):
    get(arg='shots=0')


def test_clips_are_one_view_without_flips():
  spec = experiment.make_clip_spec(get())
  assert (spec.sampling, spec.num_frames, spec.flip) == ('uniform', 8, 0.0)
  assert (spec.short_side, spec.test_short_side) == (256, 256)
  assert (spec.clips, spec.crops, spec.randaugment) == (1, 1, 'off')


def test_the_test_list_chooses_only_with_quirks():
  c = get(arg='shots=16')
  assert (c.eval_every, c.report_step) == (0, 'last')
  quirky = get(arg='shots=16,release_quirks')
  assert (quirky.eval_every, quirky.report_step) == (55, 'best')
  experiment.check_config(quirky)


def test_a_sweep_has_a_run_per_method_task_shots_and_fold():
  runs = [(dict(c.cell), c.data.options) for _, c in everything.sweep()]
  cells = {(cell['row'], cell['column']) for cell, _ in runs}
  methods = len(recipe.METHODS)
  assert len(runs) == methods * (7 * (3 + 3 + 1) + 1)
  assert len(cells) == methods * (7 * 3 + 1)
  names = [name for name, _ in everything.sweep('smoke')]
  assert len({*names}) == len(names) == len(runs)
  (only,) = {c.data.options.shots for _, c in everything.sweep('shots=16')}
  assert only == 16


@pytest.fixture(scope='module')
def root(tmp_path_factory, digits):
  """Two tasks in VidTAB's shape, of moving digits."""
  folder = tmp_path_factory.mktemp('video_eval')
  for task in ('Fake_Face', 'Harmful_Content'):
    vidtab_shaped.make(folder, task, sorted(digits.rglob('*.mp4')))
  return folder


def run_sweep(task, arg, workdir):
  config = f'--config=configs/vidtab/{FILES[task]}.py:smoke,{arg}'
  with pytest.raises(SystemExit) as end:
    cli.main(['sweep', config, f'--workdir={workdir}'])
  assert end.value.code == 0
  return json.loads((workdir / 'table.json').read_text(encoding='utf-8'))


def test_a_folder_in_its_shape_becomes_a_table(root, tmp_path, capsys):
  arg = f'method=linear_probe,shots=4,root={root}'
  (row,) = run_sweep('Harmful_Content', arg, tmp_path)
  assert row['name'] == 'linear probe, 4 shots'
  cell = row['cells']['Harmful Content']
  records = [
    json.loads((folder / 'sweep.json').read_text(encoding='utf-8'))
    for folder in tmp_path.glob('*fold_[123]')
  ]
  assert cell['runs'] == 3 and 0 <= cell['score'] <= 1
  mean = sum(record['row']['top1'] for record in records) / 3
  assert cell['score'] == row['average']['score'] == pytest.approx(mean)
  text = capsys.readouterr().out
  assert 'listed with two labels' in text
  assert 'Harmful Content' in text[text.rindex('Table') :]


def test_quirks_report_the_best_step(root, tmp_path, capsys):
  arg = f'method=linear_probe,shots=100,release_quirks,root={root}'
  path = root / 'Fake_Face/train_4_fold1.txt'
  path.with_name('train_100.txt').write_bytes(path.read_bytes())
  run_sweep('Fake_Face', arg, tmp_path)
  (folder,) = tmp_path.glob('*fold_1')
  record = json.loads((folder / 'sweep.json').read_text(encoding='utf-8'))
  last = log.read_records(folder / 'metrics.jsonl')[-1]['val/top1']
  wanted = selection.choose_accuracy(
    {'report_step': 'best'}, folder, {'top1': last}
  )
  assert record['row']['top1'] == wanted['top1'] >= last
  assert 'best of 3 evaluations, chosen on test' in capsys.readouterr().out
