"""The training step: a pure function of state, frozen weights and batch."""

import functools
from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax

from i2v_jax.models.inputs import full_precision, normalize_clips
from i2v_jax.models.streaming.aged import apply_aged
from i2v_jax.params import join
from i2v_jax.runtime import sharding
from i2v_jax.training import optimizer
from i2v_jax.training.augment import augment_batch
from i2v_jax.training.imbalance import EVEN, Imbalance
from i2v_jax.training.losses import sum_losses


@flax.struct.dataclass
class TrainState:
  """The state of training: `params` and `opt_state` of the trainable tree.

  `seed` never changes; as it is an input of the training step, not a constant,
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
  imbalance: Imbalance = EVEN,
):
  """Returns `step(state, frozen, batch) -> (state, metrics)`, a pure function.

  `batch` has `video` uint8 `B x T x H x W x 3` (and `grid`, framesets, where
  the model takes them), `label` and `mask` `B`; rows of mask 0 count for
  nothing. Clips with any number of labels have `targets` `B x classes`. Of
  boxes it has `boxes`, and what `losses.sum_boxes` reads. More than T frames
  begin with those before a clip, of which a random number is looked at.

  With `accumulate` > 1 the batch is processed in that many parts, with the same
  result except for dropout, which depends on seed, step and part. `mixup` and
  `cutmix` are the alphas of `augment.mix`, which mixes the complete batch;
  `accuracy` counts a row's own label. `drop_patches` is the share of
  `augment.draw_kept`, also drawn for the complete batch. `imbalance` changes
  the loss of classes.

  A batch may have `features`, the result of `model.features`, in place of
  `video`, if only the layers that decode them are trained.
  """

  sums = _make_sums(model, normalization, label_smoothing, imbalance)
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
  """Makes the key of all random draws of a step."""
  return jax.random.fold_in(jax.random.key(state.seed), state.step)


def forward(model, normalization: str, params, batch, rng):
  """Computes float32 logits of an augmented batch, of its clips or boxes."""
  apply = functools.partial(
    model.apply, {'params': params}, rngs={'dropout': rng}
  )
  if 'features' in batch:
    return apply(batch['features'], method='decode')
  clips = normalize_clips(batch, normalization, model.image_model.dtype)
  kept = [batch['kept']] if 'kept' in batch else []
  if 'age' in batch:
    rngs = {'dropout': rng}
    return apply_aged(model, params, batch['age'], *clips, *kept, rngs=rngs)
  return apply(*clips, *kept)


def _make_sums(model, normalization: str, *options):
  """Makes the function that sums loss and hits over a batch."""

  def sums(params, frozen, batch, rng):
    params = join(params, frozen)
    logits = forward(model, normalization, params, batch, rng)
    return sum_losses(logits, batch, *options)

  return sums


def make_config_step(
  config,
  model,
  tx: optax.GradientTransformation,
  imbalance: Imbalance = EVEN,
):
  """Makes the training step of a config, with its model and optimiser."""
  return make_train_step(
    model,
    tx,
    normalization=config['data']['normalization'],
    label_smoothing=config['label_smoothing'],
    accumulate=config['accumulate'],
    mixup=config['mixup'],
    cutmix=config['cutmix'],
    drop_patches=config['drop_patches'],
    imbalance=imbalance,
  )


def jit_step(step, state: TrainState, mesh):
  """Jits a step: the state is donated, and its shardings are kept.

  Args:
    step: result of `make_train_step`.
    state: arrays or shapes, each with its sharding.
    mesh: mesh of the state.
  """
  places = jax.tree.map(lambda x: x.sharding, state)
  out = (places, sharding.replicated(mesh))
  step = sharding.trace_on_mesh(step, mesh)
  return jax.jit(step, donate_argnums=0, out_shardings=out)


def _sum_in_parts(function, count: int):
  """Sums the results of a function over `count` parts of the batch."""

  def summed(params, frozen, batch, rng):
    # Part i takes rows i, i + count, …: every row stays on its device.
    divide = lambda x: x.reshape(-1, count, *x.shape[1:]).swapaxes(0, 1)
    keys = jax.random.split(rng, count)

    def add(total, part):
      return jax.tree.map(jnp.add, total, function(params, frozen, *part)), None

    zero = ((0.0, 0.0), jax.tree.map(jnp.zeros_like, params))
    return jax.lax.scan(add, zero, (jax.tree.map(divide, batch), keys))[0]

  return summed
