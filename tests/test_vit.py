"""The image ViT and CLIP weights from a Hugging Face directory."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from i2v_jax import params as params_lib
from i2v_jax import weights
from i2v_jax.vit import ViT, ViTConfig, resample_positions
from i2v_jax.weights import native

CLIP = dict(width=48, depth=2, num_heads=6, patch_size=8, image_size=24)


def forward(cfg, params, image):
  return jax.jit(ViT(cfg).apply)({'params': params}, image)


def test_clip_from_hugging_face_agrees(golden):
  folder = golden / 'hf_clip_vision'
  reference = np.load(folder / 'reference.npz')
  cfg = ViTConfig.named(**CLIP)
  params = weights.load_backbone(str(folder), cfg)
  image = reference['input'].transpose(0, 2, 3, 1)
  # `last_hidden_state` is before the final norm, which CLIP applies to [cls].
  tokens = jax.jit(
    lambda p, x: ViT(cfg).apply(
      {'params': p}, x, method=lambda m, x: m.encode(m.embed(x))
    )
  )(params, image)
  np.testing.assert_allclose(
    tokens, reference['last_hidden_state'], rtol=0, atol=1e-5
  )
  np.testing.assert_allclose(
    forward(cfg, params, image)[:, 0],
    reference['pooler_output'],
    rtol=0,
    atol=1e-5,
  )


@pytest.fixture
def clip_copy(golden, tmp_path):
  folder = tmp_path / 'clip'
  shutil.copytree(golden / 'hf_clip_vision', folder)
  return folder


def rewrite(folder, change):
  path = folder / 'model.safetensors'
  save_file(change(load_file(path)), path)


def test_full_clip_files_with_text_tower_are_accepted(golden, clip_copy):
  def as_full_model(arrays):
    arrays = {
      'vision_model.' + k.removeprefix('vision_model.'): v
      for k, v in arrays.items()
    }
    extra = {
      'text_model.embeddings.token_embedding.weight': np.ones((4, 4), 'f4'),
      'logit_scale': np.ones((), 'f4'),
      'visual_projection.weight': np.ones((5, 48), 'f2'),
      'vision_model.embeddings.position_ids': np.ones((1, 10), 'i8'),
    }
    return arrays | extra

  rewrite(clip_copy, as_full_model)
  cfg = ViTConfig.named(**CLIP)
  found = weights.load_backbone(str(clip_copy), cfg)
  wanted = weights.load_backbone(str(golden / 'hf_clip_vision'), cfg)
  assert params_lib.sha256(found) == params_lib.sha256(wanted)


@pytest.mark.parametrize(
  ('change', 'error'),
  [
    (lambda a: dict(list(a.items())[:-1]), "has no '"),
    (
      lambda a: a | {'encoder.layers.0.lora': np.ones(2, 'f4')},
      'that the model',
    ),
  ],
)
def test_missing_and_surplus_keys_are_named(clip_copy, change, error):
  rewrite(clip_copy, change)
  with pytest.raises(ValueError, match=error):
    weights.load_backbone(str(clip_copy), ViTConfig.named(**CLIP))


@pytest.mark.parametrize(
  ('key', 'value'), [('hidden_act', 'gelu'), ('num_attention_heads', 4)]
)
def test_another_architecture_is_refused(clip_copy, key, value):
  path = clip_copy / 'config.json'
  path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
  with pytest.raises(ValueError, match=key):
    weights.load_backbone(str(clip_copy), ViTConfig.named(**CLIP))


def test_positions_are_resampled_to_the_image_size(clip_copy):
  small = weights.load_backbone(str(clip_copy), ViTConfig.named(**CLIP))
  cfg = ViTConfig.named(**(CLIP | {'image_size': 48}))
  large = weights.load_backbone(str(clip_copy), cfg)
  assert large['pos'].shape == (37, 48)
  np.testing.assert_array_equal(large['pos'][0], small['pos'][0])
  back = resample_positions(large['pos'], 3)
  assert np.abs(back - small['pos']).max() < np.abs(small['pos']).max()


def test_resampling_keeps_a_linear_ramp_linear_inside():
  ramp = np.repeat(np.arange(8.0, dtype='f4'), 8).reshape(64, 1)
  found = resample_positions(np.concatenate([[[9.0]], ramp]), 16)
  rows = found[1:].reshape(16, 16)
  wanted = (np.arange(16) + 0.5) / 2 - 0.5
  np.testing.assert_allclose(
    rows[4:12], np.tile(wanted[4:12, None], 16), atol=1e-5
  )
  with pytest.raises(ValueError, match='square'):
    resample_positions(np.zeros((8, 2)), 4)


@pytest.mark.parametrize(
  ('source', 'error'),
  [
    ('', 'needs pretrained image weights'),
    ('no/such/folder', 'No weights at'),
    ('builtin:faces', 'digits'),
  ],
)
def test_weights_that_are_not_there(source, error):
  with pytest.raises((ValueError, FileNotFoundError), match=error):
    weights.load_backbone(source, ViTConfig.named(**CLIP))


def test_the_hub_out_of_reach_says_what_to_do(monkeypatch, tmp_path):
  monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
  monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
  with pytest.raises(FileNotFoundError, match='download config'):
    weights.load_backbone('hf:no-one/nothing', ViTConfig.named(**CLIP))


def test_garbage_is_no_safetensors_file(tmp_path):
  path = tmp_path / 'model.safetensors'
  path.write_bytes(b'not weights')
  with pytest.raises(ValueError, match='not a safetensors file'):
    weights.load_backbone(str(path), ViTConfig.named(**CLIP))


def test_native_files_round_trip(tmp_path):
  cfg = ViTConfig.named(**(CLIP | {'family': 'imagenet'}))
  params = weights.random_backbone(cfg, 0)
  native.write(tmp_path / 'w.safetensors', params, note='x')
  found = weights.load_backbone(str(tmp_path / 'w.safetensors'), cfg)
  assert params_lib.sha256(found) == params_lib.sha256(params)
  with pytest.raises(ValueError, match=r'ln_pre/bias .* is missing'):
    weights.load_backbone(
      str(tmp_path / 'w.safetensors'), ViTConfig.named(**CLIP)
    )


def test_families_differ_as_published():
  clip, imagenet = ViTConfig.named('B/16'), ViTConfig.named('B/16', 'imagenet')
  assert (clip.norm_eps, imagenet.norm_eps) == (1e-5, 1e-6)
  tree = weights.backbone_shapes(clip)
  assert 'ln_pre' in tree and set(tree['patch']) == {'kernel'}
  tree = weights.backbone_shapes(imagenet)
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
  tree = weights.backbone_shapes(ViTConfig.named(name, family))
  assert params_lib.count(tree) == count


@pytest.mark.parametrize('remat', ['dots', 'block'])
def test_remat_changes_memory_not_results(remat):
  cfg = ViTConfig.named(**CLIP)
  params = weights.random_backbone(cfg, 0)
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
  params = weights.random_backbone(cfg, 0)
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
    (CLIP | dict(num_heads=5), '5 heads'),
    (CLIP | dict(activation='relu'), 'activation'),
    (CLIP | dict(remat='all'), 'remat'),
  ],
)
def test_impossible_sizes_are_named(options, error):
  with pytest.raises(ValueError, match=error):
    ViTConfig.named(**options)


def test_a_wrong_image_size_is_named():
  cfg = ViTConfig.named(**CLIP)
  with pytest.raises(ValueError, match='takes 24x24 pixels, not 32x32'):
    jax.eval_shape(ViT(cfg).init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))


def test_the_projection_is_read_beside_the_backbone(clip_copy):
  rng = np.random.default_rng(0)
  weight = rng.standard_normal((24, 48), 'f4')  # torch has the outputs first
  rewrite(clip_copy, lambda a: a | {'visual_projection.weight': weight})
  cfg = ViTConfig.named(**CLIP)
  found = weights.load_projection(str(clip_copy), cfg, 24)
  np.testing.assert_array_equal(found['kernel'], weight.T)
  assert weights.load_backbone(str(clip_copy), cfg)
  with pytest.raises(ValueError, match=r'the model wants \(48, 16\)'):
    weights.load_projection(str(clip_copy), cfg, 16)


def test_weights_without_a_projection_are_named(clip_copy):
  with pytest.raises(ValueError, match='has no visual projection'):
    weights.load_projection(str(clip_copy), ViTConfig.named(**CLIP), 24)


IMAGENET = CLIP | dict(family='imagenet', norm_eps=1e-12)


def test_imagenet_vit_from_hugging_face_agrees(golden):
  folder = golden / 'hf_vit'
  reference = np.load(folder / 'reference.npz')
  cfg = ViTConfig.named(**IMAGENET)
  params = weights.load_backbone(str(folder), cfg)
  image = reference['input'].transpose(0, 2, 3, 1)
  np.testing.assert_allclose(
    forward(cfg, params, image),
    reference['last_hidden_state'],
    rtol=0,
    atol=1e-5,
  )


def test_an_imagenet_file_is_not_taken_for_clip(golden):
  with pytest.raises(ValueError, match="hidden_act 'gelu', the model config"):
    weights.load_backbone(str(golden / 'hf_vit'), ViTConfig.named(**CLIP))
