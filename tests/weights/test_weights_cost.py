"""What `i2v weights bench` prints; how fast it is, is not for tests."""

import numpy as np
import pytest

from i2v_jax import cli


def bench(*args) -> int:
  with pytest.raises(SystemExit) as end:
    cli.main(['weights', 'bench', *map(str, args)])
  return end.value.code


def test_time_and_memory_of_a_file(golden, capsys):
  assert bench(golden / 'hf_vit', '--rounds', 1) == 0
  rows = [line.split() for line in capsys.readouterr().out.splitlines()]
  said = {row[0]: row[1:] for row in rows}
  assert said['file'][0].endswith('hf_vit/model.safetensors')
  assert said['size'] == ['0.3', 'MB']
  assert said['loading'][1:2] == ['s,'] and said['loading'][-1] == 'reading'
  assert said['peak'][-1] == 'size'


def test_several_files_are_refused(tmp_path, capsys):
  index = tmp_path / 'model.safetensors.index.json'
  from safetensors.numpy import save_file

  save_file({'a': np.ones(2, 'f4')}, tmp_path / 'a.safetensors')
  index.write_text('{"weight_map": {"a": "a.safetensors"}}', encoding='utf-8')
  assert bench(tmp_path) == 1
  assert 'is not a single file of weights' in capsys.readouterr().err
