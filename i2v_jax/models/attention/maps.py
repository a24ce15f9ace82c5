"""What the heads of one block look at."""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from i2v_jax.backbones.image_model import make_module
from i2v_jax.models.attention import layout as layouts
from i2v_jax.models.attention.inputs import read_inputs
from i2v_jax.models.attention.layout import Layout
from i2v_jax.models.attention.names import find_key_steps, group_heads
from i2v_jax.models.attention.record import Record, record
from i2v_jax.models.attention.rows import Rows
from i2v_jax.models.inputs import full_precision_of
from i2v_jax.runtime.errors import UserError


class AttentionMap(NamedTuple):
  """What a group of heads looks at.

  Attributes:
    name: of the group. `spatial`: the heads of a frame that look at it.
      `frame -1`: heads whose keys and values come from the frame before; with
      tubelets of two frames `frame -2` is the tubelet before.
      `frames -1 0 +1 mixed`: heads whose channels come from several frames.
      What else a head has moved follows a comma: `spatial, values -1`. AIM has
      `space` and `time`, DualPath `frames` and `framesets`; EVL has a `decoder`
      with `spatial`; `pool` is of the query that an image model pools with
      (DualPath: `pool frames`, `pool framesets`).
    weights: float32 [B, T, N, H, W], of N heads.
    frames: [T], the frame of the clip whose patches `weights[:, t]` lie on. Of
      a relocated head the one of its keys, as the model pads the ends of a
      clip; of mixed ones that of the query; of tubelets the first.
    queries: [T], the frame of the clip that the query of `weights[:, t]` is in,
      of tubelets the first; `frames` again unless `sums_over` is `places`.
    heads: numbers of these heads; none where the mean of all is shown.
    rest: float32 [B, T, N], the weight of keys that are no patches: class
      token, registers, prompts.
    sums_over: over what weights and rest together sum to one. `places`: for
      the query in each of T frames. `frames`: for each place, which is its own
      query, and looks at T frames. `both`: for one query, or a mean of queries.
  """

  name: str
  weights: np.ndarray
  frames: np.ndarray
  queries: np.ndarray
  heads: tuple[int, ...]
  rest: np.ndarray
  sums_over: str


def find_maps(
  model, params, inputs, block: int = -1, at=None
) -> list[AttentionMap]:
  """Finds what the heads of a block look at.

  Args:
    model: a video model as `i2v_jax.build` makes it, or an image model, `ViT`
      or `Swin`.
    params: its parameters.
    inputs: normalised pixels `B x T x H x W x 3`, of an image model also `B x H
      x W x 3`; or `{'video': …, 'grid': …}` for a model of several inputs.
      Without `grid`, framesets are made of all frames of a clip, and not
      antialiased: for a run with `clip.grid_antialias` give its loader's.
    block: index of a block of the image model; -1 is the last.
    at: `(column, row, frame)` of the patch that is the query, on the map of
      this block and in the clip. With None for the frame, or without it, the
      query is in each frame, and with a frame in that alone: T is 1 then. By
      default the class token is the query, or the mean of all patches where
      there is none. `pool` and `decoder` have queries of their own, and are
      shown without `at`; `time` is of each place, whatever the column and row.

  Raises:
    UserError: the model has no attention to show, or there is no such block or
      place.
  """
  clips = read_inputs(model, inputs)
  return _find(model, params, clips, block, at, None)


def attention_maps(
  model, params, video, block: int = -1, at=None
) -> dict[str, np.ndarray]:
  """Computes the maps of `find_maps` by name: float32 [B, T, N, H, W].

  Raises:
    UserError: as `find_maps`.
  """
  found = find_maps(model, params, video, block, at)
  return {one.name: one.weights for one in found}


def find_image_maps(
  image_model, image_params, video, block: int = -1, at=None
) -> list[AttentionMap]:
  """Finds what an image model looks at in each frame of a clip.

  Args:
    image_model: its config.
    image_params: its parameters, those of `backbone` of a video model.
    video: normalised pixels `B x T x H x W x 3`, or a mapping that has them;
      frames are counted in it.
    block: as in `find_maps`.
    at: as in `find_maps`.

  Raises:
    UserError: as `find_maps`.
  """
  video = video['video'] if isinstance(video, Mapping) else video
  module = make_module(image_model)
  return _find(module, image_params, (video,), block, at, _pool_frames)


