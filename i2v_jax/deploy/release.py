"""Loads video models as their authors published them."""

import dataclasses

from i2v_jax.models.build import build, find_classifier
from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import check_same_tree
from i2v_jax.weights.files import Weights
from i2v_jax.weights.image import Loaded
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases import open_release, recognise
from i2v_jax.weights.releases.stated import Stated

FRAMES = 16  # of models in which no parameter depends on them, at first


def load_release(
  source,
  *,
  which: str = '',
  method: str | None = None,
  backbone=None,
  offsets=None,
  num_heads: int | None = None,
  adapter_scale: float | None = None,
  **options,
) -> Loaded:
  """A video model as its authors published it.

  `model.apply({'params': params}, video)` maps normalised float32 pixels
  `B x T x H x W x 3` to logits; DualPath takes `(frames, grid)`.

  Args:
    source: a `.pth`, `.pt`, `.safetensors` or `.npz` file, `hf:ORG/NAME`, or a
      mapping of key to array under the published names.
    which: `ema` or `raw`, where a checkpoint has both; averaged ones if ''.
    method: of `adapters.METHODS`; needed only to say that adapters have a
      GELU (`gelu_adapters`), as that is in no file.
    backbone: of EVL, whose files have none; as in `load_image_model`, or a
      mapping under EVL's own names.
    offsets: of ZeroI2V's heads, as `operators.HeadRelocation` takes them;
      `()` for a model without head relocation.
    num_heads: of the image transformer; those usual for its width if not given.
    adapter_scale: of ZeroI2V and AIM: 0.5 in the configurations for Kinetics,
      UCF101 and HMDB51, 1 in those for SSv2.
    **options: `image_size` (positions are resampled), `num_frames` where no
      parameter tells it (any number, if not given), and further fields of the
      classifier or adapter.

  Raises:
    FileNotFoundError: there is nothing there.
    UserError: no known release; a key too many, too few or of another shape;
      or something that no file tells and the arguments lack.
  """
  weights = open_release(source, which)
  release = recognise(weights)
  told = Stated(
    weights.what, method, backbone, offsets, num_heads, adapter_scale, options
  )
  model = _model(release, weights, told)
  reader = Reader(weights.arrays, release.IGNORED)
  params = release.convert(reader, model, told)
  report = reader.report(*release.names(weights.arrays)).of_file(weights)
  check_same_tree(param_shapes(model), params, weights.what)
  report = dataclasses.replace(report, assumed=tuple(told.assumed))
  if 'num_frames' not in options and release.ANY_FRAMES:
    model = model.clone(num_frames=0)
  return Loaded(model, params, report)


def _model(release, weights: Weights, told: Stated):
  """The classifier that a file and the caller describe."""
  spec, num_classes = release.spec(weights.arrays, told)
  told.check(spec['adapter']['name'])
  spec = _with_options(dict(num_frames=FRAMES) | spec, told.options)
  return build(spec, num_classes)


def _with_options(spec: dict, options) -> dict:
  """A model spec with what the caller wants otherwise."""
  rest = {k: v for k, v in options.items() if k != 'image_size'}
  classifier = find_classifier(spec['adapter'])
  own = {k: v for k, v in rest.items() if k in classifier.__dataclass_fields__}
  adapter = {k: v for k, v in rest.items() if k not in own}
  return spec | own | dict(adapter=spec['adapter'] | adapter)
