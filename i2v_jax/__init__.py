"""Frozen image transformers that understand video, in JAX.

The public names below are imported when first used: `import i2v_jax` is cheap,
and worker processes that only read videos never load JAX through it.
"""

import importlib

__version__ = '0.1.0'

_PUBLIC = {
  'Trained': 'deploy.trained',
  'VideoClassifier': 'models.video',
  'Swin': 'backbones.swin',
  'SwinConfig': 'backbones.swin_config',
  'ViT': 'backbones.vit',
  'ViTConfig': 'backbones.vit_config',
  'attention_maps': 'models.attention.maps',
  'build': 'models.build',
  'join': 'params',
  'load': 'deploy.trained',
  'load_backbone': 'weights',
  'load_image_model': 'weights',
  'load_release': 'deploy.release',
  'mask': 'params',
  'merge': 'models.build',
  'normalize': 'backbones.normalization',
  'probe': 'data.videos.decode',
  'read_frames': 'data.videos.decode',
  'split': 'params',
  'streaming': 'models.streaming',
}
_MODULES = ('streaming',)
__all__ = sorted(_PUBLIC)


def __getattr__(name: str):
  if name not in _PUBLIC:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  module = importlib.import_module(f'{__name__}.{_PUBLIC[name]}')
  return module if name in _MODULES else getattr(module, name)


def __dir__():
  return sorted([*globals(), *_PUBLIC])
