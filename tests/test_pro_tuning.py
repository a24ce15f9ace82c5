"""Pro-tuning, our reading of it: where its prompt blocks reach."""

import jax
import numpy as np
import small


def patches_touched(kernel):
  model = small.build(dict(name='pro_tuning', rank=8, kernel=kernel), depth=1)
  params = small.random(model)
  x = jax.random.normal(jax.random.key(0), (1, 1, 16, 32))
  run = lambda x: model.apply(
    {'params': params}, method=lambda m: m.adapters.blocks[0].prompt(x)
  )
  moved = np.asarray(run(x) != run(x.at[0, 0, 5].add(1.0)))
  return set(np.flatnonzero(moved.any(-1)).tolist())


def test_a_prompt_block_looks_around_on_the_square_of_patches():
  """Patch 5 is row 1, column 1 of 4 x 4."""
  assert patches_touched(1) == {5}
  assert patches_touched(3) == {0, 1, 2, 4, 5, 6, 8, 9, 10}
  assert patches_touched(5) == set(range(16))


def test_parameter_count_at_full_size():
  spec = dict(
    backbone=dict(variant='B/16'),
    num_frames=8,
    adapter=dict(name='pro_tuning'),
  )
  per_block = 768 * 64 + 64 + 25 * 64 + 64 + 64 * 768 + 768 + 1
  assert small.count(spec, 400, ('adapters',)) == 12 * per_block