def _pool_frames(module, video_BxTxHxWxC):
  """A method of an image model: frames of any shape that it can take."""
  sides, cfg = video_BxTxHxWxC.shape[-3:-1], module.cfg
  patch = cfg.image_shape[0] // cfg.grid
  pos = None
  if sides != cfg.image_shape[:2]:
    pos = module.fit_positions(*(side // patch for side in sides))
  return module.pool(module.encode(module.embed(video_BxTxHxWxC, pos)))


def _find(model, params, clips, block: int, at, method):
  cfg = layouts.find_image_config(model)
  layout = layouts.make_layout(model, clips)
  block = layouts.check_block(block, cfg)
  at = layouts.check_place(at, layout, cfg.block(block))
  keep = Rows(block, layout, at)
  with full_precision_of(cfg.dtype):
    found = jax.device_get(run(model, keep, method, params, clips))
  if not found:
    raise UserError(
      f'Block {block} of {type(model).__name__} has no attention to show; '
      'choose another block, or leave at out.'
    )
  return [one for seen in found for one in _arrange(seen, model, layout, at)]


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def run(model, keep, method, params, clips) -> list[Record]:
  """Calls a model on clips, and returns the records of `keep` alone."""
  call = functools.partial(
    model.apply, {'params': params}, *clips, method=method
  )
  return record(call, model, keep)


def _arrange(seen: Record, model, layout: Layout, at) -> list[AttentionMap]:
  """Maps of one attention."""
  weights, rest = seen.values
  heads = (*range(weights.shape[2]),)
  frame = at and at[2]
  if seen.part == 'space' and seen.path != 'framesets':
    return _arrange_groups(seen, model, layout, frame)
  name = f'{seen.part} {seen.path}'.strip() if seen.part != 'space' else ''
  if seen.path == 'framesets':
    name = name or seen.path
    return [arrange_framesets(name, weights, rest, layout, heads, frame)]
  if seen.part == 'pool':  # with `mean_first` of all frames at once
    times = layout.steps // weights.shape[1]
    weights, rest = (np.repeat(x, times, axis=1) for x in (weights, rest))
  frames = np.arange(layout.steps) * layout.stride
  sums = {'time': 'frames', 'decoder': 'both', 'pool': 'places'}[seen.part]
  return [AttentionMap(name, weights, frames, frames, heads, rest, sums)]


def _arrange_groups(seen, model, layout, frame) -> list[AttentionMap]:
  """Maps of the heads that look at places of a frame."""
  weights, rest = seen.values
  spatial, maps = _name_space(seen, model), []
  stride = layout.stride
  steps = np.arange(layout.steps) if frame is None else [frame // stride]
  queries = np.multiply(steps, stride)
  for name, heads in group_heads(seen.heads, stride).items():
    frames = find_key_steps(seen.heads, heads[0])[steps] * stride
    name = spatial if name == 'spatial' else name
    own, others = (x[:, :, list(heads)] for x in (weights, rest))
    maps.append(
      AttentionMap(name, own, frames, queries, heads, others, 'places')
    )
  return maps


def _name_space(seen: Record, model) -> str:
  """What the methods call their heads that look at their own frame."""
  adapter = getattr(model, 'adapter', None)
  aim = adapter and adapter['name'] == 'aim'
  return seen.path or ('space' if aim else 'spatial')


def arrange_framesets(
  name: str, weights, rest, layout: Layout, heads, frame=None
) -> AttentionMap:
  """The map of each small frame, of the mean of what all framesets look at."""
  cells, framesets = layout.grid[0] * layout.grid[1], weights.shape[1]
  first = 0 if frame is None else frame // cells * cells
  share = np.float32(1 / framesets)
  frames = first + np.arange(framesets * cells)
  return AttentionMap(
    name,
    layouts.cut_framesets(weights, layout.grid) * share,
    frames,
    frames,
    heads,
    np.repeat(rest, cells, axis=1) * share / np.float32(cells),
    'both',
  )
