"""An image model of two stages fits with what the protocol asks for."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from flax import linen as nn

from i2v_jax import adapters
from i2v_jax.backbones import image_model
from i2v_jax.backbones.vit import Block, make_layer_norm
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.models.build import find_classifier
from i2v_jax.models.macs import count_macs
from i2v_jax.runtime.errors import UserError

SIZES = dict(depth=1, class_token=False, pool='mean')
FIRST = ViTConfig(16, num_heads=2, patch_size=4, image_size=16, **SIZES)
SECOND = ViTConfig(32, num_heads=4, patch_size=8, image_size=16, **SIZES)


@dataclasses.dataclass(frozen=True)
class Stages:
  """Two blocks of 16 tokens, then two of 4 tokens and twice the width."""

  dtype: Any = jnp.float32
  remat: str = 'none'

  width = SECOND.width
  image_shape = FIRST.image_shape
  num_blocks = 4
  tubelet = 1
  steps = 0

  def block(self, index):
    return (FIRST, FIRST, SECOND, SECOND)[index]

  def check_mesh(self, mesh):
    for index in range(self.num_blocks):
      self.block(index).check_mesh(mesh)

  def macs(self):
    parts = [FIRST.macs(), FIRST.macs(), SECOND.macs(), SECOND.macs()]
    found = {k: sum(p[k] for p in parts) for k in ('attention', 'mlp')}
    merging = SECOND.num_tokens * 4 * FIRST.width * SECOND.width
    patches = FIRST.macs()['patches']
    return found | dict(patches=patches, pooling=0, merging=merging)


class StagesModule(nn.Module):
  cfg: Stages

  def setup(self):
    cfg = self.cfg
    self.patch = nn.Conv(FIRST.width, (4, 4), strides=(4, 4))
    self.blocks = [Block(cfg.block(i)) for i in range(cfg.num_blocks)]
    self.merge = nn.Dense(SECOND.width)
    self.ln_post = make_layer_norm(SECOND)

  def embed(self, image_BxHxWxC):
    *batch, _, _, _ = image_BxHxWxC.shape
    return self.patch(image_BxHxWxC).reshape(*batch, -1, FIRST.width)

  def encode(self, x, adapters=None):
    adapters = adapters or [None] * self.cfg.num_blocks
    for i, (block, adapter) in enumerate(
      zip(self.blocks, adapters, strict=True)
    ):
      if i == 2:
        x = self.merge(x.reshape(*x.shape[:-2], 4, 4 * FIRST.width))
      x = block(x, adapter)
    return x

  def pool(self, x_BxLxD):
    return self.ln_post(x_BxLxD).mean(axis=-2)


@pytest.fixture(autouse=True)
def stages(monkeypatch):
  monkeypatch.setitem(image_model.MODULES, Stages, StagesModule)


def build(spec):
  spec = adapters.resolve(spec)
  kind = find_classifier(spec)
  return kind(Stages(), 3, 4, spec, temporal_embedding=False)


@pytest.mark.parametrize(
  'spec',
  [
    dict(name='zeroi2v', offsets=(-1, 1), rank=0.25),
    dict(name='zeroi2v', rank=3, blocks=(1, 2)),
    dict(name='aim'),
    dict(name='lora', rank=2, on=('q', 'fc1')),
    dict(name='st_adapter', rank=2),
    dict(name='adaptformer', rank=2),
    dict(name='ssf'),
  ],
  ids=lambda spec: spec['name'],
)
def test_methods_run_on_it_and_their_formula_counts_it(spec):
  model = build(spec)
  clip = jnp.zeros((1, *model.input_shapes[0]))
  tree = jax.eval_shape(lambda: model.init(jax.random.key(0), clip))['params']
  assert len(tree.get('adapters', {})) in (2, 4)
  init = lambda clip: model.init(jax.random.key(0), clip)
  traced = small.count_products(jax.make_jaxpr(init)(clip).jaxpr)
  per_channel = 'convolutions per channel'
  parts = count_macs(model)
  parts.pop(per_channel, None)
  assert sum(parts.values()) == traced
  assert 'merging' in parts


def test_relocated_heads_of_both_stages_look_at_other_frames():
  model = build(dict(name='zeroi2v', offsets=(1,), rank=0.25))
  params = small.random(model)
  assert small.reach(model, params, 3) == {0, 1, 2, 3}
  still = build(dict(name='zeroi2v', rank=0.25))
  assert small.reach(still, params, 3) == {3}


def test_offsets_that_do_not_fit_one_stage_are_refused():
  spec = adapters.resolve(dict(name='zeroi2v', offsets=(-1, 1, -1)))
  with pytest.raises(UserError, match='the model has 2 heads of 8'):
    adapters.check_fit(spec, None, Stages(), 4)
  fits = adapters.resolve(dict(name='zeroi2v', offsets=(-1, 1)))
  adapters.check_fit(fits, None, Stages(), 4)


def test_heads_of_every_stage_are_checked_against_the_mesh():
  Stages().check_mesh(small.abstract_mesh((1, 2), ('data', 'model')))
  with pytest.raises(UserError, match='does not divide the 2 heads'):
    Stages().check_mesh(small.abstract_mesh((1, 4), ('data', 'model')))


def test_the_vit_gives_what_the_protocol_asks():
  cfg = image_model.make_config(dict(variant='B/16'))
  assert isinstance(image_model.make_module(cfg).cfg, ViTConfig)
  assert (cfg.num_blocks, cfg.width) == (12, 768)
  assert cfg.image_shape == (224, 224, 3)
  block = cfg.block(11)
  sizes = block.width, block.num_heads, block.head_width, block.num_tokens
  assert sizes == (768, 12, 64, 197) and block.num_prefix == 1
  assert np.sum(list(cfg.macs().values())) == pytest.approx(17.56e9, rel=1e-3)
