"""The parts of the script for GPUs that PyTorch computes."""

import json

import gpu_part
import numpy as np
import pytest
from test_gpu_part import PART

torch = pytest.importorskip('torch')
import gpu_peer  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
  """Torch's threads wait for each other longer than such a model takes."""
  count = torch.get_num_threads()
  torch.set_num_threads(1)
  yield
  torch.set_num_threads(count)


@pytest.fixture
def part(tmp_path):
  files = {'file': tmp_path / 'found.json', 'logits': tmp_path / 'logits.npz'}
  return PART | {'side': 'torch'} | {k: str(x) for k, x in files.items()}


@pytest.mark.parametrize('work', ['forward, merged', 'training'])
def test_its_logits_are_kept_for_ours(work, part):
  assert gpu_part.main(json.dumps(part | {'work': work})) == 0
  with open(part['file'], encoding='utf-8') as file:
    found = json.load(file)
  assert found['platform'] == 'cpu' and found['peak_bytes'] is None
  assert min(found['seconds'], found['matmul_flops']) > 0
  with np.load(part['logits']) as stored:
    assert len(stored['logits']) == 2 and np.ptp(stored['logits']) > 0
    assert stored['platform'] == 'cpu'


def test_memory_that_runs_out_is_a_result(part, monkeypatch):
  def run_out(*args):
    raise torch.cuda.OutOfMemoryError('CUDA out of memory.\nand more')

  monkeypatch.setattr(gpu_peer, 'measure_work', run_out)
  found = gpu_part.measure(part)
  assert found['out_of_memory'] == 'CUDA out of memory.'


def test_a_compiled_module_must_compute_the_same(part, monkeypatch):
  wrong = lambda module, dynamic: lambda clips: 2 * module(clips)
  monkeypatch.setattr(torch, 'compile', wrong)
  with pytest.raises(ValueError, match='do not do the same work'):
    gpu_part.measure(part | {'side': 'compiled'})
