"""The training step: a pure function of state, frozen weights and batch."""

import functools
from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax

from i2v_jax.models.inputs import full_precision, normalize_clips
from i2v_jax.params import join
from i2v_jax.runtime import sharding
from i2v_jax.training import optimizer
from i2v_jax.training.augment import augment_batch, make_targets


@flax.struct.dataclass
class TrainState:
  """What training changes: `params` and `opt_state` of the trainable tree.

  `seed` stays as it is; as an input of the training step, not a constant in it,
  runs of all seeds share one compiled program.
  """

  step: jax.Array
  params: Any
  opt_state: Any
  seed: jax.Array = flax.struct.field(default_factory=lambda: jnp.int32(0))


def make_train_step(
  model,
  tx: optax.GradientTransformation,
  *,
  normalization: str,
  label_smoothing: float = 0.0,
  accumulate: int = 1,
  mixup: float = 0.0,
  cutmix: float = 0.0,
  drop_patches: float = 0.0,
):
  """Returns `step(state, frozen, batch) -> (state, metrics)`, a pure function.

  `batch` has `video` uint8 `B x T x H x W x 3` (and `grid`, framesets, where
  the model takes them), `label` and `mask` `B`; rows of mask 0 count for
  nothing. With `accumulate` > 1 the batch is worked through in that many
  parts, with the same result but for the draws of dropout, which depend on
  seed, step and part. `mixup` and `cutmix` are the alphas of `mixing.mix`,
  which mixes the whole batch; `accuracy` counts a row's own label.
  `drop_patches` is the share of `dropping.draw`, drawn for the whole batch too.

  A batch may have `features` in place of `video`: what `model.features` gives,
  of a model of which only what decodes them is trained.
  """

  sums = _make_sums(model, normalization, label_smoothing)
  sums_and_grads = jax.value_and_grad(sums, has_aux=True)
  if accumulate > 1:
    sums_and_grads = _sum_in_parts(sums_and_grads, accumulate)

  def step(state: TrainState, frozen, batch):
    rng = make_rng(state)
    batch, rng = augment_batch(model, batch, rng, mixup, cutmix, drop_patches)
    with full_precision(model):
      (loss, hits), grads = sums_and_grads(state.params, frozen, batch, rng)
    count = jnp.maximum(batch['mask'].sum(), 1.0)
    grads = jax.tree.map(lambda g: g / count, grads)
    updates, opt_state = tx.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
      'loss': loss / count,
      'accuracy': hits / count,
      'grad_norm': optax.tree.norm(grads),
    } | optimizer.read_skipped(opt_state)
    step = state.step + 1
    return state.replace(step=step, params=params, opt_state=opt_state), metrics

  return step


def make_rng(state: TrainState) -> jax.Array:
  """The key of all draws of a step."""
  return jax.random.fold_in(jax.random.key(state.seed), state.step)


def forward(model, normalization: str, params, batch, rng):
  """Logits `B x classes` of a batch that was `altered`, float32."""
  apply = functools.partial(
    model.apply, {'params': params}, rngs={'dropout': rng}
  )
  if 'features' in batch:
    return apply(batch['features'], method='decode')
  clips = normalize_clips(batch, normalization, model.image_model.dtype)
  kept = [batch['kept']] if 'kept' in batch else []
  return apply(*clips, *kept)


def _make_sums(model, normalization: str, label_smoothing: float):
  """Returns the function that sums loss and hits over a batch."""

  def sums(params, frozen, batch, rng):
    params = join(params, frozen)
    logits_BxC = forward(model, normalization, params, batch, rng)
    targets_BxC = optax.smooth_labels(
      make_targets(batch, model.num_classes), label_smoothing
    )
    loss_B = optax.softmax_cross_entropy(logits_BxC, targets_BxC)
    hit_B = logits_BxC.argmax(axis=-1) == batch['label']
    return (loss_B * batch['mask']).sum(), (hit_B * batch['mask']).sum()

  return sums


def make_config_step(config, model, tx: optax.GradientTransformation):
  """The `make_train_step` of a config, with its model and optimiser."""
  return make_train_step(
    model,
    tx,
    normalization=config['data']['normalization'],
    label_smoothing=config['label_smoothing'],
    accumulate=config['accumulate'],
    mixup=config['mixup'],
    cutmix=config['cutmix'],
    drop_patches=config['drop_patches'],
  )


def jit_step(step, state: TrainState, mesh):
  """`step` for `jax.jit`: the state is given away and comes back as placed.

  Args:
    step: of `make_train_step`.
    state: of arrays or shapes, each with its sharding.
    mesh: of the state.
  """
  places = jax.tree.map(lambda x: x.sharding, state)
  out = (places, sharding.replicated(mesh))
  step = sharding.trace_on_mesh(step, mesh)
  return jax.jit(step, donate_argnums=0, out_shardings=out)


def _sum_in_parts(function, count: int):
  """Sums a function's results over `count` parts of the batch, one by one."""

  def summed(params, frozen, batch, rng):
    # Part i takes rows i, i + count, …: every row stays on its device.
    cut = lambda x: x.reshape(-1, count, *x.shape[1:]).swapaxes(0, 1)
    keys = jax.random.split(rng, count)

    def add(total, part):
      return jax.tree.map(jnp.add, total, function(params, frozen, *part)), None

    zero = ((0.0, 0.0), jax.tree.map(jnp.zeros_like, params))
    return jax.lax.scan(add, zero, (jax.tree.map(cut, batch), keys))[0]

  return summed
