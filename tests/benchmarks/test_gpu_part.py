"""A part of the script for GPUs: ours, and what it is compared with."""

import json

import gpu_part
import jax
import numpy as np
import pytest

from i2v_jax.training import config_files

SMOKE = 'configs/zeroi2v_k400.py:smoke'
PART = {'model': 'smoke', 'config': SMOKE, 'set': [], 'batch': 2, 'rounds': 1}
PART |= {'work': 'forward, merged', 'side': 'i2v', 'matmul': 8}


@pytest.fixture
def part(tmp_path):
  files = {'file': tmp_path / 'found.json', 'logits': tmp_path / 'logits.npz'}
  return PART | {key: str(path) for key, path in files.items()}


def run(part):
  code = gpu_part.main(json.dumps(part))
  with open(part['file'], encoding='utf-8') as file:
    return code, json.load(file)


def store(part, logits, platform='cpu'):
  np.savez(part['logits'], logits=logits, platform=platform)


def test_logits_must_be_those_of_pytorch(part):
  with pytest.raises(ValueError, match='no logits of PyTorch to compare with'):
    gpu_part.check_logits(part, np.ones((2, 3)), 'float32')
  store(part, np.ones((2, 3)))
  gpu_part.check_logits(part, np.ones((2, 3)), 'float32')
  with pytest.raises(ValueError, match='do not do the same work'):
    gpu_part.check_logits(part, 1.01 * np.ones((2, 3)), 'float32')
  store(part, np.ones((2, 3)), platform='gpu')
  with pytest.raises(ValueError, match='JAX computes on a cpu and PyTorch'):
    gpu_part.check_logits(part, np.ones((2, 3)), 'float32')


def test_what_fails_is_a_sentence_in_its_file(part):
  code, found = run(part | {'set': ['remat=all']})
  assert code == 1 and found.keys() == {'failed'}
  assert "'all'" in found['failed']


def test_memory_that_runs_out_is_a_result(part, monkeypatch):
  def run_out(*args):
    raise jax.errors.JaxRuntimeError(
      'RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\nand more'
    )

  monkeypatch.setattr(gpu_part, 'measure_work', run_out)
  code, found = run(part)
  assert code == 0
  assert found['out_of_memory'] == 'Out of memory allocating 9 bytes.'
  assert found['platform'] == 'cpu'


def test_both_sides_do_the_same_work_but_not_without_relocation(part):
  pytest.importorskip('torch')
  import gpu_peer

  config = config_files.load_config(SMOKE)
  model = gpu_part.build(part, config)
  clips = gpu_part.draw_clips(model, 2)
  ours = gpu_part.make_forward(model, clips)[0]()
  theirs = gpu_peer.Theirs(model, gpu_part.draw_weights(model), False)
  call = theirs.make_forward(theirs.place(clips))
  gpu_part.check_same(ours, gpu_peer.read(call()), 1e-5)
  for block in theirs.module.blocks:
    block.offsets = ()
  with pytest.raises(ValueError, match='do not do the same work'):
    gpu_part.check_same(ours, gpu_peer.read(call()), 0.03)  # bfloat16 too
