"""Training: a pure step on the trainable tree, and the loop around it."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from i2v_jax import (
  adapters,
  checkpoint,
  evaluate,
  experiment,
  mixing,
  sharding,
  video,
  writers,
)
from i2v_jax import params as params_lib
from i2v_jax.data import pipeline
from i2v_jax.data.bad_videos import BadVideos
from i2v_jax.run import Run, TrainState, claim, overview, prepare, resume


def make_train_step(
  model,
  tx: optax.GradientTransformation,
  *,
  normalization: str,
  seed: int,
  label_smoothing: float = 0.0,
  accumulate: int = 1,
  mixup: float = 0.0,
  cutmix: float = 0.0,
):
  """Returns `step(state, frozen, batch) -> (state, metrics)`, a pure function.

  `batch` has `video` uint8 `B x T x H x W x 3` (and `grid`, framesets, where
  the model takes them), `label` and `mask` `B`; rows of mask 0 count for
  nothing. With `accumulate` > 1 the batch is worked through in that many
  parts, with the same result but for the draws of dropout, which depend on
  seed, step and part. `mixup` and `cutmix` are the alphas of `mixing.mix`,
  which mixes the whole batch; `accuracy` counts a row's own label.
  """

  grid = adapters.option(model.adapter, 'grid', ())
  sums = _sums(model, normalization, label_smoothing)
  sums_and_grads = jax.value_and_grad(sums, has_aux=True)
  if accumulate > 1:
    sums_and_grads = _in_parts(sums_and_grads, accumulate)

  def step(state: TrainState, frozen, batch):
    rng = jax.random.fold_in(jax.random.key(seed), state.step)
    if mixup or cutmix:
      rng, drawn = jax.random.split(rng)
      batch = mixing.mix(batch, drawn, mixup, cutmix, grid)
    (loss, hits), grads = sums_and_grads(state.params, frozen, batch, rng)
    count = jnp.maximum(batch['mask'].sum(), 1.0)
    grads = jax.tree.map(lambda g: g / count, grads)
    updates, opt_state = tx.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
      'loss': loss / count,
      'accuracy': hits / count,
      'grad_norm': optax.tree.norm(grads),
    }
    return TrainState(state.step + 1, params, opt_state), metrics

  return step


def _sums(model, normalization: str, label_smoothing: float):
  """Returns the function that sums loss and hits over a batch."""

  def sums(params, frozen, batch, rng):
    clips = video.pixels(batch, normalization, model.vit.dtype)
    tree = {'params': params_lib.join(params, frozen)}
    logits_BxC = model.apply(tree, *clips, rngs={'dropout': rng})
    targets_BxC = optax.smooth_labels(
      mixing.targets(batch, model.num_classes), label_smoothing
    )
    loss_B = optax.softmax_cross_entropy(logits_BxC, targets_BxC)
    hit_B = logits_BxC.argmax(axis=-1) == batch['label']
    return (loss_B * batch['mask']).sum(), (hit_B * batch['mask']).sum()

  return sums


def step_of(run: Run):
  """The `make_train_step` of a run."""
  config = run.config
  return make_train_step(
    run.model,
    run.tx,
    normalization=config['data']['normalization'],
    seed=config['seed'],
    label_smoothing=config['label_smoothing'],
    accumulate=config['accumulate'],
    mixup=config['mixup'],
    cutmix=config['cutmix'],
  )


def _in_parts(function, count: int):
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


def train_and_evaluate(
  config: Mapping[str, Any], workdir
) -> evaluate.Evaluation:
  """Trains to the last step, resuming what the workdir holds, and evaluates."""
  run = prepare(config, workdir)
  overview(run)
  with (
    checkpoint.Checkpoints(run.workdir) as checkpoints,
    writers.Writer(run.workdir, jax.process_index() == 0) as writer,
  ):
    if checkpoints.latest_step() is not None:
      run.state = resume(run, checkpoints)
      start = int(run.state.step)
      writers.console.print(f'resumed at step {start} of {run.steps}')
    claim(run)
    _loop(run, checkpoints, writer)
    result = evaluate_run(run, run.val.spec)
    scalars = {f'val/{k}': v for k, v in result.accuracy.items()}
    writer.scalars(run.steps, scalars, show=False)
  if jax.process_index() == 0:
    evaluate.write(result, run.val.split, run.workdir / 'eval')
  writers.console.print(evaluate.summary(result))
  return result


def evaluate_run(run: Run, spec) -> evaluate.Evaluation:
  """Evaluates the state of a run on its `val` split."""
  loader = dataclasses.replace(run.val, spec=spec)
  step = int(run.state.step)
  identity = {'step': step, 'frozen_sha256': run.frozen_sha256}
  return evaluate.evaluate(
    run.model, run.params, loader, run.config, run.mesh, identity
  )


def _loop(run: Run, checkpoints, writer) -> None:
  config = run.config
  start = int(run.state.step)
  step_fn = jax.jit(step_of(run), donate_argnums=0)
  due = lambda name, step: config[name] and step % config[name] == 0
  bar, advance = writers.progress(run.steps, 'train', done=start)
  pending = None
  with bar:
    for step, batch in enumerate(_batches(run, start), start + 1):
      run.state, metrics = step_fn(run.state, run.frozen, batch)
      if pending:
        _report(run, writer, *pending)
      pending = (step, metrics)
      advance()
      if due('checkpoint_every', step) or step == run.steps:
        _report(run, writer, *pending)
        pending = None
        checkpoints.save(run.state, run.metadata())
      if due('eval_every', step) and step < run.steps:
        found = evaluate_run(run, experiment.one_view(run.val.spec))
        accuracy = {f'val/{k}_1view': v for k, v in found.accuracy.items()}
        writer.scalars(step, accuracy)


def _batches(run: Run, start: int):
  """Batches from step `start` on, already on their way to the devices."""
  config = run.config
  host = f'-{jax.process_index()}' if jax.process_index() else ''
  bad = BadVideos(
    run.train.split,
    config['data']['max_bad_share'],
    run.workdir / f'bad_videos{host}.csv',
  )
  batches = pipeline.train_batches(
    run.train,
    config['batch_size'],
    seed=config['seed'],
    start=start,
    stop=run.steps,
    parallel=evaluate.parallelism(config),
    repeats=config['repeats'],
  )

  def put(batch):
    batch = bad.absorb(batch)
    del batch['index']
    return sharding.put(batch, run.mesh)

  return sharding.prefetch(map(put, batches))


def _report(run: Run, writer, step: int, metrics) -> None:
  """Stops at numbers that are none; writes every `log_every` steps."""
  for name in ('loss', 'grad_norm'):
    if not math.isfinite(float(metrics[name])):
      raise FloatingPointError(
        f'{name} is {float(metrics[name])} at step {step}; nothing was saved '
        'since the last checkpoint. Try a lower optimizer.lr, or a clip_norm.'
      )
  if step % run.config['log_every'] == 0 or step in (1, run.steps):
    writer.scalars(step, metrics | {'lr': run.schedule(step - 1)})
