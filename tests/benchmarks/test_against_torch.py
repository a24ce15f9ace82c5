"""The comparison with PyTorch: both sides do the same work; its table."""

import json
from unittest import mock

import against_torch
import jax
import numpy as np
import pytest
import small
from flax.traverse_util import flatten_dict, unflatten_dict
from paths import ROOT

from i2v_jax import params as params_lib
from i2v_jax.models.build import build
from i2v_jax.training import config_files

SMOKE = 'configs/zeroi2v_k400.py:smoke'
ADAPTERS = {
  'four': dict(num_adapters=4, scale=0.5, offsets=(-1, 1)),
  'three': dict(num_adapters=3, rank=8, offsets=(-2, 1, 0)),
  'two': dict(num_adapters=2, offsets=()),
  'merged': dict(num_adapters=0, offsets=(-1, 1, 3)),
}


def there(model, params, clip):
  """`(logits, gradients by name)` of the peer, for class 0."""
  torch = pytest.importorskip('torch')
  import zeroi2v_torch

  built = zeroi2v_torch.build(model, params)
  logits = built(torch.from_numpy(np.moveaxis(clip, -1, 2).copy()))
  torch.nn.functional.cross_entropy(logits, torch.tensor([0])).backward()
  named = built.named_parameters()
  grads = {k: x.grad.numpy() for k, x in named if x.requires_grad}
  return logits.detach().numpy(), grads


def here(model, params, clip):
  """The same of ours, under the names of the peer."""
  import zeroi2v_torch

  trained = [x for x in small.TRAINED if x.partition('/')[0] in params]
  mine, frozen = params_lib.split(params, trained)

  def loss(mine):
    logits = small.apply(model, params_lib.join(mine, frozen), clip)
    return -jax.nn.log_softmax(logits)[0, 0], logits

  grads, logits = jax.grad(loss, has_aux=True)(mine)
  grads = zeroi2v_torch.convert_state(params_lib.join(grads, frozen))
  return logits, {k: x.numpy() for k, x in grads.items()}


@pytest.mark.parametrize('adapter', ADAPTERS.values(), ids=ADAPTERS)
def test_both_sides_have_the_same_outputs_and_gradients(adapter):
  pytest.importorskip('torch')
  model = small.build(dict(name='zeroi2v', dropout=0.0) | adapter)
  params, (clip,) = small.random(model), small.clips(model)
  ours, mine = here(model, params, clip)
  theirs, grads = there(model, params, np.asarray(clip))
  np.testing.assert_allclose(ours, theirs, atol=1e-5)
  assert grads.keys() > {'temporal_embedding', 'head.weight', 'ln_post.bias'}
  adapted = [name for name in grads if name.startswith('adapters.1.')]
  assert len(adapted) == 4 * adapter['num_adapters']  # two kernels, two biases
  for name, grad in grads.items():
    scale = np.abs(grad).max()
    assert scale > 0, name
    np.testing.assert_allclose(mine[name] / scale, grad / scale, atol=1e-4)


def test_the_peer_is_frozen_where_the_config_is():
  pytest.importorskip('torch')
  import zeroi2v_torch

  model = small.build(dict(name='zeroi2v', offsets=(-1, 1)))
  params = small.random(model)
  built = zeroi2v_torch.build(model, params)
  trained = {k for k, x in built.named_parameters() if x.requires_grad}
  mine, _ = params_lib.split(params, small.TRAINED)
  ones = jax.tree.map(np.ones_like, mine)
  zeros = jax.tree.map(np.zeros_like, params)
  marked = flatten_dict(zeros) | flatten_dict(ones)
  state = zeroi2v_torch.convert_state(unflatten_dict(marked))
  assert trained == {name for name, x in state.items() if x.all()}
  assert not any(x.any() for k, x in state.items() if k not in trained)


