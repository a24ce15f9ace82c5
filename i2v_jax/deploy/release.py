"""Loads video models as their authors published them."""

import dataclasses

from i2v_jax.models.build import build, find_classifier
from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import check_same_tree
from i2v_jax.weights.files import Weights
from i2v_jax.weights.image import Loaded
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases import find_release, open_release
from i2v_jax.weights.releases.arguments import Arguments

FRAMES = 16  # first value, where no parameter depends on it


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
  """Loads a video model as its authors published it.

  `model.apply({'params': params}, video)` maps normalised float32 pixels
  `B x T x H x W x 3` to logits; DualPath takes `(frames, grid)`.

  Args:
    source: a `.pth`, `.pt`, `.safetensors` or `.npz` file, `hf:ORG/NAME`, or a
      mapping of key to array under the published names.
    which: `ema` or `raw`, where a checkpoint has both; '' takes `ema`.
    method: one of `adapters.METHODS`; needed only for adapters with a GELU
      (`gelu_adapters`), which no file shows.
    backbone: image model of EVL, whose files have none; as in
      `load_image_model`, or a mapping under EVL's own names.
    offsets: frame offsets of ZeroI2V's heads, as `operators.HeadRelocation`
      takes them, `quarter` for those of Swin; `()` for a model without head
      relocation.
    num_heads: heads of the image transformer; by default, those usual for its
      width.
    adapter_scale: scale of ZeroI2V's and AIM's adapters: 0.5 in the
      configurations for Kinetics, UCF101 and HMDB51, 1 in those for SSv2.
    **options: `image_size` (positions are resampled), `num_frames` where no
      parameter depends on it (default: any number), and further fields of the
      classifier or adapter.

  Raises:
    FileNotFoundError: `source` does not exist.
    UserError: the release is unknown; a key is missing, unexpected or of
      another shape; or neither file nor arguments give a needed value.
  """
  weights = open_release(source, which)
  release = find_release(weights)
  arguments = Arguments(
    weights.what, method, backbone, offsets, num_heads, adapter_scale, options
  )
  model = _build_model(release, weights, arguments)
  reader = Reader(weights.arrays, release.IGNORED)
  params = release.convert(reader, model, arguments)
  report = reader.report(*release.describe_format(weights.arrays)).of_file(
    weights
  )
  check_same_tree(param_shapes(model), params, weights.what)
  report = dataclasses.replace(report, assumed=tuple(arguments.assumed))
  if 'num_frames' not in options and release.ANY_FRAMES:
    model = model.clone(num_frames=0)
  return Loaded(model, params, report)


def _build_model(release, weights: Weights, arguments: Arguments):
  """Builds the classifier that a file and the caller describe."""
  spec, num_classes = release.read_spec(weights.arrays, arguments)
  arguments.check(spec['adapter']['name'])
  spec = _add_options(dict(num_frames=FRAMES) | spec, arguments.options)
  return build(spec, num_classes)


def _add_options(spec: dict, options) -> dict:
  """Adds the caller's options to a model spec."""
  rest = {k: v for k, v in options.items() if k != 'image_size'}
  classifier = find_classifier(spec['adapter'])
  own = {k: v for k, v in rest.items() if k in classifier.__dataclass_fields__}
  adapter = {k: v for k, v in rest.items() if k not in own}
  return spec | own | dict(adapter=spec['adapter'] | adapter)
