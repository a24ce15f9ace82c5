"""A run: a config, the workdir it claims, and everything it is made of."""

import dataclasses
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
from rich.table import Table

import i2v_jax
from i2v_jax import (
  adapters,
  backward,
  experiment,
  features,
  optimizer,
  sharding,
  writers,
)
from i2v_jax import params as params_lib
from i2v_jax import workdir as workdir_lib
from i2v_jax.data import flips, manifest, sources, split_facts
from i2v_jax.data.loader import Loader


@flax.struct.dataclass
class TrainState:
  """What training changes: `params` and `opt_state` of the trainable tree."""

  step: jax.Array
  params: Any
  opt_state: Any


@dataclasses.dataclass
class Run:
  """A config made real: everything the loop needs."""

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

  @property
  def params(self) -> dict:
    return params_lib.join(self.state.params, self.frozen)

  def metadata(self) -> dict:
    """What a checkpoint means, in JSON."""
    config = experiment.absolute(self.config)
    config['model']['adapter'] = experiment.plain(self.model.adapter)
    return {
      'config': config,
      'class_names': list(self.train.split.class_names),
      'train_sha256': self.train.split.fingerprint(),
      'frozen_sha256': self.frozen_sha256,
      'examples_seen': int(self.state.step) * config['batch_size'],
      'i2v_jax': i2v_jax.__version__,
    }


def prepare(config: Mapping[str, Any], workdir) -> Run:
  """Builds data, model, optimiser and the state at step 0.

  Raises:
    ValueError, OSError: something in the config cannot be; one sentence says
      what and how to mend it. Nothing is written to the workdir.
  """
  config = experiment.check(config)
  workdir, data = workdir_lib.writable(workdir), config['data']
  mesh, layouts = sharding.make_mesh(config['mesh']['model']), config['mesh']
  sharding.check_batch_size(config['batch_size'], mesh, config['accumulate'])
  train, val = _splits(config)
  spec = experiment.clip_spec(config, train.class_names)
  loader = lambda split: Loader(
    split, spec, data['on_bad_video'], data['clip_seconds']
  )
  model = experiment.model(config, len(train.class_names))
  sharding.check_heads(model.vit.num_heads, mesh)
  pretrained = experiment.pretrained(
    config, model, train.class_names, (workdir / 'checkpoints').is_dir()
  )
  params = experiment.initial_params(model, pretrained, config['seed'])
  given = config
  config, mine, frozen = parts(given, model, params)
  if text := experiment.left_out(given, config):
    writers.console.print(text)
  steps, learning_rate = schedule(config, len(train))
  tx = optimizer_of(config, learning_rate, mine)
  return Run(
    config=config,
    workdir=workdir,
    mesh=mesh,
    model=model,
    train=loader(train),
    val=loader(val),
    steps=steps,
    schedule=jax.jit(learning_rate),  # ten programs, a second, if not
    tx=tx,
    state=initial_state(mine, tx, layouts['trained'], mesh),
    frozen=placed(frozen, model.vit.dtype, layouts['frozen'], mesh),
    frozen_sha256=params_lib.sha256(frozen),
  )


def parts(config: Mapping[str, Any], model, params: Mapping):
  """What is trained of a model, and what stays frozen.

  Args:
    config: as `experiment.check` returns it.
    model: its classifier.
    params: parameters of the model, or their shapes.

  Returns:
    The config as `experiment.present` returns it, the trainable tree, and the
    frozen one.

  Raises:
    ValueError: a prefix matches nothing, or what is trained does not go with
      the model or with other keys.
  """
  config = experiment.present(config, params)
  mine, frozen = params_lib.split(params, config['trainable'])
  backward.check(model, mine)
  features.check(config, model, mine)
  optimizer_of(config, lambda step: 0.0, mine)
  return config, mine, frozen


def initial_state(mine, tx, layout: str, mesh) -> TrainState:
  """The state at step 0; the optimiser's is made in parts, never whole."""
  zero = jnp.zeros((), jnp.int32)
  start = lambda mine: TrainState(zero, mine, tx.init(mine))
  places = sharding.shardings(jax.eval_shape(start, mine), layout, mesh)
  mine = jax.device_put(mine, places.params)
  init = jax.jit(tx.init, out_shardings=places.opt_state)
  return TrainState(jax.device_put(zero, places.step), mine, init(mine))


def placed(frozen, dtype, layout: str, mesh):
  """What stays frozen, in the compute type; one array after the other."""
  put = lambda x, place: jax.device_put(cast(x, dtype), place)
  return jax.tree.map(put, frozen, sharding.shardings(frozen, layout, mesh))


def cast(params, dtype):
  """Matrices in the compute type, to which layers would cast them each time."""
  to = lambda x: jnp.asarray(x, dtype if x.ndim > 1 else x.dtype)
  return jax.tree.map(to, params)


