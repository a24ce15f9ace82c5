"""The image ViT: its families, its options, its precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from flax import linen as nn
from jax.extend import core as jex

from i2v_jax import params as params_lib
from i2v_jax.backbones.vit import Mlp, ViT
from i2v_jax.backbones.vit_config import REMAT, ViTConfig
from i2v_jax.weights import image as weights

CLIP = dict(width=48, depth=2, num_heads=6, patch_size=8, image_size=24)


def forward(cfg, params, image, method=None):
  return small.apply(ViT(cfg), params, image, method=method)


def random(cfg):
  """Parameters of which every one is random and not zero."""
  return small.random_like(weights.compute_shapes(cfg))


def noise(seed=1):
  return jax.random.normal(jax.random.key(seed), (2, 24, 24, 3))


def test_families_differ_as_published():
  clip, imagenet = ViTConfig.named('B/16'), ViTConfig.named('B/16', 'imagenet')
  assert (clip.norm_eps, imagenet.norm_eps) == (1e-5, 1e-6)
  tree = weights.compute_shapes(clip)
  assert 'ln_pre' in tree and set(tree['patch']) == {'kernel'}
  tree = weights.compute_shapes(imagenet)
  assert 'ln_pre' not in tree and set(tree['patch']) == {'kernel', 'bias'}


@pytest.mark.parametrize(
  ('name', 'family', 'count'),
  [  # 86,567,656 and 304,326,632 with the 1000-way head of the ImageNet models
    ('B/16', 'imagenet', 86_567_656 - 769_000),
    ('L/16', 'imagenet', 304_326_632 - 1_025_000),
    ('B/16', 'clip', 86_192_640 - 768 * 512),
    ('L/14', 'clip', 303_966_208 - 1024 * 768),
  ],
)
def test_sizes_by_name(name, family, count):
  tree = weights.compute_shapes(ViTConfig.named(name, family))
  assert params_lib.count(tree) == count


def test_layer_scale_multiplies_what_blocks_add():
  cfg = ViTConfig.named(**CLIP, family='dinov2')
  params = random(cfg)
  for name in ('blocks_0', 'blocks_1'):
    for part in ('attn', 'mlp'):
      params[name][part]['scale'] = jnp.zeros(48)
  found = forward(cfg, params, noise())
  blockless = lambda m, image: m.ln_post(m.embed(image))
  wanted = forward(cfg, params, noise(), blockless)
  np.testing.assert_array_equal(found, wanted)


def test_registers_stand_behind_the_class_token_without_position():
  cfg = ViTConfig.named(**CLIP, family='dinov2', registers=3)
  params = random(cfg)
  assert params['registers'].shape == (3, 48) and params['pos'].shape[0] == 10
  tokens = forward(cfg, params, noise(), lambda m, image: m.embed(image))
  assert tokens.shape == (2, 13, 48)
  np.testing.assert_array_equal(tokens[0, 1:4], params['registers'])
  cls = params['cls'] + params['pos'][0]
  np.testing.assert_allclose(tokens[1, 0], cls, rtol=1e-6)


def test_swiglu_gates_with_the_first_half():
  cfg = ViTConfig.named(**CLIP | dict(activation='swiglu', mlp_dim=20))
  x = jax.random.normal(jax.random.key(2), (5, 48))
  params = Mlp(cfg).init(jax.random.key(0), x)['params']
  assert params['fc1']['kernel'].shape == (48, 40)
  gate, up = np.split(x @ params['fc1']['kernel'], 2, axis=1)
  wanted = (gate / (1 + np.exp(-gate)) * up) @ params['fc2']['kernel']
  found = Mlp(cfg).apply({'params': params}, x)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize('registers', [0, 2])
def test_the_mean_is_of_patches_behind_the_norm(registers):
  cfg = ViTConfig.named(
    **CLIP, family='dinov2', registers=registers, pool='mean'
  )
  params = random(cfg)
  tokens = forward(cfg, params, noise())
  pooled = forward(cfg, params, noise(), small.pooled)
  wanted = tokens[:, 1 + registers :].mean(axis=1)
  np.testing.assert_allclose(pooled, wanted, rtol=0, atol=1e-6)


def test_attention_pooling_does_not_mind_the_order_of_tokens():
  cfg = ViTConfig.named(**CLIP, family='siglip')
  params = random(cfg)
  assert 'cls' not in params and params['pos'].shape[0] == 9
  tokens = jax.random.normal(jax.random.key(3), (1, 9, 48))
  pool = lambda tokens: forward(cfg, params, tokens, ViT.pool)
  found = pool(tokens)
  np.testing.assert_allclose(found, pool(tokens[:, ::-1]), rtol=0, atol=1e-5)
  assert np.abs(found - pool(2 + tokens**2)).max() > 1e-2


def test_gelu_comes_in_two_forms():
  x = jnp.linspace(-3, 3, 48)[None]
  outputs = {}
  for activation in ('gelu', 'gelu_tanh'):
    cfg = ViTConfig.named(**CLIP | dict(activation=activation))
    params = Mlp(cfg).init(jax.random.key(0), x)
    outputs[activation] = Mlp(cfg).apply(params, x)
  apart = np.abs(outputs['gelu'] - outputs['gelu_tanh']).max()
  assert 1e-6 < apart < 1e-2
  assert jnp.abs(nn.gelu(x) - nn.gelu(x, approximate=False)).max() > 1e-5


def products(jaxpr):
  """Matrix products of a jaxpr, also inside of others: batched, by weights."""
  found = np.zeros(2, int)
  for equation in jaxpr.eqns:
    if equation.primitive.name == 'dot_general':
      _, (batched, _) = equation.params['dimension_numbers']
      found += (bool(batched), not batched)
    for inner in jex.jaxprs_in_params(equation.params):
      found += products(inner)
  return found


def test_remat_recomputes_products_of_attention_or_all():
  image, shapes = noise(), weights.compute_shapes(ViTConfig.named(**CLIP))

  def of(remat):
    model = ViT(ViTConfig.named(**CLIP, remat=remat))
    loss = lambda p: (model.apply({'params': p}, image) ** 2).mean()
    return products(jax.make_jaxpr(jax.grad(loss))(shapes).jaxpr)

  none, dots, block = map(of, REMAT)
  assert none[0] < dots[0] <= block[0]
  assert none[1] == dots[1] < block[1]


@pytest.mark.parametrize('remat', ['dots', 'block'])
def test_remat_does_not_change_results(remat):
  cfg = ViTConfig.named(**CLIP)
  params = weights.make_random_params(cfg, 0)
  image = jax.random.normal(jax.random.key(1), (2, 24, 24, 3))

  def grads(cfg):
    loss = lambda p: (ViT(cfg).apply({'params': p}, image) ** 2).mean()
    return jax.jit(jax.grad(loss))(params)

  plain = grads(cfg)
  other = grads(ViTConfig.named(**CLIP, remat=remat))
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
  jax.tree.map(close, plain, other)


def test_bfloat16_computes_in_bfloat16_from_float32_parameters():
  cfg = ViTConfig.named(**CLIP, dtype=jnp.bfloat16)
  params = weights.make_random_params(cfg, 0)
  assert {x.dtype for x in jax.tree.leaves(params)} == {jnp.dtype('float32')}
  image = jax.random.normal(jax.random.key(1), (2, 24, 24, 3))
  found = forward(cfg, params, image)
  assert found.dtype == jnp.bfloat16
  wanted = forward(ViTConfig.named(**CLIP), params, image)
  assert 0 < np.abs(found - wanted).mean() < 0.02


@pytest.mark.parametrize(
  ('options', 'error'),
  [
    (dict(variant='B16'), 'SIZE/PATCH'),
    (dict(variant='X/16'), 'SIZE/PATCH'),
    (dict(variant='B/16', family='dino'), 'family'),
    (dict(variant='B/16', image_size=230), 'multiple'),
    (CLIP | dict(num_heads=5), 'num_heads is 5'),
    (CLIP | dict(activation='relu'), 'activation'),
    (CLIP | dict(remat='all'), 'remat'),
    (CLIP | dict(pool='max'), 'pool'),
    (CLIP | dict(class_token=False), 'cannot pool by it'),
  ],
)
def test_impossible_sizes_are_named(options, error):
  with pytest.raises(ValueError, match=error):
    ViTConfig.named(**options)


def test_a_wrong_image_size_is_named():
  cfg = ViTConfig.named(**CLIP)
  with pytest.raises(ValueError, match='takes 24x24 pixels, not 32x32'):
    jax.eval_shape(ViT(cfg).init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
