"""Attention alone, in the script for GPUs."""

import gpu_attention
import gpu_part
import pytest
from test_gpu_part import PART

from i2v_jax.backbones import attention
from i2v_jax.training import config_files


@pytest.fixture
def model():
  config = config_files.load_config(PART['config'], ['model.backbone.depth=1'])
  return gpu_part.build(PART | {'work': 'attention'}, config)


def test_cudnn_is_measured_where_it_can_be(model, monkeypatch):
  monkeypatch.setattr(attention, 'has_cudnn', lambda: True)
  monkeypatch.setattr(attention, 'fits_cudnn', lambda q: True)
  monkeypatch.setattr(attention, 'attend_cudnn', attention.attend_cpu)
  found = gpu_attention.measure(PART, model)
  assert tuple(found) == gpu_attention.PASSES
  for ways in found.values():
    assert ways.keys() == {'xla', 'cudnn'}
    assert min(way['seconds'] for way in ways.values()) > 0


def test_ways_must_agree(model):
  qkv = gpu_attention.draw(model, 2)
  frames, tokens, heads, width = qkv[0].shape
  assert (frames, tokens, heads, width) == (16, 5, 8, 4)
  ways = {'xla': attention.attend_xla, 'cudnn': lambda q, k, v: v}
  with pytest.raises(ValueError, match='do not do the same work'):
    gpu_attention.check(ways, qkv)
