"""What `auto` stands for, and that a run keeps it."""

import json

import jax
import pytest
import small

from i2v_jax.runtime import device_memory, sharding
from i2v_jax.training import auto, experiment, loop, memory


@pytest.mark.parametrize(
  ('limit', 'wanted', 'compiled'),
  [
    (99, 0, 2),  # not one clip
    (150, 1, 2),
    (450, 8, 3),  # 100 + 40 n
    (100 + 40 * 64, 64, 3),
    (10**9, 64, 3),  # all there is
  ],
)
def test_the_largest_that_fits_takes_few_compilations(limit, wanted, compiled):
  found, tried = auto.find_largest(lambda n: 100 + 40 * n, 1, 100, limit)
  assert (found, len(tried)) == (wanted, compiled)
  assert not found or tried[found] <= limit


@pytest.mark.parametrize('limit', [120, 300, 900, 2000, 5000])
@pytest.mark.parametrize('bend', [0.8, 1.2])
def test_what_is_chosen_fits_and_twice_of_it_does_not(limit, bend):
  def curved(n):
    return int(100 + 10 * n**bend)

  found, tried = auto.find_largest(curved, 2, 256, limit)
  sizes = [2 << i for i in range(8)]
  assert found == max((n for n in sizes if curved(n) <= limit), default=0)
  assert not found or found in tried


@pytest.fixture
def config(smoke_config):
  return experiment.to_plain(smoke_config()) | {'batch_size': 'auto'}


@pytest.fixture
def bytes_of(monkeypatch):
  """A step takes 100 and, for every clip, 40, 30 or 20, by its policy."""
  tried = []

  def of(config, mesh, train, limit):
    per_clip = {'none': 40, 'dots': 30, 'block': 20}[config['remat']]
    tried.append((config['batch_size'], config['remat']))
    return 100 + per_clip * config['batch_size']

  monkeypatch.setattr(auto, 'measure_bytes', of)
  return tried


def test_a_batch_is_chosen_and_the_learning_rate_stays(
  config, tmp_path, bytes_of, monkeypatch, capsys
):
  monkeypatch.setenv(device_memory.NAME, '500')
  found = auto.settle(config, tmp_path)
  assert found == config | {'batch_size': 8}
  assert {size for size, _ in bytes_of} == {1, 2, 8}
  lr = config['optimizer']['lr']
  assert f'is 8; the learning rate stays {lr:g}' in capsys.readouterr().out


def test_no_batch_is_larger_than_the_data(
  config, tmp_path, bytes_of, monkeypatch
):
  monkeypatch.setenv(device_memory.NAME, '1000000')  # there are 16 videos
  assert auto.settle(config, tmp_path)['batch_size'] == 16


def test_remat_is_the_first_policy_that_fits(
  config, tmp_path, bytes_of, monkeypatch
):
  config |= {'batch_size': 8, 'remat': 'auto'}
  for limit, wanted in ((420, 'none'), (419, 'dots'), (260, 'block')):
    monkeypatch.setenv(device_memory.NAME, str(limit))
    assert auto.settle(config, tmp_path) == config | {'remat': wanted}
  assert bytes_of[-3:] == [(8, 'none'), (8, 'dots'), (8, 'block')]
  monkeypatch.setenv(device_memory.NAME, '258')
  with pytest.raises(ValueError, match='this batch_size takes 0'):
    auto.settle(config, tmp_path)


def test_with_both_more_is_recomputed_only_if_no_batch_fits_else(
  config, tmp_path, bytes_of, monkeypatch
):
  config |= {'remat': 'auto'}
  for limit, wanted in ((140, (1, 'none')), (139, (1, 'dots'))):
    monkeypatch.setenv(device_memory.NAME, str(limit))
    found = auto.settle(config, tmp_path)
    assert (found['batch_size'], found['remat']) == wanted
  monkeypatch.setenv(device_memory.NAME, '119')
  with pytest.raises(ValueError, match='this batch of 1 takes'):
    auto.settle(config, tmp_path)


def test_a_run_that_has_begun_keeps_what_it_has(config, smoke_run, bytes_of):
  config |= {'remat': 'auto'}
  found = auto.settle(config, smoke_run)
  assert (found['batch_size'], found['remat'], bytes_of) == (8, 'none', [])


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"batch_size": 8}'])
def test_what_a_run_began_with_has_to_be_readable(config, tmp_path, text):
  (tmp_path / 'checkpoints' / '3').mkdir(parents=True)
  (tmp_path / 'config.json').write_text(text, encoding='utf-8')
  said = r'config\.json, which .* cannot be read .*; give batch_size and remat'
  with pytest.raises(OSError, match=said):
    auto.settle(config, tmp_path)


def test_what_cannot_be_is_said_before_anything_is_compiled(config, tmp_path):
  with pytest.raises(ValueError, match='seed is -1'):
    auto.settle(config | {'seed': -1}, tmp_path)


