"""Batches of the training steps, from videos or from stored features."""

from collections.abc import Iterator

import jax

from i2v_jax.data.loading import pipeline
from i2v_jax.runtime import sharding
from i2v_jax.training import experiment, features
from i2v_jax.training.run import Run


def make_batches(run: Run, start: int, over=iter) -> Iterator[dict]:
  """Batches of the steps after `start`, on their way to the devices.

  Args:
    run: gives data, seed and batch size.
    start: steps that come before.
    over: items -> the same items, of what is done before the first batch.
  """
  config = run.config
  if config['cache_gb']:
    return features.read_batches(run, start, over)
  host = f'-{jax.process_index()}' if jax.process_index() else ''
  bad = experiment.make_bad_videos(
    config, run.train.split, run.workdir / f'bad_videos{host}.csv'
  )
  batches = pipeline.load_train_batches(
    run.train,
    config['batch_size'],
    seed=config['seed'],
    start=start,
    stop=run.steps,
    parallel=experiment.make_parallelism(config),
    repeats=config['repeats'],
    versions=config['clips_per_video'],
    balanced=config['data']['balanced'],
  )

  def put(batch):
    batch = bad.absorb(batch)
    del batch['index']
    return sharding.put(batch, run.mesh)

  return sharding.prefetch(map(put, batches))
