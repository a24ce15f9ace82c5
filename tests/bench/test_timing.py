"""How measurements are made."""

import jax
import small

from i2v_jax.bench import timing
from i2v_jax.models.build import build
from i2v_jax.runtime import compilation, device_memory


def test_functions_take_turns_behind_a_first_call_of_each():
  calls = []
  runs = {name: lambda name=name: calls.append(name) for name in 'ab'}
  times = timing.alternate(runs, 3)
  assert calls == list('abababab')
  assert times['a'].shape == (3,) and (times['b'] > 0).all()


def test_a_forward_pass_takes_as_many_clips():
  model = small.build(dict(name='vpt'))
  call, compiled = timing.compile_forward(model, small.random(model), 3)
  assert call().shape == (3, 3)
  assert compilation.read_peak_bytes(compiled) > 0


def test_the_largest_product_is_that_of_the_mlp():
  model = build(small.spec(None, frames=2), 3)
  call, flops = timing.compile_matmul(model, 5)
  tokens = 5 * 2 * (1 + (16 // 4) ** 2)
  assert call().shape == (tokens, 4 * 32)
  assert flops == 2 * tokens * 32 * 4 * 32


def test_peaks_of_memory(monkeypatch):
  device = type('Device', (), {'memory_stats': lambda self: self.stats})()
  monkeypatch.setattr(jax, 'local_devices', lambda: [device])
  for stats, found in [(None, None), ({'peak_bytes_in_use': 7}, 7)]:
    device.stats = stats
    assert device_memory.read_device_peak_bytes() == found
