"""What `i2v compare` measures of tiny methods, and how it shows it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import quickstart
from i2v_jax import cli
from i2v_jax.bench import compare
from i2v_jax.runtime import compilation
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.run import prepare_run
from i2v_jax.training.sweeps import sweep

SWEEP = """
from configs import quickstart


def sweep(arg=''):
  c = quickstart.get_config('smoke')
  c.model.backbone.depth = 1
  yield 'ZeroI2V', c
  c.trainable = ('heads',)
  yield 'refused', c
  c.trainable = ('',)
  c.model.adapter = None
  c.model.backbone.depth = 2
  yield 'twice the depth', c
"""


@pytest.fixture(scope='module')
def compared(digits, tmp_path_factory):
  """Exit code and workdir of `i2v compare` on three variants."""
  folder = tmp_path_factory.mktemp('compare')
  (folder / 'of_a_test.py').write_text(SWEEP, encoding='utf-8')
  with pytest.raises(SystemExit) as end:
    cli.main(
      [
        'compare',
        f'--config={folder}/of_a_test.py',
        f'--workdir={folder}/runs',
        f'--set=data.root={digits}',
        '--rounds=2',
      ]
    )
  return end.value.code, folder / 'runs'


def test_every_method_is_measured(compared):
  code, workdir = compared
  rows = json.loads((workdir / 'results.json').read_text(encoding='utf-8'))
  adapted, merged, refused, deep = rows
  assert code == 1 and refused['error']
  assert [row['name'] for row in rows] == [
    'ZeroI2V',
    'ZeroI2V, merged',
    'refused',
    'twice the depth',
  ]
  for row in (adapted, deep):
    assert row['train_seconds_per_clip'] > 0 and row['seconds_per_clip'] > 0
    assert row['tunable_params'] > 0 and 0 <= row['top1'] <= 1
  # Every weight has a gradient and two moments there, and the ViT is larger.
  assert deep['train_peak_bytes'] > adapted['train_peak_bytes'] > 0
  assert set(merged) == {'name', 'seconds_per_clip'}
  assert merged['seconds_per_clip'] > 0
  assert 'seconds_per_clip' not in refused


def test_steps_are_measured_without_training(digits, tmp_path, capsys):
  sweep_file = tmp_path / 'of_a_test.py'
  sweep_file.write_text(SWEEP, encoding='utf-8')
  command = ['compare', '--config', str(sweep_file), '--steps-only']
  command += ['--rounds', '1', '--workdir', str(tmp_path / 'steps')]
  command += ['--set', f'data.root={digits}', '--only', 'ZeroI2V']
  with pytest.raises(SystemExit, match='0'):
    cli.main(command)
  (row,) = json.loads(
    (tmp_path / 'steps/steps.json').read_text(encoding='utf-8')
  )
  assert row['name'] == 'ZeroI2V' and row['train_seconds_per_clip'] > 0
  assert 1e6 < row['train_flops_per_clip'] < 1e9
  assert not list((tmp_path / 'steps').rglob('checkpoints'))
  assert 'GFLOP/clip' in capsys.readouterr().out


def test_the_table_fits_a_log_file(capsys):
  row = {
    'name': 'a method with a rather long name, as the ablations have them',
    'tunable_params': 303_301_632,
    'top1': 0.75,
    'reported': 0.0,
    'error': None,
    'train_seconds_per_clip': 0.0123,
    'seconds_per_clip': 1.5,
    'train_peak_bytes': 3 * 2**30,
  }
  failed = {'name': 'failed', 'error': 'It cannot be.', 'reported': 0.0}
  merged = {'name': 'ours, merged', 'seconds_per_clip': 0.001}
  sweep.print_table([row, merged, failed], compare.METHOD_COLUMNS)
  lines = capsys.readouterr().out.splitlines()
  assert max(map(len, lines)) <= 80
  for text in ('train peak', 'MiB', '12.30', '1500.00', '3,072.0', '75.0%'):
    assert sum(text in line for line in lines) == 1, text
  (line,) = [line.split() for line in lines if 'merged' in line]
  assert line == ['merged', '-', '-', '-', '1.00', '-']
  (line,) = [line.split() for line in lines if 'failed' in line]
  assert line == ['failed', '-', 'failed', '-', '-', '-']


def test_peak_memory_counts_what_is_donated_once():
  x = jax.ShapeDtypeStruct((1024,), jnp.float32)
  step = lambda x: x + 1
  compiled = lambda **how: jax.jit(step, **how).lower(x).compile()
  assert compilation.read_peak_bytes(compiled(donate_argnums=0)) == 4096
  assert compilation.read_peak_bytes(compiled()) == 8192


def test_a_batch_in_parts_takes_the_flops_of_a_whole_one(
  smoke_config, tmp_path
):
  found = []
  for parts in (1, 4):
    config = smoke_config()
    config.accumulate = parts
    run = prepare_run(config, tmp_path)
    _, measured = compare._compile_step(run)
    found.append(measured['train_flops_per_clip'])
  in_one, in_parts = found
  assert in_parts == pytest.approx(in_one, rel=0.05)


def test_a_random_batch_has_every_array_that_the_model_takes():
  clip = lambda *shape: jax.ShapeDtypeStruct((6, *shape, 8, 8, 3), jnp.uint8)
  row = jax.ShapeDtypeStruct((6,), jnp.int32)
  shapes = {'video': clip(4), 'grid': clip(2), 'label': row, 'mask': row}
  batch = compare._random_batch(shapes, 5)
  assert {k: v.shape for k, v in batch.items()} == {
    'video': (6, 4, 8, 8, 3),
    'grid': (6, 2, 8, 8, 3),
    'label': (6,),
    'mask': (6,),
  }
  assert batch['video'].dtype == batch['grid'].dtype == np.uint8
  assert batch['video'].max() > 200 and set(batch['label']) <= set(range(5))
  assert batch['mask'].all()


def test_a_config_without_adapter_is_compared_too(
  smoke_config, tmp_path, monkeypatch
):
  config, asked = smoke_config(), []
  with config.unlocked():
    config.model.adapter = None
  monkeypatch.setattr(
    compare.loop,
    'train_and_evaluate',
    lambda config, folder, extend: asked.append(folder.name) or folder.name,
  )
  monkeypatch.setattr(
    compare.trained, 'load', lambda path, root='': (path.name, root)
  )
  monkeypatch.setattr(compare, 'export_merged', lambda model, out: 0.5)
  monkeypatch.setattr(
    compare.evaluation, 'evaluate_trained', lambda model: (None, 'again')
  )
  monkeypatch.setattr(compare, '_make_rows', lambda *args: list(args))
  monkeypatch.setattr(sweep, 'finish', lambda *args: None)
  models, evaluations, differences = compare.compare_overrides(
    config, tmp_path / 'run'
  )
  assert asked == ['linear_probe', 'no_relocation', 'run']
  assert models == {
    'linear_probe': ('linear_probe', ''),
    'no_relocation': ('no_relocation', ''),
    'no adapter': ('run', ''),
    'no adapter_merged': ('merged', config.data.root),
  }
  assert evaluations == {
    'linear_probe': 'linear_probe',
    'no_relocation': 'no_relocation',
    'no adapter': 'run',
    'no adapter_merged': 'again',
  }
  assert differences == {'no adapter_merged': 0.5}


@pytest.mark.parametrize(
  ('variants', 'error'),
  [
    ({'a': 1}, 'compare has 1 for a variant; give a mapping'),
    ({'a': {}, 'b': {'bogus': 1}}, "compare changes 'bogus', which the config"),
    ({'a': {}, 'b': {'steps': -1}}, 'steps is -1'),
  ],
)
def test_a_variant_that_cannot_be_is_found_before_any_trains(
  smoke_config, tmp_path, variants, error
):
  config = experiment.to_plain(smoke_config()) | {'compare': variants}
  with pytest.raises(ValueError, match=error):
    compare.compare_overrides(config, tmp_path)
  assert not [*tmp_path.iterdir()]


def test_all_configs_are_checked_before_the_first_is_trained(
  monkeypatch, tmp_path
):
  monkeypatch.setattr(compare.loop, 'train_and_evaluate', None)
  config = quickstart.get_config('smoke')
  config.compare = {'probe': {'model': {'adapter': None}}}
  config.model.adapter.name = 'lorra'
  with pytest.raises(UserError, match=r"'lorra'.*did you mean 'lora'"):
    compare.compare_overrides(config, tmp_path)
