"""Pro-tuning, our reading of it: where its prompt blocks reach."""

import jax
import numpy as np
import small


def patches_touched(kernel):
  model = small.build(dict(name='pro_tuning', rank=8, kernel=kernel), depth=1)
  params = small.random(model)
  x = jax.random.normal(jax.random.key(0), (1, 1, 16, 32))
  prompt = lambda m, x: m.adapters.blocks[0].prompt(x)
  run = lambda x: small.apply(model, params, x, method=prompt)
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


def test_a_prompt_block_written_out():
  """gate * up(conv(down(patches))), added in front of the frozen block."""
  model = small.build(dict(name='pro_tuning', rank=3, kernel=3), depth=1)
  params = small.random(model)
  x = np.asarray(jax.random.normal(jax.random.key(0), (1, 4, 17, 32)))
  p = params['adapters']['blocks_0']['prompt']
  wide = lambda b: b.reshape(1, 1, 1, -1)
  h = x[:, :, 1:] @ p['down']['kernel'] + wide(p['down']['bias'])
  h = h.reshape(4, 4, 4, 3)  # frames, rows, columns, channels
  h = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
  kernel = p['conv']['kernel'].reshape(3, 3, 3)
  h = sum(
    h[:, i : i + 4, j : j + 4] * wide(kernel[i, j])
    for i in range(3)
    for j in range(3)
  )
  h = (h + wide(p['conv']['bias'])).reshape(1, 4, 16, 3)
  added = p['gate'] * (h @ p['up']['kernel'] + wide(p['up']['bias']))
  y = np.concatenate([x[:, :, :1], x[:, :, 1:] + added], axis=2)
  plain = lambda m, y: m.backbone.blocks[0](y)
  found = small.apply(model, params, x, method=small.first_block)
  wanted = small.apply(model, params, y, method=plain)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)
