"""The comparison of Swin with PyTorch: both sides do the same work."""

import json

import jax
import numpy as np
import pytest
import small
import swin_against_torch

from i2v_jax import params as params_lib
from i2v_jax.models.build import build

BACKBONE = dict(
  family='swin', embed_dim=16, depths=(2, 2), num_heads=(2, 4), window=4
)
MODELS = {
  'images': (1, dict(tubelet=1), None),
  'adapters': (3, dict(tubelet=2), dict(scale=0.5, offsets=((-1,), (-1, 1)))),
  'merged': (3, dict(tubelet=2), dict(num_adapters=0, heads='quarter')),
}


def make(steps, sizes, adapter):
  """A small model: a map of 4 windows that shift, then one of one window."""
  backbone = BACKBONE | sizes | dict(image_size=32)
  if adapter is not None:
    adapter = dict(name='zeroi2v', dropout=0.0) | adapter
  spec = dict(backbone=backbone, adapter=adapter, temporal_embedding=False)
  return build(spec | dict(num_frames=steps * sizes['tubelet']), 3)


@pytest.mark.parametrize('sizes', MODELS.values(), ids=MODELS)
def test_both_sides_have_the_same_outputs_and_gradients(sizes):
  torch = pytest.importorskip('torch')
  import swin_torch

  model = make(*sizes)
  params, (clips,) = small.random(model), small.clips(model, 2)
  peer = swin_torch.build(swin_against_torch.describe(model), params)
  trained = swin_against_torch.list_trained(model)
  mine, frozen = params_lib.split(params, trained)

  def loss(mine):
    logits = small.apply(model, params_lib.join(mine, frozen), clips)
    return -jax.nn.log_softmax(logits)[:, 0].sum(), logits

  grads, ours = jax.grad(loss, has_aux=True)(mine)
  video = torch.from_numpy(np.moveaxis(np.asarray(clips), -1, 2).copy())
  theirs = peer(video)
  labels = torch.zeros(2, dtype=torch.long)
  torch.nn.functional.cross_entropy(theirs, labels, reduction='sum').backward()
  with torch.inference_mode():  # which has attention of its own
    fused = peer(video)
  for found in (theirs.detach(), fused):
    np.testing.assert_allclose(ours, found.numpy(), atol=1e-5)
  both = params_lib.join(grads, frozen)
  named = swin_torch.convert_state(both, model.image_model.depths)
  wanted = {k: x.grad for k, x in peer.named_parameters() if x.requires_grad}
  assert {'layers.0.attn.table', 'ln_post.bias', 'head.weight'} < wanted.keys()
  assert len(wanted) == len(jax.tree.leaves(mine))
  for name, grad in wanted.items():
    scale = grad.abs().max().item()
    assert scale > 0, name
    np.testing.assert_allclose(named[name] / scale, grad / scale, atol=1e-4)


@pytest.mark.slow
def test_the_command_prints_and_writes_four_works(tmp_path, capsys):
  pytest.importorskip('torch')
  sizes = '--variant=Swin-T --images=1 --frames=2 --train-frames=2 --rounds=1'
  out = tmp_path / 'found.json'
  with pytest.raises(SystemExit) as done:
    swin_against_torch.main([*sizes.split(), '--out', str(out)])
  assert done.value.code == 0
  rows = json.loads(out.read_text(encoding='utf-8'))['rows']
  assert [row['work'] for row in rows] == list(swin_against_torch.WORKS)
  for row in rows:
    assert min(row['ratio'], row['macs'], row['flops']) > 0
    assert row['peak_bytes'].keys() > {'i2v', row['other']}
  text = capsys.readouterr().out
  assert 'Swin-T, float32, median of 1' in text and 'peak' in text


def test_an_unknown_work_is_refused(capsys):
  with pytest.raises(SystemExit) as done:
    swin_against_torch.main(['--work', 'imags'])
  assert done.value.code == 1
  assert 'imags' in capsys.readouterr().err
