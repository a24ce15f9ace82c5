"""SSF (Lian et al., NeurIPS 2022; arXiv 2210.08823): scale and shift."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax.adapters import block_interface
from i2v_jax.adapters.method import Method
from i2v_jax.backbones.declared import Declared

PARTS = {  # of a block; the outputs of each are scaled and shifted
  'ln1': ('ln1',),
  'q': ('attn', 'q'),
  'k': ('attn', 'k'),
  'v': ('attn', 'v'),
  'out': ('attn', 'out'),
  'ln2': ('ln2',),
  'fc1': ('mlp', 'fc1'),
  'fc2': ('mlp', 'fc2'),
}


class ScaleShift(Declared, nn.Module):
  """scale * y + shift per channel; starts as y."""

  dtype: Any

  @nn.compact
  def __call__(self, y):
    shape = y.shape[-1:]
    scale = self.param('scale', nn.initializers.ones, shape, jnp.float32)
    shift = self.param('shift', nn.initializers.zeros, shape, jnp.float32)
    wide = lambda x: jnp.expand_dims(x.astype(self.dtype), range(y.ndim - 1))
    return wide(scale) * y + wide(shift)


class SSF(Method):
  """A scale and a shift after every norm and linear layer; merges.

  Starts as the image model; the authors' code draws around that.
  """

  def setup(self):
    for name in PARTS:
      setattr(self, name, ScaleShift(self.dtype))

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    del model
    return {}  # one product per value, no matrix

  def wire(self, block, x_BxTxLxD):
    after = lambda name, x, y: getattr(self, name)(y)
    kinds = (nn.Dense, nn.LayerNorm)
    with block_interface.change_layers(block, 'SSF', PARTS, kinds, after):
      return super().wire(block, x_BxTxLxD)

  @staticmethod
  def merge(
    spec: Mapping[str, Any], backbone: Mapping, adapters: Mapping
  ) -> tuple[None, dict]:
    """Scales and shifts the frozen layers: (no adapter, backbone)."""
    del spec
    merged = dict(backbone)
    for name, parts in adapters.items():
      block = {k: dict(v) for k, v in backbone[name].items()}
      for part, path in PARTS.items():
        *parents, last = path
        node = block[parents[0]] if parents else block
        node[last] = scale_layer(node[last], **parts[part])
      merged[name] = block
    return None, merged


def scale_layer(layer: Mapping, scale, shift) -> dict:
  """A norm or linear layer whose outputs are scaled and shifted, float32."""
  wide = lambda x: np.asarray(x, np.float64)
  by = {name: wide(value) * wide(scale) for name, value in layer.items()}
  by['bias'] = by['bias'] + wide(shift)
  return {name: value.astype('f4') for name, value in by.items()}