def refusing(text, fits):
  """A compiler that refuses what does not fit, by the name of the step."""

  def compiled(lowered, mesh, what):
    if fits not in what:
      raise jax.errors.JaxRuntimeError(f'{text}\nAllocations: …')
    return fits

  return compiled


@pytest.fixture
def eight_bytes(monkeypatch):
  """A step that is compiled takes 8 bytes, and its clips none."""
  found = memory.Bytes(0, 0, 0, 0, 8, 0)
  monkeypatch.setattr(memory, 'measure', lambda *_: found)
  monkeypatch.setattr(memory, 'lower_step', lambda *_, **__: (None, None))
  monkeypatch.setenv(device_memory.NAME, '100')


def test_a_policy_that_the_compiler_refuses_does_not_fit(
  config, tmp_path, eight_bytes, monkeypatch, capsys
):
  full = refusing('RESOURCE_EXHAUSTED: Ran out of HBM.', 'remat=dots')
  monkeypatch.setattr(auto.compilation, 'compile_lowered', full)
  config |= {'batch_size': 8, 'remat': 'auto'}
  assert auto.settle(config, tmp_path)['remat'] == 'dots'
  said = ' '.join(capsys.readouterr().out.split())
  assert '8 clips, remat=none, does not fit: Ran out of HBM.' in said
  assert 'none │ too much' in said


def test_a_batch_that_the_compiler_refuses_does_not_fit(
  config, tmp_path, eight_bytes, monkeypatch
):
  full = refusing('RESOURCE_EXHAUSTED: Ran out of HBM.', 'of 1 clips')
  monkeypatch.setattr(auto.compilation, 'compile_lowered', full)
  assert auto.settle(config, tmp_path)['batch_size'] == 1
  full = refusing('RESOURCE_EXHAUSTED: Ran out of HBM.', 'no batch')
  monkeypatch.setattr(auto.compilation, 'compile_lowered', full)
  with pytest.raises(ValueError, match='takes too much on a device'):
    auto.settle(config, tmp_path)


def test_what_else_a_compiler_says_ends_the_search(
  config, tmp_path, eight_bytes, monkeypatch
):
  broken = refusing('INTERNAL: out of luck', 'no batch')
  monkeypatch.setattr(auto.compilation, 'compile_lowered', broken)
  with pytest.raises(jax.errors.JaxRuntimeError, match='INTERNAL'):
    auto.settle(config, tmp_path)


def test_a_guess_that_is_refused_is_followed_by_half_of_it():
  of = lambda n: 100 + 40 * n if n <= 4 else 1001  # of 1000
  found, tried = auto.find_largest(of, 1, 16, 1000)
  assert found == 4 and tried == {1: 140, 2: 180, 16: 1001, 8: 1001, 4: 260}


def test_the_way_out_of_a_batch_of_ones_own_is_a_smaller_one(
  config, tmp_path, bytes_of, monkeypatch
):
  config |= {'batch_size': 8, 'remat': 'auto'}
  monkeypatch.setenv(device_memory.NAME, '259')
  with pytest.raises(ValueError, match='smaller batch_size or a larger accum'):
    auto.settle(config, tmp_path)


def test_no_batch_is_chosen_for_features_that_are_kept(config, tmp_path):
  config |= {'cache_gb': 1.0}
  with pytest.raises(ValueError, match='batch_size to a number, or cache_gb'):
    auto.settle(config, tmp_path)


@pytest.mark.slow
def test_auto_trains_and_resumes(config, tmp_path, monkeypatch):
  config |= {'remat': 'auto', 'steps': 2, 'checkpoint_every': 1}
  train_split = experiment.load_split(config, 'train')
  of = lambda size: auto.measure_bytes(
    config | {'batch_size': size, 'remat': 'none'},
    sharding.make_mesh(),
    train_split,
    limit=10**12,
  )
  limit = of(4)
  assert of(2) < limit < of(8)
  monkeypatch.setenv(device_memory.NAME, str(limit))
  loop.train_and_evaluate(config, tmp_path)
  saved = json.loads((tmp_path / 'config.json').read_text(encoding='utf-8'))
  assert (saved['batch_size'], saved['remat']) == (4, 'none')
  monkeypatch.setenv(
    device_memory.NAME, '1'
  )  # would not fit, if it were searched
  loop.train_and_evaluate(config, tmp_path)
  assert (
    json.loads((tmp_path / 'config.json').read_text(encoding='utf-8')) == saved
  )


def test_without_auto_nothing_is_changed_or_compiled(smoke_config, tmp_path):
  config = smoke_config()
  assert auto.settle(config, tmp_path) is config


def test_the_batch_spreads_over_devices_parts_and_repeats(config):
  mesh = small.abstract_mesh((4, 2), ('data', 'model'))
  assert auto.find_smallest_batch(config | {'accumulate': 2}, mesh) == 8
  assert auto.find_smallest_batch(config | {'repeats': 3}, mesh) == 12
  one = small.abstract_mesh((1, 1), ('data', 'model'))
  assert auto.find_smallest_batch(config, one) == 1
  assert auto.find_smallest_batch(config | {'mixup': 0.8}, one) == 2
