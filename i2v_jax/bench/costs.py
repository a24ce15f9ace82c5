"""`i2v bench --config`: everything a config costs, counted and measured.

Weights are random and clips black, so no files are needed; the loader is
measured if the data is there.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

import i2v_jax
from i2v_jax.backbones.image_model import MODULES
from i2v_jax.bench import measure, peaks
from i2v_jax.data.sets import digit_boxes, digits, known
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.runtime import compilation, device_memory, process, sharding
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import auto, counts, experiment, memory
from i2v_jax.training.run import split_params


@dataclasses.dataclass(frozen=True)
class Options:
  """What is measured, and how often.

  Attributes:
    num_classes: number of classes; 0 takes that of the data.
    batch_size: batch for the throughput, on one device, and for the training
      step, over all devices; None is the smallest that the config allows.
    rounds: number of measurements, of which medians are taken.
    clips: number of clips that the loader makes.
    training: compile and measure the training step.
    loader: measure the loader.
    measure_peak: take the largest matrix product as the device's peak, even if
      a peak is published.
    count_only: compile and measure nothing.
  """

  num_classes: int = 0
  batch_size: int | None = None
  rounds: int = 10
  clips: int = 64
  training: bool = True
  loader: bool = True
  measure_peak: bool = False
  count_only: bool = False

  def __post_init__(self):
    check_counts(self, ('batch_size', 'rounds', 'clips'))


def check_counts(options, names: Sequence[str]) -> None:
  """Raises UserError for an option below 1; None stands for a default."""
  for name in names:
    value = getattr(options, name)
    if value is not None and value < 1:
      flag = name.replace('_', '-')
      raise UserError(f'--{flag} is {value}; it is at least 1.')


def measure_costs(
  config: Mapping[str, Any], options: Options
) -> dict[str, Any]:
  """Counts and measures a config; JSON values.

  Args:
    config: of an experiment.
    options: what to measure.

  Returns:
    `conditions`; `models`, a mapping of the names of `counts.build_models` to
    their costs; and, if measured, `peak`, `training`, `loader` and `memory`.
    Times are medians in seconds, rates are per second, memory is in bytes.

  Raises:
    UserError: the config has an invalid value.
  """
  config = experiment.check_config(config)
  num_classes = count_classes(config, options.num_classes)
  models = counts.build_models(config, num_classes)
  model = experiment.build_model(config, num_classes)
  config, *_ = split_params(config, model, param_shapes(model))
  options = _choose_batch(config, options)
  found = {
    'conditions': collect_conditions(config, model, options),
    'models': {name: _count(config, model) for name, model in models.items()},
  }
  if options.count_only:
    for name, model in models.items():
      found['models'][name]['xla_macs'] = compilation.count_xla_macs(
        _lower(model)
      )
    return found
  size, rounds = options.batch_size, options.rounds
  measured, rate = measure.measure_forward(models, size, rounds)
  for name, values in measured.items():
    found['models'][name] |= values
  found['peak'] = _find_peak(models, rate, options.measure_peak)
  if options.training:
    found['training'] = measure.measure_training(
      config, num_classes, size, rounds
    )
  if options.loader:
    found['loader'] = measure.measure_loader(config, options.clips)
  found['memory'] = {
    'host_peak_bytes': process.read_peak_bytes(),
    'device_peak_bytes': device_memory.read_device_peak_bytes(),
  }
  return found


def _choose_batch(config: Mapping[str, Any], options: Options) -> Options:
  """Chooses a batch size that the training step, if it is measured, accepts."""
  mesh = sharding.make_mesh(config['mesh']['model'])
  size = options.batch_size or auto.find_smallest_batch(config, mesh)
  if options.training:
    memory.check_remat(config)
    sharding.check_batch_size(size, mesh, config['accumulate'])
  return dataclasses.replace(options, batch_size=size)


def count_classes(config: Mapping[str, Any], given: int = 0) -> int:
  """Number of classes: as given, of the data set, or of the videos on disk.

  Raises:
    UserError: none of these is known.
  """
  if given:
    return given
  data = config['data']
  if data['options'].get('num_classes'):
    return data['options']['num_classes']
  public = {'digits': len(digits.MOTIONS)}
  public['digit_boxes'] = len({*itertools.chain(*digit_boxes.LABELS.values())})
  public |= {found.format: found.classes for found in known.DATA_SETS[::-1]}
  if data['format'] in public:
    return public[data['format']]
  if measure.has_data(config):
    return len(experiment.load_split(config, 'train').class_names)
  raise UserError(
    f'There is no data at data.root={data["root"]} to count classes in; give '
    '--classes NUMBER.'
  )


def collect_conditions(config: Mapping[str, Any], model, options) -> dict:
  """Collects what costs depend on: the options, the model and the device."""
  device = jax.devices()[0]
  return dataclasses.asdict(options) | {
    'backbone': experiment.to_plain(config['model']['backbone']),
    'image_model': MODULES[type(model.image_model)].__name__,
    'width': model.image_model.width,
    'num_frames': model.num_frames,
    'num_classes': model.num_classes,
    'views': [config['views']['clips'], config['views']['crops']],
    'dtype': np.dtype(model.image_model.dtype).name,
    'remat': config['remat'],
    'device': device.device_kind,
    'platform': device.platform,
    'devices': jax.device_count(),
    'jax': jax.__version__,
    'i2v_jax': i2v_jax.__version__,
  }


def _count(config, model) -> dict[str, Any]:
  found = counts.count_costs(config, model)
  return dataclasses.asdict(found) | {
    'view_macs': found.view_macs,
    'video_macs': found.video_macs,
  }


def _lower(model):
  apply = jax.jit(lambda p, *x: model.apply({'params': p}, *x))
  return apply.lower(param_shapes(model), *clip_shapes(model))


def _find_peak(models, rate: float, wanted: bool) -> dict[str, Any]:
  """Peak FLOP/s of one device: published, or the measured `rate`."""
  model, *_ = models.values()
  published = peaks.published_peak(jax.devices()[0], model.image_model.dtype)
  if published and not wanted:
    flops, source = published
    return {'flops': flops, 'source': source, 'measured': rate}
  source = 'measured, the largest matrix product of the model'
  return {'flops': rate, 'source': source, 'measured': rate}
