"""Formats of image models: one file each, one literal tuple.

native: our own safetensors, whose keys are the paths of the tree.
clip_openai, clip_hf: CLIP and SigLIP, by OpenAI, OpenCLIP and Hugging Face.
vit_hf: ImageNet ViTs and DINOv2 from Hugging Face; huggingface: code for all
  of Hugging Face's formats.
swin, swin_hf: Swin of Microsoft, timm and mmaction2, and of Hugging Face;
  swin_sizes, swin_parts: code for all of them, and for our own.
timm: timm's ViTs and DINOv2's own files; timm_config: their `config.json`.
google: Google's `.npz` ViTs.

Each has `recognises(keys)`, and of a file: `name_format`, `read_fields` (of the
model's config), `find_normalization`, `find_resampling` (of positions), and
`convert`, which returns the tree and its reader. Optional are `assume_fields`;
`find_class`, the class of config of a file, which else is `ViTConfig`; and
`TUBELETS`, true where patches may span frames.
"""

from i2v_jax.weights.formats import (
  clip_hf,
  clip_openai,
  google,
  native,
  swin,
  swin_hf,
  timm,
  vit_hf,
)

# The first one that recognises the keys of a file reads it.
FORMATS = (native, clip_openai, clip_hf, swin, swin_hf, vit_hf, timm, google)