@pytest.mark.slow
def test_the_command_prints_and_writes_three_works(tmp_path, capsys):
  pytest.importorskip('torch')
  out = tmp_path / 'found.json'
  given = ('--rounds', '2', '--classes', '5')
  with pytest.raises(SystemExit) as done:
    against_torch.main(['--config', SMOKE, *given, '--out', str(out)])
  assert done.value.code == 0
  rows = json.loads(out.read_text(encoding='utf-8'))['rows']
  assert [row['work'] for row in rows] == list(against_torch.WORKS)
  for row in rows:
    assert (
      set(row['seconds']) == set(row['peak_bytes']) == set(against_torch.SIDES)
    )
    assert min(*row['seconds'].values(), row['ratio']) > 0
    assert min(row['peak_bytes'].values()) > 2**26
  text = capsys.readouterr().out
  assert 'one clip, float32, on a CPU, median of 2, in turn' in text
  assert 'forward, merged' in text and 'i2v takes' in text


@pytest.mark.parametrize(
  ('config', 'changes'),
  [
    ('configs/aim_k400.py:smoke', []),
    (SMOKE, ['model.adapter.num_adapters=6']),
    (SMOKE, ['model.backbone.family=dinov2']),
    (SMOKE, ['model.temporal_embedding=False']),
  ],
)
def test_a_config_without_a_peer_is_refused(config, changes):
  config = config_files.load_config(config, changes)
  with pytest.raises(ValueError, match='choose such a config'):
    against_torch.check(config)


def test_other_training_is_refused_whatever_its_order():
  config = config_files.load_config(SMOKE)
  against_torch.check(config | {'trainable': against_torch.TRAINED[::-1]})
  with pytest.raises(ValueError, match=r"'adapters'.*; set trainable to these"):
    against_torch.check(config | {'trainable': against_torch.TRAINED[1:]})


def test_adapters_in_some_blocks_are_refused():
  config = config_files.load_config(SMOKE)
  config['model']['adapter']['blocks'] = (0,)
  with pytest.raises(ValueError, match='adapters in every block'):
    against_torch.check(config)


def test_what_is_said_to_be_trained_is_what_the_peer_trains():
  pytest.importorskip('torch')
  import zeroi2v_torch

  names = {name.removeprefix('backbone/') for name in against_torch.TRAINED}
  assert names == set(zeroi2v_torch.TRAINED)


def test_both_sides_compute_on_the_cpu(tmp_path, monkeypatch):
  monkeypatch.setenv('JAX_PLATFORMS', 'cuda')
  started = mock.MagicMock()
  monkeypatch.setattr(against_torch.subprocess, 'Popen', started)
  with against_torch.start_side('i2v', 'forward', tmp_path):
    env = started.call_args.kwargs['env']
  assert env['JAX_PLATFORMS'] == 'cpu' and str(ROOT) in env['PYTHONPATH']


@pytest.mark.parametrize('theirs', [[1.0, 2.001], [1.0, float('nan')]])
def test_other_work_is_not_measured(theirs):
  with pytest.raises(ValueError, match='do not do the same work'):
    against_torch.check_same([1.0, 2.0], theirs)
  against_torch.check_same([1.0, 2.0], [1.0, 2.00001])


def test_a_side_that_ends_is_named(tmp_path):
  with (
    against_torch.start_side('i2v', 'forward', tmp_path) as process,
    pytest.raises(RuntimeError, match='process of i2v has ended with code 1'),
  ):
    against_torch.ask(process, 'logits')


def test_both_sides_are_told_the_same_model(tmp_path):
  config = config_files.load_config(SMOKE)
  against_torch.prepare(config, 3, 'forward, merged', tmp_path)
  facts = json.loads((tmp_path / 'model.json').read_text(encoding='utf-8'))
  assert (
    facts['adapter']['num_adapters']
    == facts['spec']['adapter']['num_adapters']
    == 0
  )
  model = build(facts['spec'], facts['num_classes'])
  assert (model.image_model.width, model.image_model.depth) == (
    facts['width'],
    facts['depth'],
  )


def test_less_than_one_round_is_refused(capsys):
  with pytest.raises(SystemExit, match='2'):
    against_torch.main(['--rounds', '0'])
  assert "'0' is not a whole number from 1" in capsys.readouterr().err
