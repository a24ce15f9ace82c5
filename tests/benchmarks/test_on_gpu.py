"""The script for GPUs: its parts, its budget, and all of it in miniature."""

import argparse
import json
import subprocess
import sys

import on_gpu
import pytest
from paths import ROOT

SMOKE = 'configs/zeroi2v_k400.py:smoke'
FLOPS = {SMOKE: {'forward, merged': 1.0, 'training': 2.0}}
SETTINGS = {'set': [], 'rounds': 1, 'matmul': 8, 'flops': FLOPS}


@pytest.fixture
def parts(tmp_path):
  (tmp_path / 'parts').mkdir()
  return on_gpu.list_parts(SETTINGS, [2], compiled=True)


def write(part, folder, **found):
  path = on_gpu.find_file(part, folder)
  path.write_text(json.dumps({'wall': 5.0} | found), encoding='utf-8')


@pytest.fixture
def started(monkeypatch):
  """Names of the parts that are run, each of which is measured at once."""
  names = []

  def run_part(part, folder, seconds):
    names.append(f'{part["work"]}, {part["side"]}')
    write(part, folder, platform='gpu')

  monkeypatch.setattr(on_gpu, 'run_part', run_part)
  return names


def test_pytorch_comes_before_what_is_compared_with_it(
  parts, tmp_path, started
):
  on_gpu.run_parts(parts, tmp_path, 240, 1000)
  assert started == [
    'forward, merged, torch',
    'forward, merged, i2v',
    'training, torch',
    'training, i2v',
    'attention, i2v',
    'forward, merged, compiled',
    'training, compiled',
  ]
  on_gpu.run_parts(parts, tmp_path, 240, 1000)
  assert len(started) == 7  # none was run again


def test_what_failed_is_run_last_and_out_of_memory_is_a_result(
  parts, tmp_path, started
):
  write(parts[0], tmp_path, failed='It was stopped.')
  write(parts[2], tmp_path, platform='gpu', out_of_memory='too large')
  on_gpu.run_parts(parts, tmp_path, 240, 1000)
  assert len(started) == 6 and 'training, torch' not in started
  assert started[-1] == 'forward, merged, torch'


@pytest.mark.parametrize(('budget', 'count'), [(239, 0), (241, 1), (255, 6)])
def test_a_part_that_may_not_fit_is_not_started(
  budget, count, parts, tmp_path, monkeypatch, capsys
):
  clock = [0.0]

  def run_part(part, folder, seconds):
    assert seconds <= budget - clock[0]
    wall = 210 if part is parts[0] else 5
    clock[0] += wall
    write(part, folder, platform='gpu', wall=wall if count < 6 else 5)

  monkeypatch.setattr(on_gpu, 'run_part', run_part)
  monkeypatch.setattr(on_gpu.time, 'monotonic', lambda: clock[0])
  on_gpu.run_parts(parts[:6], tmp_path, 240, budget)
  done = [part for part in parts if on_gpu.read(part, tmp_path)]
  assert len(done) == count
  assert ('too few for the next part' in capsys.readouterr().out) == (count < 6)


def test_a_process_that_ends_without_a_word_is_named(
  parts, tmp_path, monkeypatch
):
  (tmp_path / 'gpu_part.py').write_text('raise SystemExit(3)', encoding='utf-8')
  monkeypatch.setattr(on_gpu, 'HERE', tmp_path)
  on_gpu.run_part(parts[0], tmp_path, 60)
  found = on_gpu.read(parts[0], tmp_path)
  assert 'ended with code 3' in found['failed'] and '.log' in found['failed']
  assert 'platform' not in found


def test_a_part_is_stopped_at_its_limit(parts, tmp_path, monkeypatch):
  def run(*args, timeout, **options):
    raise subprocess.TimeoutExpired('gpu_part.py', timeout)

  monkeypatch.setattr(on_gpu.subprocess, 'run', run)
  on_gpu.run_part(parts[0], tmp_path, 60)
  assert 'stopped after 60 s' in on_gpu.read(parts[0], tmp_path)['failed']


def test_the_card_is_left_to_one_side_and_programs_are_kept(
  tmp_path, monkeypatch
):
  kept = ('JAX_COMPILATION_CACHE_DIR', 'TORCHINDUCTOR_CACHE_DIR')
  for name in (*kept, 'JAX_PLATFORMS'):
    monkeypatch.delenv(name, raising=False)
  monkeypatch.setenv('XLA_PYTHON_CLIENT_MEM_FRACTION', '0.5')
  ours = on_gpu.make_environment('i2v', tmp_path)
  theirs = on_gpu.make_environment('compiled', tmp_path)
  assert 'JAX_PLATFORMS' not in ours and theirs['JAX_PLATFORMS'] == 'cpu'
  assert 'XLA_CLIENT_MEM_FRACTION' not in ours  # JAX refuses both names
  assert all(theirs[name].startswith(str(tmp_path)) for name in kept)
  assert str(ROOT) in ours['PYTHONPATH']


def test_a_folder_has_one_setting(tmp_path, monkeypatch):
  monkeypatch.setattr(on_gpu, 'count_flops', lambda name, changes: FLOPS[SMOKE])
  given = {'config': [SMOKE], 'set': [], 'matmul': 8}
  settings = on_gpu.settle(tmp_path, argparse.Namespace(**given, rounds=1))
  assert settings == SETTINGS
  monkeypatch.delattr(on_gpu, 'count_flops')  # they are kept
  assert (
    on_gpu.settle(tmp_path, argparse.Namespace(**given, rounds=1)) == SETTINGS
  )
  with pytest.raises(ValueError, match=r'begun with --rounds 1, not 2; give'):
    on_gpu.settle(tmp_path, argparse.Namespace(**given, rounds=2))


@pytest.mark.slow
def test_all_of_it_in_miniature(tmp_path, capsys):
  pytest.importorskip('torch')
  given = ('--config', SMOKE, '--set', 'dtype=bfloat16', '--batch', '2')
  given += ('--rounds', '1', '--matmul', '64', '--no-compile')
  command = [sys.executable, str(ROOT / 'benchmarks/on_gpu.py'), *given]
  command += ['--out', str(tmp_path)]
  done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
  assert done.returncode == 0, done.stderr
  assert '5/5' in done.stdout and 'smoke training' in done.stdout
  rows = json.loads((tmp_path / 'on_gpu.json').read_text('utf-8'))['parts']
  forward, _, training, _, attention = rows
  assert min(row['mfu'] for row in rows[:4]) > 0
  assert forward['peak_bytes'] is None  # of a CPU nothing is known
  flops = on_gpu.count_flops(SMOKE, [])
  assert flops['training'] > 1.5 * flops['forward, merged'] > 0
  assert training['seconds'] > 0
  assert attention['with gradients'].keys() == {'xla'}
  again = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
  assert again.returncode == 0 and '1/' not in again.stdout
