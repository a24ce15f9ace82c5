"""Bytes of a merged model, compiled here in place of a TPU's compiler."""

import pytest
import tpu_bytes

from i2v_jax.runtime.errors import UserError

CONFIG = '--config=configs/zeroi2v_ssv2.py:variant=Swin-B,smoke'


def test_it_prints_a_model_with_relocated_heads_and_one_without(capsys):
  tpu_bytes.run(['tpu_bytes.py', CONFIG, '--topology='])
  text = capsys.readouterr().out
  assert 'merged' in text and 'without relocation' in text
  assert 'a block sees 2, 2 frames' in text


def test_an_unknown_topology_is_named():
  with pytest.raises(UserError, match='--topology v0:9x9'):
    tpu_bytes.run(['tpu_bytes.py', CONFIG, '--topology=v0:9x9'])
