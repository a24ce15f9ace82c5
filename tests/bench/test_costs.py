"""`i2v bench`: what is counted, measured and left out; speed is not tested."""

import json

import jax
import pytest

from i2v_jax import cli
from i2v_jax.bench import costs, measure
from i2v_jax.runtime import sharding
from i2v_jax.training import config_files, counts, memory

SMOKE = 'configs/zeroi2v_k400.py:smoke'
PARTS = {'conditions', 'models', 'peak', 'training', 'loader', 'memory'}


def config_of(name=SMOKE, **changes):
  config = config_files.load_config(name)
  for key, value in changes.items():
    config['data'][key] = value
  return config


def i2v(*args):
  with pytest.raises(SystemExit) as done:
    cli.main(['bench', '--config', SMOKE, *map(str, args)])
  return done.value.code


def test_the_command_measures_prints_and_writes(digits, tmp_path, capsys):
  out = tmp_path / 'sub' / 'found.json'
  given = ('--set', f'data.root={digits}', '--clips', 4, '--out', out)
  assert i2v(*given, '--batch-size', 2, '--rounds', 2) == 0
  found = json.loads(out.read_text(encoding='utf-8'))
  assert found.keys() == PARTS | {'config', 'set'}
  assert found['conditions']['num_classes'] == 4
  assert found['conditions']['device'] == 'cpu'
  image, model, merged = found['models'].values()
  assert image['of_first'] == 1.0
  assert merged['view_macs'] == image['view_macs'] < model['view_macs']
  assert merged['xla_macs'] == image['xla_macs'] < model['xla_macs']
  training = found['training']
  assert 2 * model['xla_macs'] > training['xla_macs'] > 1.5 * model['xla_macs']
  frozen, batch = training['parts']['frozen'], training['parts']['batch']
  assert training['peak_bytes'] > frozen + batch > frozen > 0
  assert 0 <= training['parts']['other'] < 1024
  assert found['peak']['source'].startswith('measured')
  assert found['loader']['clips_per_second'] > 0
  assert found['memory']['host_peak_bytes'] > 2**26
  assert found['memory']['device_peak_bytes'] is None
  text = capsys.readouterr().out
  assert 'zeroi2v_k400 smoke: ViT width 32, 8 frames, 4 classes' in text
  for words in ('tunable', 'difference', 'of a video, 3x1 views'):
    assert words in text
  assert 'training step, batch 2, ms' in text and '2 threads, 0 work' in text


def test_counting_compiles_nothing(monkeypatch, capsys):
  def refuse(*_):
    raise AssertionError('compiled')

  monkeypatch.setattr(jax.stages.Lowered, 'compile', refuse)
  assert i2v('--count-only') == 0
  text = capsys.readouterr().out
  assert '4 classes; counted' in text and 'as XLA counts' in text
  assert 'clips/s' not in text and 'loader' not in text


def test_training_and_loader_can_be_left_out(monkeypatch):
  measured = lambda models, *_: ({name: {} for name in models}, 1e9)
  monkeypatch.setattr(measure, 'measure_forward', measured)
  options = costs.Options(training=False, loader=False)
  found = costs.measure_costs(config_of(), options)
  assert found.keys() == PARTS - {'training', 'loader'}


@pytest.mark.slow
def test_what_training_takes_does_not_depend_on_how():
  """Blocks computed twice, and a batch in parts, are the same work."""
  plain = config_of()
  other = plain | {'remat': 'block', 'accumulate': 2}
  first, second = (measure.measure_training(c, 4, 2, 1) for c in (plain, other))
  assert first['xla_macs'] == second['xla_macs']
  assert first['parts']['trained'] == second['parts']['trained']


def parts(**options):
  """`bench.bench` of a config that works through its batch in parts."""
  config = config_of() | {'accumulate': 2, 'mixup': 0.8}
  return costs.measure_costs(config, costs.Options(**options))


def test_by_default_the_batch_is_the_smallest_that_can_be_trained_with():
  found = parts(count_only=True)
  assert found['conditions']['batch_size'] == 2 * jax.device_count()


@pytest.mark.parametrize(
  ('setting', 'key'),
  [
    ("trainable=('head','adaptres')", 'trainable'),
    ("optimizer.decay_multipliers={'heads': 0.0}", 'decay_multipliers'),
    ('optimizer.lr=-1.0', 'optimizer.lr'),
    ('clip.flip=2.0', 'clip.flip'),
    ('drop_patches=1.5', 'drop_patches'),
  ],
)
def test_counting_refuses_what_training_refuses(setting, key, capsys):
  assert i2v('--count-only', '--set', setting) == 1
  assert key in capsys.readouterr().err


def test_a_batch_that_does_not_spread_is_refused_before_measuring(monkeypatch):
  monkeypatch.setattr(measure, 'measure_forward', None)
  with pytest.raises(ValueError, match='choose a multiple of 2'):
    parts(batch_size=1)
  with pytest.raises(ValueError, match="remat is 'auto'"):
    costs.measure_costs(config_of() | {'remat': 'auto'}, costs.Options())


def test_classes_are_given_known_or_counted(digits, tmp_path):
  assert costs.count_classes(config_of(), 7) == 7
  assert costs.count_classes(config_of()) == 4
  for name, count in {'k400': 400, 'ssv2': 174, 'diving48': 48}.items():
    assert costs.count_classes(config_of(f'configs/zeroi2v_{name}.py')) == count
  assert costs.count_classes(config_of('configs/aim_k700.py')) == 700
  folder = 'configs/finetune_folder.py'
  here = config_of(folder, root=str(digits))
  assert costs.count_classes(here) == 4
  with pytest.raises(ValueError, match=r'no data at data\.root=.*--classes'):
    costs.count_classes(config_of(folder, root=str(tmp_path / 'none')))


def test_a_loader_without_data_says_so(tmp_path):
  root = str(tmp_path / 'none')
  found = measure.measure_loader(config_of(root=root), 4)
  assert found == {'absent': f'no data at {root}'}
  assert not (tmp_path / 'none').exists()


@pytest.mark.parametrize('option', ['batch_size', 'rounds', 'clips'])
def test_less_than_one_is_refused(option):
  flag = option.replace('_', '-')
  with pytest.raises(ValueError, match=f'--{flag} is 0; it is at least 1'):
    costs.Options(**{option: 0})


def test_models_share_what_they_have_in_common():
  models = counts.build_models(config_of(), 4)
  arrays = {}
  image, model, merged = (
    measure.draw_params(m, arrays) for m in models.values()
  )
  assert image['backbone']['pos'] is model['backbone']['pos']
  assert image['head']['kernel'] is merged['head']['kernel']
  assert 'adapters' in model and 'adapters' not in merged


@pytest.mark.slow
def test_a_step_goes_on_from_where_it_was():
  mesh = sharding.make_mesh()
  lowered, inputs = memory.lower_step(config_of(), mesh, 4, 1)
  step = measure.make_step(lowered.compile(), inputs)
  assert [int(step().step) for _ in range(3)] == [1, 2, 3]
