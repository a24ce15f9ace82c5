"""Features of a frozen model, computed once; later layers train on them.

For a linear probe, an attentive one, STEP and EVL, where no gradient enters the
backbone. A run makes `clips_per_video` clips of each video, writes their
features to its workdir, and then reads those instead of videos; evaluation
still reads videos.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import i2v_jax
from i2v_jax.data.loading import pipeline
from i2v_jax.models.inputs import (
  INPUTS,
  feature_shapes,
  full_precision,
  normalize_clips,
)
from i2v_jax.runtime import sharding
from i2v_jax.runtime.console import console, make_progress
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.feature_store import Store
from i2v_jax.weights.formats import native

# Fields of `ClipSpec` on which no training clip depends.
TEST_ONLY = ('clips', 'crops', 'test_short_side', 'test_sampling')
TEST_ONLY += ('test_frame', 'pad_to', 'pad_colour', 'box_extend')
# Younger fields than some stores: those that are off are not among the facts.
ADDED = ('boxes', 'box_jitter', 'hsv_jitter')


def check(config: Mapping[str, Any], model, mine: Mapping) -> None:
  """Raises UserError if features change between steps, or clips do not repeat.

  Args:
    config: of the experiment; nothing is checked without `cache_gb`.
    model: its classifier.
    mine: its trainable tree.
  """
  if not config['cache_gb']:
    return
  _check_constant(model, mine)
  if not config['clips_per_video']:
    raise UserError(
      'cache_gb needs clips that repeat; set clips_per_video to the number '
      'made of each video, such as 1.'
    )
  for key in ('mixup', 'cutmix', 'drop_patches'):
    if config[key]:
      raise UserError(
        f'{key} makes new clips at every step, so that features cannot be '
        f'kept; set {key} or cache_gb to 0.'
      )
  if jax.process_count() > 1:
    raise UserError('cache_gb works in one process; set it to 0.')


def _check_constant(model, mine: Mapping) -> None:
  decoded, adapter = model.decoded, model.adapter
  if model.num_boxes:
    raise UserError('cache_gb does not go with model.detection; set it to 0.')
  if not decoded or (adapter and 'adapters' not in decoded):
    raise UserError(
      'cache_gb is for a model without adapter, evl, attentive_probe and '
      f'step_probe; {adapter["name"]} changes the features at every step. Set '
      'it to 0.'
    )
  if below := sorted(set(mine) - set(decoded)):
    raise UserError(
      f'cache_gb keeps features, which {", ".join(below)} would change; take '
      'it out of trainable, or set cache_gb to 0.'
    )


def read_batches(
  run, start: int, over: Callable[[Iterable], Iterator] = iter
) -> Iterator[dict]:
  """Reads batches of features for the steps after `start`, prefetched.

  The rows are those of `pipeline.load_train_batches`; rows missing in the
  workdir are computed first.

  Args:
    run: with its state.
    start: number of steps before.
    over: batches computed first -> the same batches; it may raise between two,
      and those before are kept.

  Raises:
    UserError, OSError: as `Store.open`.
  """
  store, config = _fill_store(run, over), run.config
  row_at = pipeline.make_stored_order(
    run.train.split,
    config['seed'],
    config['repeats'],
    config['clips_per_video'],
    config['data']['balanced'],
  )
  treedef = jax.tree.structure(feature_shapes(run.model))
  size = config['batch_size']

  def put(step):
    rows = [row_at(i) for i in range(step * size, (step + 1) * size)]
    arrays, known = store.read(rows)
    batch = {'features': jax.tree.unflatten(treedef, arrays)} | known
    return sharding.put(batch, run.mesh)

  return sharding.prefetch(map(put, range(start, run.steps)))


def _fill_store(run, over) -> Store:
  """Makes the store of a run and computes its missing rows."""
  config, one = run.config, jax.tree.leaves(feature_shapes(run.model))
  like = [jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in one]
  count = len(run.train.split) * config['clips_per_video']
  several = run.train.split.targets is not None
  store = Store(
    run.workdir / 'features',
    like,
    count,
    _collect_facts(run),
    classes=run.model.num_classes if several else 0,
  )
  console.print(
    f'features of {count:,} clips: {store.nbytes / 1e9:.3g} GB in '
    f'{store.folder}, {store.done:,} of them computed'
  )
  store.open(1e9 * config['cache_gb'])
  if store.done < count:
    store.append(over(_compute_rows(run, store)))
  return store


def _collect_facts(run) -> dict[str, Any]:
  """Collects the values that determine features, named as in errors."""
  spec = dataclasses.asdict(run.train.spec)
  for name in (*TEST_ONLY, *(name for name in ADDED if not spec[name])):
    del spec[name]
  spec['flip_map'] = sorted(spec['flip_map'].items())
  facts = {
    'adapter': run.model.adapter,
    'clips_per_video': run.config['clips_per_video'],
    'data': run.train.split.fingerprint(),
    'frozen_sha256': run.frozen_sha256,
    'i2v_jax': i2v_jax.__version__,
    'normalization': run.config['data']['normalization'],
    'seed': run.config['seed'],
    'temporal_operator': run.model.temporal_operator,
    # Of any image model; stores that are there have it under this name.
    'vit': native.describe_config(run.model.image_model),
    'dtype': jnp.dtype(run.model.image_model.dtype).name,
  }
  return experiment.to_plain(facts | {f'clip.{k}': v for k, v in spec.items()})


def _compute_rows(run, store: Store) -> Iterator[np.ndarray]:
  """Computes the missing rows of the store, batch by batch."""
  config, start = run.config, store.done
  bad = experiment.make_bad_videos(
    config, run.train.split, run.workdir / 'bad_videos.csv'
  )
  clips = pipeline.load_version_batches(
    run.train,
    config['batch_size'],
    seed=config['seed'],
    versions=config['clips_per_video'],
    start=start,
    parallel=experiment.make_parallelism(config),
  )
  frozen, norm = run.params, config['data']['normalization']
  bar, advance = make_progress(store.count, 'features', 'clips', start)
  with bar:
    for batch in map(bad.absorb, clips):
      kept = {k: batch[k] for k in INPUTS if k in batch}
      found = compute_features(
        run.model, norm, frozen, sharding.put(kept, run.mesh)
      )
      arrays = jax.device_get(jax.tree.leaves(found))
      yield store.rows(arrays, batch)
      advance(len(batch['label']))


@functools.partial(jax.jit, static_argnums=(0, 1))
def compute_features(model, normalization: str, params, clips: Mapping):
  """Computes features of uint8 clips as a training step does."""
  with full_precision(model):
    pixels = normalize_clips(clips, normalization, model.image_model.dtype)
    return model.apply({'params': params}, *pixels, method='features')
