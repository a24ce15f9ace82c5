"""The script for accelerators, in miniature and on a CPU."""

import json

import numpy as np
import pytest

on_gpu = pytest.importorskip('on_gpu')  # and with it torch

SMOKE = ('--config', 'configs/zeroi2v_k400.py:smoke', '--set', 'dtype=bfloat16')


@pytest.fixture(autouse=True)
def one_thread():
  """Torch's threads wait for each other longer than such a model takes."""
  torch = pytest.importorskip('torch')
  count = torch.get_num_threads()
  torch.set_num_threads(1)
  yield
  torch.set_num_threads(count)


@pytest.mark.slow
def test_both_do_the_same_work_and_share_a_table(tmp_path, capsys):
  out = tmp_path / 'found.json'
  sizes = ('--batch', '2', '--rounds', '1', '--side', '64')
  with pytest.raises(SystemExit) as end:
    on_gpu.main([*SMOKE, *sizes, '--out', str(out)])
  assert end.value.code == 0
  found = json.loads(out.read_text(encoding='utf-8'))
  works = [(row['work'], row['batch']) for row in found['rows']]
  assert works == [('forward, merged', 2), ('training', 2)]
  forward, training = found['rows']
  assert training['flops'] > 2 * forward['flops'] > 0
  assert forward['seconds'].keys() == {'i2v', 'torch'}
  text = capsys.readouterr().out
  assert 'TFLOP/s measured' in text and 'torch MFU' in text


def test_other_work_is_not_measured():
  torch = pytest.importorskip('torch')
  with pytest.raises(ValueError, match=r'differ by 50\.0% of the largest'):
    on_gpu.check(np.ones((1, 3)), 2 * torch.ones(1, 3), 'float32')
