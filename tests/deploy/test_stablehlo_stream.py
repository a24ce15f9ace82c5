"""The exported step of a stream runs without this library, and agrees."""

import functools
import json
import os
import subprocess
import sys

import documented
import jax
import numpy as np
import pytest
import small
from flax.traverse_util import flatten_dict

from i2v_jax import cli, normalize, streaming
from i2v_jax.deploy import model_card, stablehlo_stream
from i2v_jax.models.inputs import param_shapes
from i2v_jax.runtime.errors import UserError

ELSEWHERE = """
import sys
folder = sys.argv[1]
{code}
for streams in (1, 3):
  frames = np.load(f'{{folder}}/frames{{streams}}.npy')
  found = [*read(frames, streams)]
  np.save(f'{{folder}}/logits{{streams}}.npy', found)
assert found[0].shape == (3, len(config['class_names']))
assert 'i2v_jax' not in sys.modules and 'flax' not in sys.modules
"""
PLAIN = dict(temporal_embedding=False)
MEAN = dict(mean_first=True, time_constant=2.0)
FRAMES = 6  # of clips of 4


def run_elsewhere(folder):
  section = documented.code('weights_out.md', '`stablehlo --stream`')
  env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
  code = ELSEWHERE.format(code=section)
  run = [sys.executable, '-c', code, str(folder)]
  subprocess.run(run, cwd=folder, env=env, check=True)


@pytest.mark.parametrize(
  ('adapter', 'options'),
  [
    (dict(name='zeroi2v', offsets=(-1, -2)), {}),
    (dict(name='aim', causal=True), MEAN),
    (dict(name='step_probe'), {}),
  ],
)
def test_it_gives_our_logits_where_we_are_not(tmp_path, adapter, options):
  model = small.trained(adapter, tmp_path, **PLAIN, **options)
  stablehlo_stream.export_stream_program(model, tmp_path / 'out')
  rng, wanted = np.random.default_rng(0), {}
  for streams in (1, 3):
    shape = (FRAMES, streams, 16, 16, 3)
    frames = rng.integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / 'out' / f'frames{streams}.npy', frames)
    video = normalize(frames, 'half').swapaxes(0, 1)
    read = jax.jit(functools.partial(streaming.steps, model.model))
    state = streaming.init(model.model, streams)
    _, logits = read(model.params, state, video)
    wanted[streams] = logits.swapaxes(0, 1)
  assert np.ptp(wanted[3], axis=0).min() > 1e-3
  run_elsewhere(tmp_path / 'out')
  for streams, logits in wanted.items():
    found = np.load(tmp_path / 'out' / f'logits{streams}.npy')
    np.testing.assert_allclose(found, logits, rtol=1e-5, atol=1e-5)


def test_a_reset_starts_streams_over_and_nothing_is_rounded():
  model = small.build(dict(name='zeroi2v', offsets=(-1,)), depth=1, **PLAIN)
  made = stablehlo_stream.make_step_program(model, param_shapes(model), 'half')
  text = made.mlir_module()
  products = text.count('stablehlo.dot_general')
  assert products == text.count('precision = [HIGHEST, HIGHEST]') > 3
  assert made.platforms == ('cpu', 'cuda', 'tpu')
  weights = flatten_dict(small.random(model), sep='/')
  frames = np.random.default_rng(0).integers(0, 256, (4, 2, 16, 16, 3), 'u1')
  step, start = jax.jit(made.call), streaming.init(model, 2)
  state, resets = start, [(0, 0), (0, 0), (1, 0), (0, 0)]
  for frame, reset in zip(frames, resets, strict=True):
    state, logits = step(weights, state, frame, np.array(reset, bool))
  again = start
  for frame in frames[2:]:
    again, wanted = step(weights, again, frame, np.zeros(2, bool))
  np.testing.assert_allclose(logits[0], wanted[0], rtol=0, atol=1e-5)
  assert np.abs(logits[1] - wanted[1]).max() > 1e-4
  assert state['age'].tolist() == [2, 4]


def test_what_a_user_of_it_finds(tmp_path):
  adapter = dict(name='zeroi2v', offsets=(-1,))
  model = small.trained(adapter, tmp_path, depth=1, **PLAIN)
  stablehlo_stream.export_stream_program(model, tmp_path / 'out')
  text = (tmp_path / 'out' / 'config.json').read_text(encoding='utf-8')
  config = json.loads(text)
  assert config['inputs'] == [
    {'name': 'frame', 'dtype': 'uint8', 'shape': ['b', 16, 16, 3]},
    {'name': 'reset', 'dtype': 'bool', 'shape': ['b']},
  ]
  names = {x['name']: x['dtype'] for x in config['state']}
  assert names['age'] == 'int32' and names['readout/0'] == 'float32'
  assert config['class_names'] == ['left', 'right', 'up']
  assert config['training_fps'] is None
  facts = (tmp_path / 'out' / 'facts.json').read_text(encoding='utf-8')
  card = model_card.make_card('ORG/NAME', json.loads(facts))
  assert '(format `stablehlo-stream`)' in card


def test_what_cannot_be_written_is_refused(tmp_path):
  model = small.trained(dict(name='zeroi2v', offsets=(1,)), tmp_path, **PLAIN)
  with pytest.raises(UserError, match='cannot read a stream: its offset 1'):
    stablehlo_stream.export_stream_program(model, tmp_path / 'out')
  assert not (tmp_path / 'out').exists()


def test_the_command_takes_it_for_programs_only(tmp_path, capsys):
  paths = f'--workdir {tmp_path} --out {tmp_path / "out"}'
  with pytest.raises(SystemExit) as end:
    cli.main(f'export {paths} --stream'.split())
  assert end.value.code == 1
  text = '--stream applies only to --format stablehlo, not to merged'
  assert text in capsys.readouterr().err
