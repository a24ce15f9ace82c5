"""An exported program runs without this library and gives its logits."""

import json
import os
import subprocess
import sys

import documented
import jax.numpy as jnp
import numpy as np
import pytest
import small

from i2v_jax import params as params_lib
from i2v_jax.deploy import stablehlo, trained
from i2v_jax.models.build import build
from i2v_jax.models.inputs import INPUTS, normalize_clips, param_shapes

ELSEWHERE = """
import sys
folder = sys.argv[1]
{code}
for batch in (1, 3):
  clips = np.load(f'{{folder}}/clips{{batch}}.npz')
  found = program.call(weights, *(clips[x['name']] for x in config['inputs']))
  np.save(f'{{folder}}/logits{{batch}}.npy', found)
assert logits.shape == (2, len(config['class_names']))
assert 'i2v_jax' not in sys.modules and 'flax' not in sys.modules
"""
GRID = dict(name='dualpath', preset='release', grid=(2, 2), spatial_frames=2)
PLAIN = dict(temporal_embedding=False)


def run_elsewhere(folder):
  code = ELSEWHERE.format(code=documented.code('weights_out.md', '`stablehlo`'))
  env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
  subprocess.run(
    [sys.executable, '-c', code, str(folder)], cwd=folder, env=env, check=True
  )


@pytest.mark.parametrize(
  ('adapter', 'options'),
  [
    (dict(name='zeroi2v', offsets=(-1, 1, -2)), {}),
    (GRID, PLAIN | dict(dropout=0.0)),
    (dict(name='evl', layers=1), PLAIN),
    (dict(name='step_probe'), PLAIN),
  ],
)
def test_it_gives_our_logits_where_we_are_not(tmp_path, adapter, options):
  model = small.trained(adapter, tmp_path, **options)
  stablehlo.export_program(model, tmp_path / 'out')
  rng, wanted = np.random.default_rng(0), {}
  for batch in (1, 3):
    shapes = [(batch, *shape) for shape in model.model.input_shapes]
    clips = [rng.integers(0, 256, s, dtype=np.uint8) for s in shapes]
    named = dict(zip(INPUTS, clips, strict=False))
    np.savez(tmp_path / 'out' / f'clips{batch}.npz', **named)
    pixels = normalize_clips(named, 'half')
    wanted[batch] = small.apply(model.model, model.params, *pixels)
  assert np.ptp(wanted[3], axis=0).min() > 1e-3
  run_elsewhere(tmp_path / 'out')
  for batch, logits in wanted.items():
    found = np.load(tmp_path / 'out' / f'logits{batch}.npy')
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, logits, rtol=0, atol=1e-5)


def test_weights_are_beside_the_program(tmp_path):
  sizes = dict(width=256, depth=1, num_heads=4, patch_size=4, image_size=16)
  spec = dict(backbone=sizes, num_frames=2, adapter=None)
  model = build(spec, 3)
  found = stablehlo.make_program(model, param_shapes(model), 'clip').serialize()
  assert params_lib.count(param_shapes(model)) * 4 > 3e6
  assert len(found) < 5e4


def test_one_program_for_all_platforms_batches_and_exact_products():
  model = small.build(dict(name='zeroi2v', offsets=(1,)), depth=1)
  found = stablehlo.make_program(model, param_shapes(model), 'clip')
  assert found.platforms == ('cpu', 'cuda', 'tpu')
  *_, clip = found.in_avals
  assert str(clip.shape) == '(b, 4, 16, 16, 3)' and clip.dtype == np.uint8
  (logits,) = found.out_avals
  assert str(logits.shape) == '(b, 3)' and logits.dtype == jnp.float32
  text = found.mlir_module()
  products = text.count('stablehlo.dot_general')
  assert products == text.count('precision = [HIGHEST, HIGHEST]') > 6
  assert 'bf16' not in text


def test_a_bfloat16_model_computes_in_float32():
  sizes = dict(width=16, depth=1, num_heads=2, patch_size=4, image_size=8)
  spec = dict(backbone=sizes, num_frames=2, adapter=None)
  model = build(spec, 3, dtype=jnp.bfloat16)
  text = stablehlo.make_program(
    model, param_shapes(model), 'clip'
  ).mlir_module()
  assert 'bf16' not in text


def test_what_a_user_of_it_finds(tmp_path):
  model = small.trained(dict(name='lora', rank=2), tmp_path, depth=1)
  stablehlo.export_program(model, tmp_path / 'out')
  config = json.loads(
    (tmp_path / 'out' / 'config.json').read_text(encoding='utf-8')
  )
  assert config['class_names'] == ['left', 'right', 'up']
  assert config['preprocessing']['normalization']['name'] == 'half'
  assert config['inputs'] == [
    {'name': 'video', 'dtype': 'uint8', 'shape': ['b', 4, 16, 16, 3]}
  ]
  with pytest.raises(ValueError, match='exported for other programs'):
    trained.load(tmp_path / 'out')
