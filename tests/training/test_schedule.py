"""Schedules against worked numbers."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from i2v_jax.training import schedule as schedule_lib

cosine = lambda share: 0.5 * (1 + math.cos(math.pi * share))


def released(**changes):
  """40 epochs of 100 steps, as the configs of the releases have them."""
  options = dict(total_steps=4000, steps_per_epoch=100, by='epoch') | changes
  return schedule_lib.make_warmup_cosine(3e-4, **options)


@pytest.mark.parametrize(
  ('step', 'lr'),
  [
    (0, 3e-5),  # warm-up starts at a tenth
    (100, 3e-4 * (0.1 + 0.9 * 100 / 249) * cosine(1 / 40)),
    (249, 3e-4 * 0.99384),  # its last step, in epoch 2
    (250, 3e-4 * 0.99384),
    (2000, 1.5e-4),
    (3999, 3e-4 * 0.00154),  # epoch 39
  ],
)
def test_schedule_by_epoch_is_the_released_one(step, lr):
  # The factors have five decimals.
  np.testing.assert_allclose(released()(step), lr, rtol=0, atol=3e-4 * 5e-6)


def test_by_epoch_changes_between_epochs_only():
  lrs = np.array(released()(jnp.arange(4000))).reshape(40, 100)
  assert (lrs[3:] == lrs[3:, :1]).all()
  wanted = [3e-4 * cosine(epoch / 40) for epoch in range(3, 40)]
  np.testing.assert_allclose(lrs[3:, 0], wanted, rtol=1e-4)
  assert (np.diff(lrs[0]) > 0).all()  # while warming up


def test_by_step_falls_smoothly_to_nothing():
  lrs = np.array(released(by='step')(jnp.arange(4002)))
  assert (np.diff(lrs[:249]) > 0).all()
  assert (np.diff(lrs[249:4001]) < 0).all()
  np.testing.assert_allclose(lrs[2000], 1.5e-4, rtol=1e-5)
  np.testing.assert_allclose(lrs[4000:], 0, atol=1e-11)


@pytest.mark.parametrize(
  ('step', 'lr'),
  [
    (0, 0.0),
    (50, 1e-4),  # half of the warm-up of 100 steps
    (99, 0.99 * 2e-4),
    (100, 2e-4),  # the peak, where the cosine begins
    (200, 2e-4 * cosine(1 / 3)),
    (250, 1e-4),  # half of the 300 steps behind the warm-up
    (399, 2e-4 * 2.74e-5),
    (400, 0.0),
  ],
)
def test_after_warm_up_the_cosine_counts_from_its_end(step, lr):
  options = dict(total_steps=400, steps_per_epoch=50, warmup_epochs=2.0)
  schedule = schedule_lib.make_warmup_cosine(
    2e-4, **options, warmup_from=0.0, by='after_warmup'
  )
  np.testing.assert_allclose(schedule(step), lr, rtol=1e-3, atol=1e-11)


def test_warm_up_begins_where_it_is_told():
  schedule = released(by='after_warmup', warmup_from=0.25)
  np.testing.assert_allclose(schedule(0), 0.25 * 3e-4, rtol=1e-6)
  np.testing.assert_allclose(schedule(125), 0.625 * 3e-4, rtol=1e-6)


@pytest.mark.parametrize('by', schedule_lib.SCHEDULES)
def test_without_warm_up_it_starts_at_the_peak(by):
  schedule = released(by=by, warmup_epochs=0.0)
  assert float(schedule(0)) == np.float32(3e-4)


@pytest.mark.parametrize(
  ('steps', 'epochs'),
  [(100, 30), (100, 8), (10, 49), (4000, 40), (105620, 40), (1200000, 40)],
)
def test_epochs_of_any_length_begin_at_their_step(steps, epochs):
  schedule = released(
    total_steps=steps, steps_per_epoch=steps / epochs, warmup_epochs=0.0
  )
  first = -(-np.arange(1, epochs) * steps // epochs)  # rounded up
  for step in (first, first - 1):
    epoch = step * epochs // steps  # exact, for these are whole numbers
    wanted = 3e-4 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
    np.testing.assert_allclose(schedule(step), wanted, rtol=1e-4)


@pytest.mark.parametrize('by', schedule_lib.SCHEDULES)
def test_the_cosine_may_end_above_0(by):
  """Half of the way down it is half of the way from the peak to the end."""
  options = dict(total_steps=400, steps_per_epoch=1, warmup_epochs=0.0, by=by)
  schedule = schedule_lib.make_warmup_cosine(2e-4, **options, lr_end=0.1)
  found = [float(schedule(step)) for step in (0, 200, 400)]
  np.testing.assert_allclose(found, [2e-4, 1.1e-4, 2e-5], rtol=1e-5)


def test_an_unknown_way_of_counting_is_refused():
  with pytest.raises(ValueError, match="is 'epochs'; it can be one of"):
    released(by='epochs')


@pytest.mark.parametrize('lr', [-1e-3, math.nan, math.inf, True, '1'])
def test_a_rate_is_finite_and_not_negative(lr):
  with pytest.raises(ValueError, match=r'^optimizer\.lr is'):
    schedule_lib.make_warmup_cosine(lr, total_steps=9, steps_per_epoch=3)


@pytest.mark.parametrize('by', schedule_lib.SCHEDULES)
def test_a_schedule_of_too_many_steps_is_refused(by):
  told = dict(steps_per_epoch=2, by=by)
  with pytest.raises(ValueError, match=r'epochs comes to .* steps; it can be'):
    schedule_lib.make_warmup_cosine(1e-3, total_steps=10**12, **told)
  with pytest.raises(ValueError, match=r'warmup_epochs comes to 2e\+30 steps'):
    schedule_lib.make_warmup_cosine(
      1e-3, total_steps=9, warmup_epochs=1e30, **told
    )
