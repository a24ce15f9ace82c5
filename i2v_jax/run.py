"""A run: a config, the workdir it claims, and everything it is made of."""

import dataclasses
import importlib.metadata
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
from clu import parameter_overview
from rich.table import Table

from i2v_jax import experiment, optimizer, sharding, writers
from i2v_jax import params as params_lib
from i2v_jax.data import pipeline, sources


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
  train: pipeline.Loader
  val: pipeline.Loader
  steps: int
  schedule: Any
  tx: Any
  state: TrainState
  frozen: Any
  frozen_sha256: str

  @property
  def parallel(self) -> pipeline.Parallelism:
    loader = dict(self.config['loader'])
    return pipeline.Parallelism(
      **loader, shard=jax.process_index(), num_shards=jax.process_count()
    )

  @property
  def params(self) -> dict:
    return params_lib.join(self.state.params, self.frozen)

  def metadata(self) -> dict:
    step = int(self.state.step)
    return {
      'config': experiment.plain(self.config),
      'class_names': list(self.train.split.class_names),
      'examples_seen': step * self.config['batch_size'],
      'frozen_sha256': self.frozen_sha256,
      'i2v_jax': importlib.metadata.version('i2v_jax'),
    }


def prepare(config: Mapping[str, Any], workdir) -> Run:
  """Builds data, model, optimiser and the state at step 0.

  Raises:
    ValueError, FileNotFoundError: something in the config cannot be; one
      sentence says what and how to mend it.
  """
  workdir, data = _claim(workdir, config), config['data']
  mesh = sharding.make_mesh()
  sharding.check_batch_size('batch_size', config['batch_size'], mesh)
  train, val = (experiment.split(config, name) for name in ('train', 'val'))
  if train.class_names != val.class_names:
    raise ValueError('The train and val splits have different classes.')
  spec = experiment.clip_spec(config, train.class_names)
  loader = lambda split: pipeline.Loader(split, spec, data['on_bad_video'])
  model = experiment.model(config, len(train.class_names))
  backbone = experiment.backbone(config, model.vit)
  params = experiment.initial_params(model, backbone, config['seed'])
  mine, frozen = params_lib.split(params, config['trainable'])
  steps, schedule = _schedule(config, len(train))
  tx = _optimizer(config, schedule, mine)
  if jax.process_index() == 0:
    sources.write_class_names(workdir / 'classes.json', train.class_names)
  state = TrainState(jnp.zeros((), jnp.int32), mine, tx.init(mine))
  sha256 = params_lib.sha256(frozen)
  frozen = jax.tree.map(lambda x: jnp.asarray(x, model.vit.dtype), frozen)
  place = sharding.replicated(mesh)
  return Run(
    config,
    workdir,
    mesh,
    model,
    loader(train),
    loader(val),
    steps,
    schedule,
    tx,
    jax.device_put(state, place),
    jax.device_put(frozen, place),
    sha256,
  )


def _schedule(config, num_videos: int):
  """Total steps and learning-rate schedule."""
  per_epoch = num_videos / config['batch_size']
  steps = config['steps'] or math.ceil(config['epochs'] * per_epoch)
  options = dict(config['optimizer'])
  schedule = optimizer.warmup_cosine(
    options['lr'],
    total_steps=steps,
    steps_per_epoch=per_epoch,
    warmup_epochs=options['warmup_epochs'],
    by=options['schedule'],
  )
  return steps, schedule


def _optimizer(config, schedule, mine):
  options = dict(config['optimizer'])
  for key in ('lr', 'warmup_epochs', 'schedule'):
    options.pop(key)
  for key in ('lr_multipliers', 'decay_multipliers'):
    options[key] = dict(options[key])
    params_lib.check_prefixes(mine, tuple(options[key]))
  return optimizer.make(schedule, **options)


def _claim(workdir, config) -> pathlib.Path:
  """Makes the workdir, or checks that it belongs to this config."""
  workdir = pathlib.Path(workdir)
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    path = workdir / 'config.json'
    if path.exists():
      _check_same_config(json.loads(path.read_text()), config, workdir)
    elif jax.process_index() == 0:
      path.write_text(json.dumps(experiment.plain(config), indent=2) + '\n')
  except OSError as error:
    raise OSError(
      f'Cannot write to the workdir {workdir} ({error.strerror}); choose '
      'another --workdir.'
    ) from error
  return workdir


def _check_same_config(old: dict, config, workdir) -> None:
  old = flax.traverse_util.flatten_dict(old, sep='.')
  new = flax.traverse_util.flatten_dict(experiment.plain(config), sep='.')
  for key in sorted(old.keys() | new.keys()):
    if old.get(key) != new.get(key):
      raise ValueError(
        f'{workdir} holds a run with {key} = {old.get(key)!r}, now it is '
        f'{new.get(key)!r}; use the same config to resume it, or another '
        '--workdir.'
      )


def overview(run: Run) -> None:
  """Prints what is trained, and writes every parameter to a file."""
  mine, table = (
    run.state.params,
    Table(title='Parameters', title_justify='left'),
  )
  for name in ('part', 'tunable', 'total'):
    table.add_column(name, justify='left' if name == 'part' else 'right')
  shapes = params_lib.join(mine, run.frozen)
  counts = params_lib.count
  for part in sorted(shapes):
    tunable = counts(mine[part]) if part in mine else 0
    table.add_row(part, f'{tunable:,}', f'{counts(shapes[part]):,}')
  table.add_section()
  table.add_row('all', f'{counts(mine):,}', f'{counts(shapes):,}')
  writers.console.print(table)
  size = params_lib.num_bytes(run.state.opt_state)
  writers.console.print(
    f'optimiser state {size / 1e6:.2f} MB; {run.steps} steps of '
    f'{run.config["batch_size"]} clips from {len(run.train.split)} videos on '
    f'{run.mesh.size} {jax.default_backend()} device(s)'
  )
  if jax.process_index() == 0:
    text = parameter_overview.get_parameter_overview(
      jax.tree.map(np.asarray, shapes), include_stats=False
    )
    (run.workdir / 'parameters.txt').write_text(text + '\n')
