"""A run: a config, its workdir, and all its parts."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

import i2v_jax
from i2v_jax.backbones.image_model import make_config
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.sets import manifest, sources, split_facts
from i2v_jax.data.sets.frame_rates import describe_times
from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import cast_param, check_prefixes, join, sha256, split
from i2v_jax.runtime import sharding
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import (
  experiment,
  features,
  gradient_depth,
  layer_decay,
  optimizer,
  schedule,
  stored,
  trainable,
)
from i2v_jax.training.evaluation import boxes
from i2v_jax.training.fresh_params import init_params
from i2v_jax.training.imbalance import make_imbalance
from i2v_jax.training.train_step import TrainState, make_config_step
from i2v_jax.training.workdir.lock import make_writable
from i2v_jax.weights.adapter_file import split_drawn


@dataclasses.dataclass
class Run:
  """A config made real: all that the training loop needs."""

  config: Mapping[str, Any]
  workdir: pathlib.Path
  mesh: Any
  model: Any
  train: Loader
  val: Loader
  steps: int
  schedule: Any
  tx: Any
  state: TrainState
  frozen: Any
  frozen_sha256: str
  loaded_sha256: str  # of that part of the frozen ones that weights give
  drawn: Mapping  # frozen parameters that no weights give, on the host
  extends: bool = False  # whether it may change `claim.EXTENDABLE`
  extensions: tuple = ()  # `step`, `examples_seen` and `changed` of each

  @property
  def params(self) -> dict:
    return join(self.state.params, self.frozen)

  def metadata(self) -> dict:
    """Metadata of a checkpoint, in JSON."""
    config = experiment.make_paths_absolute(self.config)
    config['model']['adapter'] = experiment.to_plain(self.model.adapter)
    return {
      'config': config,
      'class_names': list(self.train.split.class_names),
      'train_sha256': self.train.split.fingerprint(),
      'frozen_sha256': self.frozen_sha256,
      'loaded_sha256': self.loaded_sha256,
      **describe_times(self.train.split),
      'examples_seen': self._examples_seen(),
      'extensions': list(self.extensions),
      'i2v_jax': i2v_jax.__version__,
    }

  def _examples_seen(self) -> int:
    last = self.extensions[-1] if self.extensions else {}
    steps = int(self.state.step) - last.get('step', 0)
    return last.get('examples_seen', 0) + steps * self.config['batch_size']


def prepare_run(config: Mapping[str, Any], workdir) -> Run:
  """Builds data, model, optimiser and the state at step 0.

  Raises:
    UserError, OSError: a value of the config is invalid; one sentence names it
      and the way out. Nothing is written to the workdir.
  """
  config = experiment.check_config(config)
  workdir = make_writable(workdir)
  source = pathlib.Path(config['start_from'] or os.devnull).expanduser()
  if source.exists() and source.samefile(workdir):
    raise UserError(
      f'start_from is the workdir itself, {workdir}; choose another --workdir.'
    )
  mesh, layouts = sharding.make_mesh(config['mesh']['model']), config['mesh']
  sharding.check_batch_size(config['batch_size'], mesh, config['accumulate'])
  train, val = load_splits(config)
  spec = experiment.make_clip_spec(config, train.class_names)
  loaders = [
    experiment.make_loader(config, part, spec) for part in (train, val)
  ]
  check_test_frames(loaders[1])
  model, _ = build_checked_model(config, train)
  model.image_model.check_mesh(mesh)
  pretrained = stored.load_pretrained(
    config, model, train.class_names, (workdir / 'checkpoints').is_dir()
  )
  params = init_params(model, pretrained, config['seed'])
  given = config
  config, mine, frozen = split_params(given, model, params)
  if text := trainable.describe_dropped(given, config):
    console.print(text)
  loaded, drawn = split_drawn(frozen)
  steps, learning_rate = make_schedule(config, len(train))
  tx = build_optimizer(config, learning_rate, mine)
  return Run(
    config=config,
    workdir=workdir,
    mesh=mesh,
    model=model,
    train=loaders[0],
    val=loaders[1],
    steps=steps,
    schedule=jax.jit(learning_rate),  # ten programs, a second, if not
    tx=tx,
    state=init_state(mine, tx, layouts['trained'], mesh, config['seed']),
    frozen=place_frozen(
      frozen, model.image_model.dtype, layouts['frozen'], mesh
    ),
    frozen_sha256=(whole := sha256(frozen)),
    loaded_sha256=sha256(loaded) if drawn else whole,
    drawn=drawn,
  )


def split_params(config: Mapping[str, Any], model, params: Mapping):
  """Splits the parameters of a model into trainable and frozen ones.

  Args:
    config: as `experiment.check_config` returns it.
    model: its classifier.
    params: parameters of the model, or their shapes.

  Returns:
    The config as `trainable.drop_absent` returns it, the trainable tree, and
    the frozen one.

  Raises:
    UserError: a prefix matches nothing, or the trainable tree does not go with
      the model or with other keys.
  """
  config = trainable.drop_absent(config, params)
  mine, frozen = split(params, config['trainable'])
  gradient_depth.check(model, mine)
  features.check(config, model, mine)
  build_optimizer(config, lambda step: 0.0, mine)
  return config, mine, frozen


def build_checked_model(config: Mapping[str, Any], train: sources.Split):
  """Builds the classifier of a config for the classes of its training split.

  Returns:
    `(model, mine)`, with shapes for the trainable tree.

  Raises:
    UserError: model, data and trainable tree do not go together.
  """
  model = experiment.build_model(config, len(train.class_names))
  _, mine, _ = split_params(config, model, param_shapes(model))
  return model, mine


def init_state(mine, tx, layout: str, mesh, seed: int = 0) -> TrainState:
  """Makes the state at step 0, sharded from the start."""
  zero = jnp.zeros((), jnp.int32)
  seed = jnp.asarray(np.int64(seed))  # as `jax.random.key` takes a number
  start = lambda mine: TrainState(zero, mine, tx.init(mine), seed)
  places = sharding.make_shardings(jax.eval_shape(start, mine), layout, mesh)
  mine = jax.device_put(mine, places.params)
  init = jax.jit(tx.init, out_shardings=places.opt_state)
  step, seed = jax.device_put((zero, seed), (places.step, places.seed))
  return TrainState(step, mine, init(mine), seed)


def place_frozen(frozen, dtype, layout: str, mesh):
  """Places frozen parameters in the compute type, one after the other."""
  places = sharding.make_shardings(frozen, layout, mesh)
  places = flatten_dict(places, sep='/')
  put = lambda path, x: jax.device_put(cast_param(path, x, dtype), places[path])
  flat = flatten_dict(frozen, sep='/')
  return unflatten_dict({p: put(p, x) for p, x in flat.items()}, sep='/')


def load_splits(config) -> tuple[sources.Split, sources.Split]:
  """Loads the training and validation splits; raises as `prepare_run`."""
  train, val = (
    experiment.load_split(config, name) for name in ('train', 'val')
  )
  data = config['data']
  both = {data['train']: train, data['val']: val}
  if text := split_facts.describe_class_difference(both):
    raise UserError(text)
  if train.key_frames is None:
    _check_labels(train, val, data['root'])
  else:
    boxes.check_truth(val)
  make_imbalance(config, train)  # which refuses classes that there are not
  if config['data']['manifest']:
    manifest.require(config['data']['manifest'], (train, val))
  return train, val


def check_test_frames(loader: Loader) -> None:
  """Raises UserError now, not after training, if framesets cannot be made.

  Only the first key frame is looked at; most data sets have all of one shape,
  or of none that is square.
  """
  if loader.spec.boxes and loader.spec.grid:
    loader.find_test_shape(0)


def _check_labels(train: sources.Split, val: sources.Split, root: str) -> None:
  """Raises UserError unless each video has one of several labels.

  With targets one class is enough, and no label is a label, but there must be
  one in the validation split.
  """
  if train.targets is not None:
    if not val.targets.any():
      raise UserError(
        f'No example of {len(val)} to be tested has a label, so there would be '
        'no mAP; check the labels of this split.'
      )
    return
  if len(train.class_names) < 2:
    raise UserError(
      f'{root} has one class, {train.class_names[0]!r}; training needs two or '
      'more.'
    )
  for part in (train, val):
    if (part.labels < 0).any():
      raise UserError(
        f'{(part.labels < 0).sum()} {part.unit} have no label, such as '
        f'{part.ids[int(part.labels.argmin())]!r}; take them out.'
      )


def make_schedule(config, num_videos: int):
  """Makes the number of steps, which must not be 0, and the schedule."""
  if not (config['steps'] or config['epochs']):
    raise UserError('Nothing to train: set steps or epochs above 0.')
  per_epoch = num_videos / config['batch_size']
  steps = config['steps'] or math.ceil(config['epochs'] * per_epoch)
  options = dict(config['optimizer'])
  learning_rate = schedule.make_warmup_cosine(
    options['lr'],
    total_steps=steps,
    steps_per_epoch=per_epoch,
    warmup_epochs=options['warmup_epochs'],
    warmup_from=options['warmup_from'],
    by=options['schedule'],
    lr_end=options['lr_end'],
  )
  return steps, learning_rate


def build_optimizer(config, learning_rate, mine, **changed):
  """Builds the optimiser of a config for its trainable tree.

  `changed` are arguments of `make_optimizer` in place of the config's.
  """
  options = {
    k: v for k, v in config['optimizer'].items() if k not in schedule.RANGES
  } | changed
  for key in ('lr_multipliers', 'decay_multipliers', 'first_channels'):
    options[key] = dict(options[key])
  for key in ('lr_multipliers', 'decay_multipliers'):
    check_prefixes(mine, tuple(options[key]), f'optimizer.{key}')
  optimizer.check_channels(mine, options['first_channels'])
  layers = layer_decay.count_layers(
    mine, make_config(config['model']['backbone'])
  )
  return optimizer.make_optimizer(learning_rate, **options, layers=layers)


def make_run_step(run: Run):
  """Makes the training step of a run."""
  even = make_imbalance(run.config, run.train.split)
  return make_config_step(run.config, run.model, run.tx, even)
