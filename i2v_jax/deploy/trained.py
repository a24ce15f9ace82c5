"""A trained model as it lies on disk: a workdir, an export, an adapter file."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from i2v_jax.data.clips.clips import ClipSpec, make_test_views
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.videos import faults
from i2v_jax.data.videos.decode import FrameFolder, Video, open_video
from i2v_jax.models import video
from i2v_jax.runtime import sharding
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.evaluation import evaluate
from i2v_jax.training.stored import read


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
    return experiment.make_clip_spec(self.config)

  def probabilities(self, path, spec: ClipSpec | None = None, span=None):
    """Class probabilities `[classes]` of a video, averaged over its views.

    Args:
      path: video file, its bytes, a folder of frames, or a video that
        `open_video` opened.
      spec: other views than those of the config.
      span: first frame and the one after the last, to look at a part only.
    """
    if isinstance(path, Video | FrameFolder):
      views = make_test_views(path, spec or self.spec, span)
    else:
      name = '<bytes>' if isinstance(path, bytes) else path
      with faults.report_bugs(name), open_video(path) as opened:
        views = make_test_views(opened, spec or self.spec, span)
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
    UserError: a file is damaged, or the frozen weights are not those it was
      trained on.
  """
  return place(*read(path, weights, root))


def evaluate_trained(model: Trained, spec: ClipSpec | None = None):
  """Evaluates what was trained, as its config says, on its `val` split.

  Returns:
    `(split, evaluation)`.

  Raises:
    UserError: it has other classes than the data, or the data has no place.
  """
  config = model.config
  if not config['data']['root']:
    raise UserError(
      f'{model.path} does not say where the data is; give --root.'
    )
  split = experiment.load_split(config, 'val')
  if split.class_names != model.class_names:
    raise UserError(
      f'The data has classes {split.class_names[:3]}…, the model was trained '
      f'on {model.class_names[:3]}…; labels would not mean the same.'
    )
  data, spec = config['data'], spec or model.spec
  loader = Loader(split, spec, data['on_bad_video'], data['clip_seconds'])
  found = evaluate.evaluate(
    model.model, model.params, loader, config, model.mesh, model.identity
  )
  return split, found


def place(model, params, config, class_names, identity, path) -> Trained:
  """A `Trained` whose parameters are on the devices of a new mesh.

  Those of a run that cut some are cut over whatever devices there are here.
  """
  mesh = sharding.make_mesh()
  params = jax.device_put(
    params, sharding.for_use(params, config['mesh'], mesh)
  )
  return Trained(model, params, config, class_names, identity, mesh, path)
