"""AdamW and SGD against optax's own; what moves, and how fast."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from i2v_jax.training import optimizer

PARAMS = {
  'adapters': {'a': jnp.arange(1.0, 4.0), 'b': jnp.full((2, 2), -0.5)},
  'head': {'kernel': jnp.full((3, 2), 2.0), 'bias': jnp.array([0.0, 1.0])},
}


def gradients(count):
  """As many different gradients of PARAMS."""
  leaves, tree = jax.tree.flatten(PARAMS)
  rng = np.random.default_rng(0)
  return [
    tree.unflatten(
      [jnp.asarray(rng.normal(size=x.shape), 'f4') for x in leaves]
    )
    for _ in range(count)
  ]


def updates_of(tx, grads):
  """The updates of consecutive steps, each applied before the next."""
  params, state, found = PARAMS, tx.init(PARAMS), []
  for g in grads:
    updates, state = tx.update(g, state, params)
    params = optax.apply_updates(params, updates)
    found.append(updates)
  return found


def assert_close(found, wanted, **tolerance):
  close = lambda a, b: np.testing.assert_allclose(a, b, **tolerance)
  jax.tree.map(close, found, wanted)


def test_make_is_adamw():
  schedule, grads = optax.cosine_decay_schedule(0.1, 10), gradients(5)
  ours = optimizer.make_optimizer(schedule, weight_decay=0.05)
  theirs = optax.adamw(schedule, weight_decay=0.05)
  found, wanted = (updates_of(tx, grads) for tx in (ours, theirs))
  assert_close(found, wanted, rtol=0, atol=1e-7)


def test_lr_multiplier_scales_its_part_only():
  grads = gradients(1)
  plain, slow = (
    updates_of(
      optimizer.make_optimizer(lambda _: 1e-3, lr_multipliers=m), grads
    )[0]
    for m in (None, {'adapters': 0.1})
  )
  tenth = jax.tree.map(lambda u: 0.1 * u, plain['adapters'])
  assert_close(slow['adapters'], tenth, rtol=1e-6)
  assert_close(slow['head'], plain['head'], rtol=0)


def test_decay_multiplier_of_zero_takes_decay_away_there_only():
  tx = optimizer.make_optimizer(
    lambda _: 0.1, weight_decay=0.05, decay_multipliers={'head/bias': 0.0}
  )
  still = jax.tree.map(jnp.zeros_like, PARAMS)
  (found,) = updates_of(tx, [still])
  wanted = jax.tree.map(lambda p: -0.1 * 0.05 * p, PARAMS)
  wanted['head']['bias'] = jnp.zeros(2)
  assert_close(found, wanted, rtol=1e-6)


@pytest.mark.parametrize('kind', ['lr', 'decay'])
def test_the_longest_prefix_wins(kind):
  multipliers = {'': 0.5, 'head': 0.25, 'head/bias': 3.0}
  grads = [jax.tree.map(jnp.zeros_like, PARAMS)]
  plain, scaled = (
    updates_of(
      optimizer.make_optimizer(lambda _: 1.0, **{f'{kind}_multipliers': m}),
      grads,
    )
    for m in (None, multipliers)
  )
  factors = {
    'adapters': {'a': 0.5, 'b': 0.5},
    'head': {'kernel': 0.25, 'bias': 3.0},
  }
  assert_close(scaled[0], jax.tree.map(jnp.multiply, plain[0], factors))


def test_biases_may_be_spared_from_decay():
  tx = optimizer.make_optimizer(
    lambda _: 0.1, weight_decay=0.05, decay_biases=False
  )
  zero = jax.tree.map(jnp.zeros_like, PARAMS)
  (updates,) = updates_of(tx, [zero])
  assert not updates['head']['bias'].any()
  decayed = -0.1 * 0.05 * PARAMS['head']['kernel']
  np.testing.assert_allclose(updates['head']['kernel'], decayed, rtol=1e-6)
  assert updates['adapters']['b'].all()  # a matrix that is called b


@pytest.mark.parametrize('kind', ['lr_multipliers', 'decay_multipliers'])
def test_a_multiplier_of_nothing_is_refused(kind):
  tx = optimizer.make_optimizer(lambda _: 1.0, **{kind: {'heads': 0.1}})
  with pytest.raises(ValueError, match="'heads'"):
    updates_of(tx, gradients(1))


@pytest.mark.parametrize(('limit', 'factor'), [(0.5, 0.5), (1.1, 1), (0, 1)])
def test_clipping_is_by_the_norm_of_the_whole_tree(limit, factor):
  # Two steps, for Adam does not see the scale of a single gradient.
  first, second = gradients(2)
  second = jax.tree.map(lambda g: 0.1 * g, second)
  norm = math.sqrt(sum(float((g**2).sum()) for g in jax.tree.leaves(first)))
  shrunk = jax.tree.map(lambda g: factor * g, first)
  tx = optimizer.make_optimizer(lambda _: 1e-2, clip_norm=limit * norm)
  found = updates_of(tx, [first, second])
  wanted = updates_of(
    optimizer.make_optimizer(lambda _: 1e-2), [shrunk, second]
  )
  assert_close(found, wanted, rtol=1e-5)


def test_sgd_is_that_of_torch():
  # optax.sgd on the gradient with decay added, which is where torch adds it.
  schedule, grads = optax.cosine_decay_schedule(0.1, 10), gradients(5)
  options = dict(weight_decay=0.05, momentum=0.8)
  ours = optimizer.make_optimizer(schedule, name='sgd', **options)
  theirs = optax.chain(
    optax.add_decayed_weights(0.05), optax.sgd(schedule, momentum=0.8)
  )
  found, wanted = (updates_of(tx, grads) for tx in (ours, theirs))
  assert_close(found, wanted, rtol=0, atol=1e-7)


def test_an_unknown_optimizer_is_refused():
  with pytest.raises(ValueError, match=r"'adam'; .*'adamw', 'sgd', 'lars'"):
    optimizer.make_optimizer(lambda _: 1.0, name='adam')


CHANNELS = {'head/kernel': (0, 1), 'adapters/b': (1, 1), 'adapters/a': (0, 3)}


def outside(tree):
  """What CHANNELS leaves still."""
  return tree['head']['kernel'][1:], tree['adapters']['b'][:, 1:]


def inside(tree):
  """What CHANNELS trains, and what it does not name."""
  head, adapters = tree['head'], tree['adapters']
  return head['kernel'][:1], head['bias'], adapters['b'][:, :1], adapters['a']


@pytest.mark.parametrize('name', ['adamw', 'sgd'])
def test_nothing_outside_the_first_channels_moves(name):
  options = dict(weight_decay=0.5, clip_norm=0.1, first_channels=CHANNELS)
  tx = optimizer.make_optimizer(lambda _: 0.1, name=name, **options)
  params, state = PARAMS, tx.init(PARAMS)
  for grads in gradients(3):
    updates, state = tx.update(grads, state, params)
    params = optax.apply_updates(params, updates)
  jax.tree.map(np.testing.assert_array_equal, outside(params), outside(PARAMS))
  moved = jax.tree.map(
    lambda a, b: (a != b).all(), inside(params), inside(PARAMS)
  )
  assert all(jax.tree.leaves(moved))


def test_what_is_outside_may_be_no_number():
  (grads,) = gradients(1)
  grads['head']['kernel'] = grads['head']['kernel'].at[1:].set(jnp.nan)
  tx = optimizer.make_optimizer(
    lambda _: 0.1, clip_norm=1.0, first_channels=CHANNELS
  )
  (found,) = updates_of(tx, [grads])
  assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(found))


def test_only_what_is_trained_counts_for_clipping():
  (grads,) = gradients(1)
  loud = jax.tree.map(jnp.copy, grads)
  loud['head']['kernel'] = grads['head']['kernel'].at[1:].set(1e6)
  tx = optimizer.make_optimizer(
    lambda _: 0.1,
    name='sgd',
    weight_decay=0.0,
    clip_norm=1.0,
    first_channels=CHANNELS,
  )
  (quiet,), (found,) = updates_of(tx, [grads]), updates_of(tx, [loud])
  assert_close(found, quiet, rtol=0)
  np.testing.assert_allclose(optax.tree.norm(found), 0.1, rtol=1e-5)


@pytest.mark.parametrize(
  ('channels', 'count'),
  [({}, 15), (CHANNELS, 15 - 2 * 2 - 2 * 1), ({'head/bias': (0, 1)}, 14)],
)
def test_count_is_of_what_is_really_trained(channels, count):
  assert optimizer.count_trained(PARAMS, channels) == count


@pytest.mark.parametrize(
  ('channels', 'error'),
  [
    ({'head/kernels': (0, 1)}, "'head/kernels'.*did you mean 'head/kernel'"),
    ({'head': (0, 1)}, "'head', which is not a trained parameter"),
    ({'head/kernel': (2, 1)}, r'axis 2 .* \(3, 2\); choose one below 2'),
    ({'head/kernel': (-1, 1)}, 'head/kernel.* -1|axis -1'),
    ({'head/kernel': (1, 3)}, '3 channels along axis 1 .* choose 1 to 2'),
    ({'head/kernel': (1, 0)}, 'choose 1 to 2'),
  ],
)
def test_channels_that_are_not_there_are_refused(channels, error):
  with pytest.raises(ValueError, match=error):
    optimizer.make_optimizer(lambda _: 1.0, first_channels=channels).init(
      PARAMS
    )
  with pytest.raises(ValueError, match=error):
    optimizer.count_trained(PARAMS, channels)


def test_a_skipped_step_changes_nothing_but_the_rate():
  make = lambda **options: optimizer.make_optimizer(
    lambda step: 0.1 / (step + 1), clip_norm=0.5, **options
  )
  params = {'w': jnp.arange(4.0)}
  small, large = ({'w': jnp.full(4, x)} for x in (1.0, 1e6))
  bad = {'w': jnp.array([1.0, jnp.nan, 1.0, 1.0])}
  tx = make(skip_norm=10.0)
  state, found = tx.init(params), [params]
  for grads in (small, large, bad, small):
    updates, state = jax.jit(tx.update)(grads, state, found[-1])
    found.append(optax.apply_updates(found[-1], updates))
  one, two, three, four = found[1:]
  assert not (one['w'] == params['w']).any()
  for other in (two, three):
    np.testing.assert_array_equal(other['w'], one['w'])
  counts = optimizer.read_skipped(state)
  assert int(counts['skipped']) == 2 and int(counts['skipped_in_a_row']) == 0

  plain = make()  # whose schedule is moved on by hand
  state, wanted = plain.init(params), params
  for step in (0, 3):
    state = jax.tree.map(
      lambda s, step=step: (
        s._replace(count=jnp.int32(step))
        if isinstance(s, optax.ScaleByScheduleState)
        else s
      ),
      state,
      is_leaf=lambda s: isinstance(s, optax.ScaleByScheduleState),
    )
    updates, state = jax.jit(plain.update)(small, state, wanted)
    wanted = optax.apply_updates(wanted, updates)
  np.testing.assert_array_equal(four['w'], wanted['w'])


def test_skips_in_a_row_are_counted_and_none_are_without_a_limit():
  params = {'w': jnp.ones(2)}
  tx = optimizer.make_optimizer(lambda step: 0.1, skip_norm=1.0)
  state = tx.init(params)
  for _ in range(3):
    _, state = tx.update({'w': jnp.full(2, jnp.inf)}, state, params)
  assert int(optimizer.read_skipped(state)['skipped_in_a_row']) == 3
  plain = optimizer.make_optimizer(lambda step: 0.1)
  assert optimizer.read_skipped(plain.init(params)) == {}


@pytest.mark.parametrize(
  'options',
  [
    dict(clip_norm=-1),  # which would train by gradient ascent
    dict(skip_norm=math.inf),
    dict(weight_decay=-1),
    dict(momentum=2),
    dict(b2=1.0),
    dict(lr_multipliers={'head': -1.0}),
    dict(decay_biases=1),
  ],
)
def test_values_out_of_range_are_refused_where_they_are_used(options):
  (name,) = options
  with pytest.raises(ValueError, match=rf'^optimizer\.{name}.* can be'):
    optimizer.make_optimizer(lambda _: 1.0, **options)
