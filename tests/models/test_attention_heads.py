"""Groups of heads are named by what their operator moves."""

import types

import jax
import numpy as np
import pytest

from i2v_jax.adapters.operators import make_operator
from i2v_jax.backbones.attention import attend
from i2v_jax.backbones.vit import keep_heads
from i2v_jax.models.attention.layout import cut_framesets
from i2v_jax.models.attention.names import find_key_steps, group_heads
from i2v_jax.models.attention.record import Call, read_heads, weigh

SIZES = types.SimpleNamespace(
  width=32, num_heads=4, head_width=8, num_prefix=1, stage=0
)


def read(operator):
  block = make_operator(operator)(types.SimpleNamespace(cfg=SIZES))
  return read_heads(block.move_heads, 4, SIZES)


def relocation(offsets, on='kv'):
  return dict(name='head_relocation', offsets=offsets, on=on)


@pytest.mark.parametrize(
  ('operator', 'groups'),
  [
    (
      relocation((-1, 2, -1)),
      {'spatial': (3,), 'frame -1': (0, 2), 'frame +2': (1,)},
    ),
    (
      relocation(((-1, 4), (1, 4))),
      {'spatial': (1, 2, 3), 'frames -1 +1 mixed': (0,)},
    ),
    (
      relocation((1,), 'qkv'),
      {'spatial': (1, 2, 3), 'frame +1, queries +1': (0,)},
    ),
    (
      relocation((-1,), 'v'),
      {'spatial': (1, 2, 3), 'spatial, values -1': (0,)},
    ),
    (
      relocation((-1,), 'k'),
      {'spatial': (1, 2, 3), 'frame -1, values 0': (0,)},
    ),
    (
      dict(name='channel_shift', share=4),
      {'frames -1 0 +1 mixed': (0, 1, 2, 3)},
    ),
    (dict(name='token_shift', at='kv'), {'spatial': (0, 1, 2, 3)}),
  ],
)
def test_a_group_is_named_by_the_frames_it_looks_at(operator, groups):
  assert group_heads(read(operator), 1) == groups


def test_names_count_frames_where_a_step_has_several():
  groups = group_heads(read(relocation((-1, 2))), stride=2)
  assert [*groups] == ['spatial', 'frame -2', 'frame +4']
  groups = group_heads(read(relocation((-1,), 'v')), stride=2)
  assert [*groups] == ['spatial', 'spatial, values -2']


def test_keys_lie_on_their_frame_and_at_the_ends_on_their_own():
  heads = read(relocation((-2, 1)))
  assert find_key_steps(heads, 0).tolist() == [0, 1, 0, 1]
  assert find_key_steps(heads, 1).tolist() == [1, 2, 3, 3]
  assert find_key_steps(heads, 2).tolist() == [0, 1, 2, 3]


def test_mixed_keys_lie_on_the_frame_of_the_query():
  heads = read(dict(name='channel_shift', share=4))
  assert find_key_steps(heads, 0).tolist() == [0, 1, 2, 3]
  shares = dict(heads.values[0])
  assert shares == {(0, 0, 1, 2): 0.25, (0, 1, 2, 3): 0.5, (1, 2, 3, 3): 0.25}


def test_heads_that_stay_are_spatial():
  assert group_heads(read_heads(keep_heads, 4, SIZES), 1) == {
    'spatial': (0, 1, 2, 3)
  }


def test_a_patch_in_two_cells_is_divided_by_area():
  maps = np.arange(2 * 3 * 3, dtype='f4').reshape(1, 2, 1, 3, 3)
  cut = cut_framesets(maps, (1, 2))
  assert cut.shape == (1, 4, 1, 3, 3)
  np.testing.assert_allclose(cut.sum(axis=(2, 3, 4))[0], [15, 21, 55.5, 61.5])
  np.testing.assert_allclose(cut[0, 0, 0, 0], [0, 0, 0.5])
  np.testing.assert_allclose(cut[0, 1, 0, 0], [0.5, 1, 1])


@pytest.mark.parametrize('biased', [False, True])
def test_weights_are_those_that_the_model_mixes_values_with(biased):
  cut = lambda x: x.reshape(1, 1, 8, 4, 8)
  keys = jax.random.split(jax.random.key(0), 3)
  q, k = (3 * jax.random.normal(key, (1, 1, 8, 32)) for key in keys[:2])
  bias = [jax.random.normal(keys[2], (1, 1, 4, 8, 8))] * biased
  # Of values that are ones at their own key the mean is the weights.
  values = np.tile(np.eye(8, dtype='f4')[None, None, :, None], (1, 1, 1, 4, 1))
  mixed = (
    attend(cut(q), cut(k), values, *bias)
    if biased
    else attend(cut(q)[0], cut(k)[0], values[0])[None]
  )
  call = Call(0, 'space', '', SIZES, None, q, k, tuple(bias))
  found = weigh(call, q, k).swapaxes(2, 3)
  np.testing.assert_allclose(found, mixed, rtol=0, atol=1e-6)
