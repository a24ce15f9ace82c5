"""Attention followed through all blocks, and over frames."""

import dataclasses

import looking
import numpy as np
import pytest
import small

from i2v_jax.models.attention import maps
from i2v_jax.models.attention.record import weigh
from i2v_jax.models.attention.rollout import find_rollout

GRID = dict(name='dualpath', grid=(2, 2), spatial_frames=2, rank=4)


def build(adapter, depth=1, **options):
  return small.build(adapter, depth=depth, temporal_embedding=False, **options)


def find(model, params=None, inputs=None, at=None):
  params = small.random(model) if params is None else params
  inputs = looking.pixels(model) if inputs is None else inputs
  found = find_rollout(model, params, inputs, at)
  for one in found:
    looking.check_sums(one)
    assert one.sums_over == 'both' and one.heads == ()
  return found


@dataclasses.dataclass(frozen=True)
class Everything:
  """Keeps all weights of all blocks."""

  def __call__(self, call):
    return weigh(call, call.q, call.k)


def multiply(records, offsets):
  """The rollout as published: products of the matrices of all tokens."""
  _, frames, heads, tokens, _ = records[0].values.shape
  total = np.eye(frames * tokens)
  for seen in records:
    joint = np.zeros((frames, tokens, frames, tokens))
    for t, n in np.ndindex(frames, heads):
      moved = t + (offsets[n] if n < len(offsets) else 0)
      source = moved if 0 <= moved < frames else t
      joint[t, :, source] += seen.values[0, t, n] / heads
    joint = joint.reshape(total.shape)
    total = (0.5 * np.eye(len(joint)) + 0.5 * joint) @ total
  return total.reshape(frames, tokens, frames, tokens)


def test_it_is_the_product_of_the_matrices_of_all_tokens_of_a_clip():
  offsets = (-1, 1, -2)
  model = build(dict(name='zeroi2v', offsets=offsets, num_adapters=0), depth=2)
  params, video = small.random(model, 0.5), looking.pixels(model)['video']
  records = maps.run(model, Everything(), None, params, (video,))
  joint = multiply(records, offsets)

  (place,) = find(model, params, video, at=(2, 1, 3))
  wanted = joint[3, 1 + 4 * 1 + 2, :, 1:].reshape(4, 4, 4)
  np.testing.assert_allclose(place.weights[0, :, 0], wanted, rtol=0, atol=1e-6)
  (mean,) = find(model, params, video)
  wanted = joint[:, 0].mean(axis=0)
  np.testing.assert_allclose(
    mean.weights[0, :, 0], wanted[:, 1:].reshape(4, 4, 4), rtol=0, atol=1e-6
  )
  np.testing.assert_allclose(mean.rest[0, :, 0], wanted[:, 0], atol=1e-6)


def test_channels_of_several_frames_lead_to_each():
  operator = dict(name='channel_shift', share=4)
  model = build(None, temporal_operator=operator)
  (found,) = find(model, at=(0, 0, 1))
  reached = found.weights.sum(axis=(0, 2, 3, 4)) + found.rest.sum(axis=(0, 2))
  np.testing.assert_allclose(reached, [0.125, 0.75, 0.125, 0], atol=1e-6)


def test_attention_over_time_leads_to_all_frames():
  model = build('aim', family='imagenet')
  params = looking.plant(model)
  (found,) = find(model, params, looking.light(4, {}), at=(1, 1, 2))
  wanted = [0.125, 0.125, 0.625, 0.125]  # half stays, half is spread evenly
  reached = found.weights.sum(axis=(0, 2, 3, 4)) + found.rest.sum(axis=(0, 2))
  np.testing.assert_allclose(reached, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize('deep', [True, False])
def test_prompts_take_their_share(deep):
  model = build(dict(name='vpt', prompts=3, deep=deep), depth=2)
  params = small.random(model)
  (found,) = find(model, params, at=(0, 0, 1))
  assert found.weights[:, [0, 2, 3]].max() == 0
  assert found.rest[0, 1, 0] > 3 / 20 / 2


def test_each_path_is_followed():
  singles, framesets = find(build(GRID, frames=8))
  assert (singles.name, framesets.name) == (
    'rollout frames',
    'rollout framesets',
  )
  assert singles.frames.tolist() == [0, 4]
  assert framesets.weights.shape == (1, 8, 1, 2, 2)


def test_it_starts_at_the_query_that_pools():
  model = build(None, family='siglip')
  (found,) = find(model)
  assert found.rest.max() == 0
  params = small.random(model)
  still = dict(params['backbone'])  # attention of the block looks at all alike
  block = dict(still['blocks_0'])
  block['attn'] = dict(block['attn']) | {
    'q': {k: np.zeros_like(x) for k, x in block['attn']['q'].items()}
  }
  params = params | {'backbone': still | {'blocks_0': block}}
  (found,) = find(model, params)
  pool = {
    x.name: x for x in maps.find_maps(model, params, looking.pixels(model))
  }
  wanted = 0.5 * pool['pool'].weights.mean(axis=2) + 0.5 / 16
  np.testing.assert_allclose(found.weights[:, :, 0], wanted / 4, atol=1e-6)


@pytest.mark.parametrize(
  ('model', 'error'),
  [
    (build(dict(name='evl', layers=1)), "EVL's decoder reads several blocks"),
    (small.on_swin(None), 'Swin has windows, and merges tokens'),
  ],
)
def test_where_it_has_no_meaning_it_says_so(model, error):
  with pytest.raises(ValueError, match=error):
    find_rollout(model, {}, np.zeros((1, 4, 16, 16, 3), 'f4'))