def resume(run: Run, checkpoints) -> TrainState:
  """The newest state of a workdir, which must be one of the same run.

  Raises:
    ValueError: it has another config, data, classes or frozen weights.
  """
  step = checkpoints.latest_step()
  saved, now = checkpoints.metadata(step), run.metadata()
  workdir_lib.check_same_config(saved['config'], now['config'], run.workdir)
  for key in ('class_names', 'train_sha256', 'frozen_sha256'):
    if saved[key] != now[key]:
      raise ValueError(
        f'{run.workdir} was trained with other {key} than data and weights '
        'have now; bring them back, or choose another --workdir.'
      )
  like = {'params': run.state.params, 'opt_state': run.state.opt_state}
  places = jax.tree.map(lambda x: x.sharding, like)
  found = checkpoints.restore(step, like, places)
  step = jax.device_put(jnp.int32(step), run.state.step.sharding)
  return TrainState(step, **found)


def _splits(config) -> tuple[sources.Split, sources.Split]:
  train, val = (experiment.split(config, name) for name in ('train', 'val'))
  data = config['data']
  both = {data['train']: train, data['val']: val}
  if text := split_facts.class_difference(both):
    raise ValueError(text)
  if len(train.class_names) < 2:
    raise ValueError(
      f'{data["root"]} has one class, {train.class_names[0]!r}; training needs '
      'two or more.'
    )
  for split in (train, val):
    if (split.labels < 0).any():
      raise ValueError(
        f'{(split.labels < 0).sum()} videos have no label, such as '
        f'{split.ids[int(split.labels.argmin())]!r}; take them out.'
      )
  if config['data']['manifest']:
    manifest.require(config['data']['manifest'], (train, val))
  return train, val


def schedule(config, num_videos: int):
  """Total steps and learning-rate schedule."""
  per_epoch = num_videos / config['batch_size']
  steps = config['steps'] or math.ceil(config['epochs'] * per_epoch)
  options = dict(config['optimizer'])
  learning_rate = optimizer.warmup_cosine(
    options['lr'],
    total_steps=steps,
    steps_per_epoch=per_epoch,
    warmup_epochs=options['warmup_epochs'],
    warmup_from=options['warmup_from'],
    by=options['schedule'],
  )
  return steps, learning_rate


def optimizer_of(config, learning_rate, mine):
  """The optimiser of a config for the tree that it trains."""
  options = dict(config['optimizer'])
  for key in ('lr', 'warmup_epochs', 'warmup_from', 'schedule'):
    options.pop(key)
  for key in ('lr_multipliers', 'decay_multipliers', 'first_channels'):
    options[key] = dict(options[key])
  for key in ('lr_multipliers', 'decay_multipliers'):
    params_lib.check_prefixes(mine, tuple(options[key]), f'optimizer.{key}')
  optimizer.check_channels(mine, options['first_channels'])
  return optimizer.make(learning_rate, **options)


def overview(run: Run) -> None:
  """Prints what is trained, and on what."""
  mine = run.state.params
  table = Table(title='Parameters', title_justify='left')
  for name in ('part', 'tunable', 'total'):
    table.add_column(name, justify='left' if name == 'part' else 'right')
  shapes = params_lib.join(mine, run.frozen)
  channels = dict(run.config['optimizer']['first_channels'])

  def row(name, tree, prefix=''):
    below = {p: c for p, c in channels.items() if params_lib.matches(p, prefix)}
    trained = {p: mine[p] for p in tree if p in mine}
    tunable = optimizer.count_trained(trained, below)
    table.add_row(name, f'{tunable:,}', f'{params_lib.count(tree):,}')

  for part in sorted(shapes):
    row(part, {part: shapes[part]}, part)
  table.add_section()
  row('all', shapes)
  writers.console.print(table)
  size = params_lib.num_bytes(run.state.opt_state)
  writers.console.print(
    f'optimiser state {size / 1e6:.2f} MB; {run.steps} steps of '
    f'{run.config["batch_size"]} clips from {len(run.train.split)} videos on '
    f'{run.mesh.size} {jax.default_backend()} device(s)'
    f'{backward.told(run.model, mine)}'
  )
  notes = split_facts.notes(run.train.split, run.val.split)
  if moved := adapters.relocated(run.model):
    notes.append(moved)
  for line in (*notes, _mirroring(run)):
    writers.console.print(line)


def _mirroring(run: Run) -> str:
  """What becomes of the labels of mirrored clips."""
  spec, names = run.train.spec, run.train.split.class_names
  if not spec.flip:
    return 'no clip is mirrored'
  if not run.config['clip']['flip_labels'] and flips.names_sides(names):
    return (
      'mirrored clips keep their labels, though classes name sides; exchange '
      'them by clip.flip_labels=True, or set clip.flip=0'
    )
  pairs = flips.exchanged(spec.flip_map, names)
  return f'classes that mirrored clips exchange: {pairs}'
