"""Unsupported models are refused by name."""

import json

import numpy as np
import pytest
from references import arrays_of
from renamed import as_timm
from safetensors.numpy import save_file

from i2v_jax import weights

ONE = np.ones(2, 'f4')
B = 'blocks.0.'
KEYS = {  # a key that a file of this model has -> how it is named
  'embeddings.distillation_token': 'a distilled DeiT',
  'base_model.model.x.lora_A.weight': 'a model with LoRA that is not merged',
  'dist_token': 'a distilled DeiT',
  'storage_tokens': 'DINOv3',
  'layer.0.attention.o_proj.weight': 'DINOv3',
  'layers.0.blocks.0.attn.qkv.weight': 'built as a Swin, but has no tables',
  'layers.0.blocks.0.attn.cpb_mlp.0.weight': 'a Swin V2',
  'layers.0.blocks.0.attn.logit_scale': 'a Swin V2',
  B + 'attn.relative_position_bias_table': 'BEiT',
  'encoder.layer.0.lambda_1': 'BEiT',
  B + 'attn.rel_pos_h': 'SAM, or another ViTDet',
  'visual.attn_pool.probe': r'a Perception Encoder \(PE\)',
  'visual.transformer.resblocks.0.ls_1.gamma': 'a Perception Encoder',
  B + 'attn.q_bias': 'EVA, or another with rotary positions',
  B + 'mlp.ffn_ln.weight': 'EVA',
  'blocks.0.11.attn.qkv.weight': 'a training checkpoint of DINOv2, its blocks',
  B + 'gamma_1': 'BEiT, EVA, DINOv3 or PE, in the names of timm',
  'module.layer1.0.conv1.weight': 'a ResNet',
  'encoder.stages.0.layers.0.dwconv.weight': 'a ConvNeXt',
  'blocks.0.0.conv_dw.weight': 'a ConvNeXt, or another convol',
  'blocks.0.blocks.0.0.attn.qkv.weight': 'a CrossViT',
  'blocks.1.proj.weight': 'Hiera',
  'embeddings.time_embeddings': 'TimeSformer',
  'backbone.x.S_Adapter.D_fc1.weight': 'a published video model; i2v_jax.load',
}


@pytest.mark.parametrize('key', KEYS)
def test_keys_tell(key):
  with pytest.raises(ValueError, match=f'is {KEYS[key]}'):
    weights.load_image_model({key: ONE, 'other': ONE})


def drop(arrays, *names):
  return {k: v for k, v in arrays.items() if k not in names}


TIMM = {
  'fc_norm': (
    lambda a: drop(a, 'norm.weight', 'norm.bias') | {'fc_norm.weight': ONE},
    r'a ViT of timm that pools before its last norm \(fc_norm\)',
  ),
  'RMSNorm': (lambda a: drop(a, B + 'norm1.bias'), 'a ViT with RMSNorm'),
  'DINOv3': (
    lambda a: drop(a, 'pos_embed') | {'reg_token': ONE},
    'DINOv3, in the names of timm',
  ),
  'PE': (
    lambda a: a | {'norm_pre.weight': ONE, 'attn_pool.latent': ONE},
    'Perception Encoder',
  ),
  'map with registers': (
    lambda a: a | {'reg_token': ONE, 'attn_pool.latent': ONE},
    'attention pooling leaves out some',
  ),
  'VideoMAE': (
    lambda a: a | {'patch_embed.proj.weight': np.ones((48, 3, 2, 8, 8), 'f4')},
    'a video model such as VideoMAE',
  ),
}


@pytest.mark.parametrize('case', TIMM)
def test_what_is_missing_tells(golden, case):
  change, error = TIMM[case]
  arrays = change(as_timm(arrays_of(golden / 'hf_vit')))
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(arrays, num_heads=6)


@pytest.mark.parametrize(
  ('config', 'error'),
  [
    (dict(model_type='dinov3_vit'), 'is DINOv3, which is not supported; docs'),
    (dict(model_type='videomae'), 'is VideoMAE, which'),
    (dict(model_type='blip_vision_model'), 'is BLIP, which'),
    (dict(model_type='swinv2'), 'is a Swin V2, which'),
    (
      dict(architecture='swinv2_tiny_window8_256'),
      'is swinv2_tiny.* of timm, which',
    ),
    (
      dict(architecture='swin_s3_tiny_224'),
      r'stages differ in their windows \(S3\) \(swin_s3_tiny_224 of timm\)',
    ),
    (
      dict(architecture='deit_base_distilled_patch16_224'),
      r'is a distilled DeiT \(deit_base_distilled_patch16_224 of timm\)',
    ),
    (dict(architecture='vit_small_patch16_dinov3'), r'is DINOv3 \(vit_small'),
  ],
)
def test_configs_tell(tmp_path, config, error):
  save_file({'x': ONE}, tmp_path / 'model.safetensors')
  (tmp_path / 'config.json').write_text(json.dumps(config), encoding='utf-8')
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(tmp_path)


def test_an_unknown_model_type_is_named(tmp_path):
  save_file({'x': ONE}, tmp_path / 'model.safetensors')
  (tmp_path / 'config.json').write_text(
    '{"model_type": "whisper"}', encoding='utf-8'
  )
  error = r"no known format \(config.json: 'whisper'\)"
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(tmp_path)
