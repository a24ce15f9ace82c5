"""Attention maps of one block."""

import functools
from typing import NamedTuple

import jax
import numpy as np

from i2v_jax.models.attention import layout
from i2v_jax.models.attention.layout import AttentionMap
from i2v_jax.models.attention.record import record, weigh


class _Rows(NamedTuple):
  block: int
  row: int
  places: tuple[int, int]

  def __call__(self, call):
    if call.block != self.block:
      return None
    w = weigh(call, call.q[..., self.row : self.row + 1, :], call.k)[..., 0, :]
    high, wide = self.places
    first = w.shape[-1] - high * wide
    patches = w[..., first:].reshape(*w.shape[:-1], high, wide)
    return patches, w[..., :first].sum(axis=-1)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _record(model, keep, params, inputs):
  call = functools.partial(model.apply, {'params': params}, *inputs)
  return record(call, model, keep)


def find_maps(model, params, inputs, block=-1, at=None) -> list[AttentionMap]:
  """Finds what the heads of a block look at."""
  video = inputs['video'] if isinstance(inputs, dict) else inputs
  cfg = model.image_model
  places = tuple(s // cfg.patch_size for s in video.shape[2:4])
  keep = _Rows(block % cfg.num_blocks, 0, places)
  maps = []
  for found in jax.device_get(_record(model, keep, params, (video,))):
    weights, rest = found.values
    names = layout.name_heads(found.heads)
    for name in dict.fromkeys(names):
      heads = tuple(i for i, x in enumerate(names) if x == name)
      frames = layout.find_key_steps(
        found.heads.keys[heads[0]], weights.shape[1]
      )
      of = list(heads)
      maps.append(
        AttentionMap(
          name, weights[:, :, of], frames, heads, rest[:, :, of], 'places'
        )
      )
  return maps


def attention_maps(
  model, params, video, block=-1, at=None
) -> dict[str, np.ndarray]:
  """Maps by name, `B x T x heads x h x w`."""
  found = find_maps(model, params, video, block, at)
  return {x.name: x.weights for x in found}


def find_image_maps(
  image_model, image_params, video, block=-1, at=None
) -> list[AttentionMap]:
  """Maps of the image model alone, frame by frame."""
  raise NotImplementedError
