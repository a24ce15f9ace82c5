"""Formats of image models: one file each, one literal tuple.

native: our own safetensors, whose keys are the paths of the tree.
clip_openai, clip_hf: CLIP and SigLIP, by OpenAI, OpenCLIP and Hugging Face.
vit_hf: ImageNet ViTs and DINOv2 from Hugging Face; huggingface: code for all
  of Hugging Face's formats.
timm: timm's ViTs and DINOv2's own files; timm_config: their `config.json`.
google: Google's `.npz` ViTs.

Each has `recognises(keys)`, and of a file: `name_format`, `read_fields` (of the
model's config), `find_normalization`, `find_resampling` (of positions), and
`convert`, which returns the tree and its reader. `assume_fields` is optional.
"""

from i2v_jax.weights.formats import (
  clip_hf,
  clip_openai,
  google,
  native,
  timm,
  vit_hf,
)

# The first one that recognises the keys of a file reads it.
FORMATS = (native, clip_openai, clip_hf, vit_hf, timm, google)
