"""Offsets of heads: how they are written, and which heads they move."""

import pytest
import small

from i2v_jax import adapters
from i2v_jax.adapters import frame_shift
from i2v_jax.runtime.errors import UserError

QUARTER = dict(name='zeroi2v', heads='quarter', rank=0.25)


def test_the_quarter_is_that_of_the_paper():
  found = [frame_shift.take_quarter(heads) for heads in (4, 8, 16, 32)]
  assert found[:3] == [(-1,), (-1, 1), (-1, 1, -2, 2)]
  assert found[3] == (-1, -1, 1, 1, -2, -2, 2, 2)
  others = [frame_shift.take_quarter(heads) for heads in (3, 24, 48)]
  assert list(map(len, others)) == [1, 6, 12]
  assert others[1] == (-1, -1, 1, 1, -2, 2)


@pytest.mark.parametrize(
  ('offsets', 'error'),
  [
    ([[-1, 1, 0]], 'has lists for 1 stages, and the model has 2'),
    ([[-1], [1], [2]], 'has lists for 3 stages, and the model has 2'),
    ([[-1, 1], [-1, 1]], 'may be pairs .* or lists of offsets for the 2 stag'),
    ([[-1], [-1, 4, 0]], 'offsets has 4, but clips have 4 frames'),
    ([[-1] * 5, [-1]], 'the model has 4 heads of 2'),
    ([[-1], 'x'], 'it can be integers, pairs'),
    ('half', 'it can be integers, pairs'),
  ],
)
def test_offsets_that_do_not_fit_are_named(offsets, error):
  with pytest.raises(UserError, match=error):
    small.on_swin(dict(name='zeroi2v', offsets=offsets))


def test_heads_are_one_choice_of_offsets():
  spec = adapters.resolve(QUARTER)
  assert spec['offsets'] == 'quarter' and 'heads' not in spec
  assert spec == adapters.resolve(
    dict(name='zeroi2v', offsets='quarter', rank=0.25)
  )
  preset = dict(name='zeroi2v', preset='k400_B_8f_paper', heads='quarter')
  assert adapters.resolve(preset)['offsets'] == 'quarter'
  with pytest.raises(UserError, match="heads 'quarter' and offsets"):
    adapters.resolve(QUARTER | dict(offsets=(-1, 1)))
  with pytest.raises(UserError, match="heads is 'half'"):
    adapters.resolve(QUARTER | dict(heads='half'))


def test_pairs_are_not_stages():
  assert not frame_shift.of_stages(((-1, 32), (1, 32)))
  assert frame_shift.of_stages([[-1], [-1, 1]])
  assert frame_shift.of_stages([[-1, 1, 0], [(-1, 4), (1, 4)]])
  assert not frame_shift.of_stages([-1, 1]) and not frame_shift.of_stages(())


def test_it_is_told_which_channels_look_where():
  text = adapters.relocated(small.on_swin(QUARTER))
  assert text == (
    'head relocation: of 8 channels 2 at -1; of 16 channels 2 at -1, 2 at +1; '
    'a block sees 2, 3 frames'
  )
