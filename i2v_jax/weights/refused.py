"""Identifies image models that are not supported, by config or by key."""

import re
from collections.abc import Collection

from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import FORMATS

TYPES = {  # model_type of Hugging Face -> what it is
  'aimv2': 'AIMv2',
  'aimv2_vision_model': 'AIMv2',
  'beit': 'BEiT',
  'blip': 'BLIP',
  'blip_vision_model': 'BLIP',
  'convnext': 'a ConvNeXt',
  'convnextv2': 'a ConvNeXt',
  'data2vec-vision': 'data2vec',
  'deit': 'a distilled DeiT',
  'dinov3_convnext': 'DINOv3 (ConvNeXt)',
  'dinov3_vit': 'DINOv3',
  'hiera': 'Hiera',
  'ijepa': 'I-JEPA',
  'levit': 'LeViT',
  'mobilevit': 'MobileViT',
  'resnet': 'a ResNet',
  'sam': 'SAM',
  'swinv2': 'a Swin V2',
  'timesformer': 'TimeSformer',
  'videomae': 'VideoMAE',
  'vitdet': 'ViTDet',
  'vilt': 'ViLT',
  'vivit': 'ViViT',
  'vjepa2': 'V-JEPA 2',
}
# Beginnings of timm's names of plain image transformers, and of Swin.
TIMM = ('deit', 'eva_large_patch14', 'flexivit', 'swin_', 'vit')
TIMM_OTHERS = {  # part of such a name -> what it is
  'dinov3': 'DINOv3',
  'distilled': 'a distilled DeiT',
  '_pe_': 'a Perception Encoder (PE)',
  '_radio': 'RADIO',
  '_relpos': 'a ViT with relative positions',
  '_rope': 'a ViT with rotary positions',
  '_rpn': 'a ViT with norms after its layers',
  '_srelpos': 'a ViT with relative positions',
  'swin_s3_': 'a Swin whose stages differ in their windows (S3)',
  '_xp_': 'a ViT with RMSNorm',
}
BLOCK = r'(^|\.)blocks\.\d+\.'
SWIN = r'layers\.\d+\.blocks\.\d+\.'
KEYS = (  # part of a key -> what the model is; the first match counts
  (r'\.lora_[A-Z]', 'a model with LoRA that is not merged (merge_and_unload)'),
  (r'(^|\.)(distillation_token|dist_token)$', 'a distilled DeiT'),
  (r'storage_tokens|rope_embed\.|layer\.\d+\.attention\.o_proj', 'DINOv3'),
  (SWIN + r'.*(cpb_mlp|logit_scale|continuous_position_bias)', 'a Swin V2'),
  (r'^(?!.*' + SWIN + ').*relative_position_(bias|index)|rel_pos_bias|'
   + r'layer\.\d+\.lambda_1',
   'BEiT, or another with relative positions'),
  (r'rel_pos_[hw]$', 'SAM, or another ViTDet'),
  (r'attn_pool\.probe|visual\.attn_pool', 'a Perception Encoder (PE)'),
  (r'resblocks\.\d+\.ls_1', 'a Perception Encoder (PE), or a CoCa'),
  (r'\.inner_attn_ln|\.ffn_ln|\.fc1_g\.|freqs_cos|(^|\.)rope\.|'
   + BLOCK + r'(attn\.q_bias|attn\.q_proj\.|mlp\.w1\.)',
   'EVA, or another with rotary positions or no bias of keys'),
  (r'layer1\.0\.conv1', 'a ResNet'),
  (r'dwconv|conv_dw', 'a ConvNeXt, or another convolutional network'),
  (r'time_embeddings|temporal_attention', 'TimeSformer'),
  (r'blocks\.\d+\.blocks\.', 'a CrossViT'),
  (BLOCK + r'proj\.', 'Hiera'),
  (BLOCK + r'\d+\.', 'a training checkpoint of DINOv2, its blocks in chunks'),
  (BLOCK + r'gamma_1', 'BEiT, EVA, DINOv3 or PE, in the names of timm'),
)  # fmt: skip
PATCHES = ('patch_embed.proj.weight', 'patch_embeddings.projection.weight')


VIDEO = re.compile(r'[ST]_Adapter|adapter_pre_|s_adapter_|temporal_pos_embed')


def check_supported(weights: Weights) -> None:
  """Raises UserError for a model that is not supported."""
  if any(VIDEO.search(key) for key in weights.arrays):
    raise UserError(
      f'{weights.what} is a published video model; i2v_jax.load_release reads '
      'it, and `i2v weights convert --config`.'
    )
  if what := identify_by_config(weights.config) or identify_by_keys(weights):
    raise UserError(
      f'{weights.what} is {what}, which is not supported; docs/weights.md '
      'lists the supported models.'
    )


def identify_by_config(config) -> str:
  """Names an unsupported model by its config.json, or returns ''."""
  kind = config.get('model_type')
  if kind in TYPES:
    return TYPES[kind]
  name = config.get('architecture')
  if not isinstance(name, str):
    return ''
  for part, what in TIMM_OTHERS.items():
    if part in name:
      return f'{what} ({name} of timm)'
  return '' if name.startswith(TIMM) else f'{name} of timm'


def identify_by_keys(weights: Weights) -> str:
  """Names an unsupported model by its keys and shapes, or returns ''."""
  keys = weights.arrays
  if 'reg_token' in keys and 'pos_embed' not in keys:
    return 'DINOv3, in the names of timm'
  for pattern, what in KEYS:
    found = re.compile(pattern)
    if any(found.search(key) for key in keys):
      return what
  if any(form.recognises(keys) for form in FORMATS if has_tubelets(form)):
    return ''
  for key in keys:
    if key.endswith(PATCHES) and len(keys[key].shape) == 5:
      return 'a video model such as VideoMAE, whose patches have a depth'
  return _identify_by_missing_keys(keys)


def has_tubelets(form) -> bool:
  """Whether a format reads patches with a depth, of several frames."""
  return getattr(form, 'TUBELETS', False)


def _identify_by_missing_keys(keys: Collection[str]) -> str:
  if any(re.search(SWIN, key) for key in keys):
    return 'built as a Swin, but has no tables of relative positions'
  if 'blocks.0.norm1.weight' in keys:
    if 'fc_norm.weight' in keys:
      return 'a ViT of timm that pools before its last norm (fc_norm)'
    if 'blocks.0.norm1.bias' not in keys:
      return 'a ViT with RMSNorm'
    if 'norm_pre.weight' in keys and 'attn_pool.latent' in keys:
      return 'a Perception Encoder (PE), in the names of timm'
    if {'cls_token', 'reg_token'} & {*keys} and 'attn_pool.latent' in keys:
      return 'a ViT of timm whose attention pooling leaves out some tokens'
  if 'conv1.weight' in keys and 'ln_post.weight' not in keys:
    return 'a Perception Encoder (PE) without its last norm, or a ResNet'
  return ''
