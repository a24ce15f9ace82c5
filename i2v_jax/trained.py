"""A trained model as it lies on disk: a workdir, an export, an adapter file."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from i2v_jax import checkpoint, evaluate, experiment, facts
from i2v_jax import params as params_lib
from i2v_jax import workdir as workdir_lib
from i2v_jax.data.clips.clips import ClipSpec, test_views
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.sets import sources
from i2v_jax.data.videos import faults
from i2v_jax.data.videos.decode import FrameFolder, Video, open_video
from i2v_jax.models import video
from i2v_jax.models.inputs import param_shapes
from i2v_jax.runtime import files, sharding
from i2v_jax.weights import adapter_file
from i2v_jax.weights.formats import native


class Stored(NamedTuple):
  """What is read of a trained model: the arguments of `placed`."""

  model: video.VideoClassifier
  params: Mapping
  config: Mapping[str, Any]
  class_names: tuple[str, ...]
  identity: Mapping[str, Any]
  path: pathlib.Path


NEEDED = (  # of a stored config, to use what was trained
  'clip',
  'data.format',
  'data.normalization',
  'data.root',
  'dtype',
  'model.adapter',
  'model.backbone',
  'model.num_frames',
  'remat',
  'seed',
  'start_from',
  'trainable',
  'views.clips',
  'views.crops',
  'views.short_side',
  'weights',
)


@dataclasses.dataclass(frozen=True)
class Trained:
  """A classifier with everything that is needed to use it.

  Attributes:
    model: the classifier.
    params: all its parameters, on the devices of `mesh`.
    config: of the run that trained it.
    class_names: in label order.
    identity: JSON facts that say which weights these are.
    mesh: devices.
    path: the folder or adapter file it was loaded from.
  """

  model: video.VideoClassifier
  params: Mapping
  config: Mapping[str, Any]
  class_names: tuple[str, ...]
  identity: Mapping[str, Any]
  mesh: Any
  path: pathlib.Path

  @property
  def folder(self) -> pathlib.Path:
    """Where results about it belong."""
    return self.path.parent if self.path.is_file() else self.path

  @property
  def spec(self) -> ClipSpec:
    """Preprocessing and views, as trained."""
    return experiment.clip_spec(self.config)

  def probabilities(self, path, spec: ClipSpec | None = None, span=None):
    """Class probabilities `[classes]` of a video, averaged over its views.

    Args:
      path: video file, its bytes, a folder of frames, or a video that
        `open_video` opened.
      spec: other views than those of the config.
      span: first frame and the one after the last, to look at a part only.
    """
    if isinstance(path, Video | FrameFolder):
      views = test_views(path, spec or self.spec, span)
    else:
      name = '<bytes>' if isinstance(path, bytes) else path
      with faults.named(name), open_video(path) as opened:
        views = test_views(opened, spec or self.spec, span)
    name = self.config['data']['normalization']
    batch = jax.tree.map(lambda x: x[None], views)
    return jax.device_get(
      evaluate.view_probabilities(self.model, name, self.params, batch)
    )[0]

  def top(self, path, k: int = 5) -> list[tuple[str, float]]:
    """The `k` most probable class names of a video, with probabilities."""
    return self.named(self.probabilities(path), k)

  def named(self, probabilities, k: int = 5) -> list[tuple[str, float]]:
    """The `k` highest probabilities with their class names."""
    order = (-probabilities).argsort(kind='stable')[:k]
    return [(self.class_names[i], float(probabilities[i])) for i in order]


def load(path, *, weights: str = '', root: str = '') -> Trained:
  """Loads the newest checkpoint of a workdir, an export, or an adapter file.

  Args:
    path: the folder, or an adapter file.
    weights: where the frozen weights are now, if they have moved.
    root: where the data is now, if it has moved.

  Raises:
    FileNotFoundError: `path` is none of these, or the frozen weights cannot be
      found.
    ValueError: a file is damaged, or the frozen weights are not those it was
      trained on.
  """
  return placed(*read(path, weights, root))


def read(path, weights: str = '', root: str = '') -> Stored:
  """Reads what `load` loads, without placing it on a mesh; raises as `load`."""
  path = pathlib.Path(path).expanduser()
  if (path / 'model.safetensors').is_file():
    return _read_export(path, root)
  if (path / 'checkpoints').is_dir():
    return _read_workdir(path, weights, root)
  if file := adapter_file.find(path):
    return _read_adapter(file, weights, root)
  raise FileNotFoundError(
    f'{path} is neither the workdir of a run that has saved a checkpoint, nor '
    'an export, nor an adapter file; write one with `i2v export` or '
    '`i2v weights convert --config`.'
  )


def evaluate_trained(model: Trained, spec: ClipSpec | None = None):
  """Evaluates what was trained, as its config says, on its `val` split.

  Returns:
    `(split, evaluation)`.

  Raises:
    ValueError: it has other classes than the data, or the data has no place.
  """
  config = model.config
  if not config['data']['root']:
    raise ValueError(
      f'{model.path} does not say where the data is; give --root.'
    )
  split = experiment.split(config, 'val')
  if split.class_names != model.class_names:
    raise ValueError(
      f'The data has classes {split.class_names[:3]}…, the model was trained '
      f'on {model.class_names[:3]}…; labels would not mean the same.'
    )
  data, spec = config['data'], spec or model.spec
  loader = Loader(split, spec, data['on_bad_video'], data['clip_seconds'])
  found = evaluate.evaluate(
    model.model, model.params, loader, config, model.mesh, model.identity
  )
  return split, found


def _read_export(path: pathlib.Path, root: str) -> Stored:
  files.check_finished(path)
  file = path / 'config.json'
  config = files.read_json(file)
  if 'model' not in config:
    raise ValueError(
      f'{path} was exported for other programs; give a run, or an export of '
      '--format merged, full or adapter.'
    )
  config = _as_now(config, '', root, file)
  class_names = sources.read_class_names(path / 'classes.json')
  known = facts.check_names(path, class_names)
  model = experiment.model(config, len(class_names))
  file = path / 'model.safetensors'
  params = native.read(file)
  params_lib.check_same_tree(param_shapes(model), params, str(path))
  identity = {'weights_sha256': params_lib.sha256(params)}
  if known:
    facts.check_weights(file, known, identity['weights_sha256'])
  return Stored(model, params, config, class_names, identity, path)


def _read_workdir(path: pathlib.Path, weights: str, root: str) -> Stored:
  with checkpoint.Checkpoints(path) as checkpoints:
    step = checkpoints.newest()
    if step is None:
      raise FileNotFoundError(f'{path} holds no finished checkpoint.')
    saved = checkpoints.metadata(step)
    config = _as_now(saved['config'], weights, root, path)
    model = experiment.model(config, len(saved['class_names']))
    mine, frozen = params_lib.split(param_shapes(model), config['trainable'])
    if frozen:
      frozen = _frozen(model, config, saved, path, frozen)
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    restored = checkpoints.restore(step, {'params': mine}, place)
  params = params_lib.join(restored['params'], frozen)
  identity = {'step': step, 'frozen_sha256': saved['frozen_sha256']}
  names = tuple(saved['class_names'])
  return Stored(model, params, config, names, identity, path)


def _read_adapter(file: pathlib.Path, weights: str, root: str) -> Stored:
  mine, saved = adapter_file.read(file)
  config = _as_now(saved['config'], weights, root, file)
  names = tuple(saved['class_names'])
  model = experiment.model(config, len(names))
  shapes = param_shapes(model)
  wanted, base = adapter_file.split(shapes, config['trainable'])
  params_lib.check_same_tree(wanted, mine, str(file))
  base = _start(model, config, names, base)
  _check_sha256(base, saved['base']['sha256'], config, file)
  params = params_lib.join(base, mine)
  params_lib.check_same_tree(shapes, params, str(file))
  identity = {'weights_sha256': params_lib.sha256(params)}
  facts.check_weights(file, saved, identity['weights_sha256'])
  return Stored(model, params, config, names, identity, file)


def _as_now(stored: Mapping, weights: str, root: str, what) -> dict:
  """A stored config with the keys and the places that there are now."""
  config = workdir_lib.completed(stored)
  files.check_keys(config, NEEDED, f'The config of {what}')
  key = 'start_from' if config['start_from'] else 'weights'
  config[key] = weights or config[key]
  config['data']['root'] = root or config['data']['root']
  return config


def _start(model, config, class_names, wanted: Mapping) -> dict:
  """The parameters before training, of the paths in `wanted`."""
  pretrained = experiment.pretrained(config, model, class_names, settled=True)
  return experiment.initial_params(model, pretrained, config['seed'], wanted)


def _frozen(model, config, saved: Mapping, path, wanted: Mapping) -> dict:
  frozen = _start(model, config, saved['class_names'], wanted)
  _check_sha256(frozen, saved['frozen_sha256'], config, path)
  return frozen


def _check_sha256(frozen, wanted: str, config, path) -> None:
  found = params_lib.sha256(frozen)
  if found != wanted:
    raise ValueError(
      f'{path} was trained on other frozen weights than '
      f'{experiment.base(config)!r} '
      f'holds now (sha256 {wanted[:12]}, found {found[:12]}); give the '
      'right ones as --weights.'
    )


def placed(model, params, config, class_names, identity, path) -> Trained:
  """A `Trained` whose parameters are on the devices of a new mesh.

  Those of a run that cut some are cut over whatever devices there are here.
  """
  mesh = sharding.make_mesh()
  params = jax.device_put(
    params, sharding.for_use(params, config['mesh'], mesh)
  )
  return Trained(model, params, config, class_names, identity, mesh, path)
