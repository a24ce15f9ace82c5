"""`i2v weights inspect`: what a file holds, and what loading makes of it."""

import re
from collections.abc import Callable, Mapping, Sequence

from i2v_jax.backbones.description import describe
from i2v_jax.deploy.release import load_release
from i2v_jax.params import count
from i2v_jax.weights import image, releases
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import huggingface
from i2v_jax.weights.image import Loaded
from i2v_jax.weights.report import MissingArgumentError

# Stand-ins for what no file states, so that the rest can be reported.
STAND_INS = {
  'activation': 'quick_gelu',
  'adapter_scale': 1.0,
  'num_heads': 1,
  'offsets': (),
}


def inspect(source, which: str = '', **given) -> list[tuple[str, str]]:
  """Describes a file of weights as rows of `(name, value)`.

  Args:
    source: as in `load_image_model` or `load_release`.
    which: as in these.
    **given: further arguments of these.

  Raises:
    FileNotFoundError: `source` does not exist.
    UserError: the format is unknown, or the file contradicts it.
  """
  weights = releases.open_release(source)
  is_release = any(r.recognises(weights.arrays) for r in releases.RELEASES)
  load = load_release if is_release else image.load_image_model
  loaded, missing = _load_with_stand_ins(
    load, source, given | dict(which=which)
  )
  rows = [
    ('file', weights.what),
    *(('taken from', line) for line in loaded.report.taken_from),
    ('format', loaded.report.format),
    ('normalisation', loaded.report.normalization + _note_assumption(weights)),
  ]
  if is_release:
    rows += _describe_method(loaded.model, missing)
  cfg = loaded.model.image_model if is_release else loaded.model.cfg
  rows += describe(cfg, missing)
  rows += _describe_keys(loaded)
  rows += [('assumed', line) for line in loaded.report.assumed]
  return rows + [('not in the file', ', '.join(missing))] * bool(missing)


def _load_with_stand_ins(
  load: Callable, source, given: Mapping
) -> tuple[Loaded, list[str]]:
  """Loads a model; returns it and the names of arguments made up for it."""
  missing = []
  while True:
    try:
      return load(source, **given), missing
    except MissingArgumentError as error:
      if error.name not in STAND_INS or given.get('offsets'):
        raise  # offsets have a meaning only where heads are known
      missing.append(error.name)
      given = {**given, error.name: STAND_INS[error.name]}


def _describe_method(model, missing: Sequence[str]) -> list:
  made_up = {{'adapter_scale': 'scale'}.get(name, name) for name in missing}
  spec = {k: v for k, v in model.adapter.items() if k not in made_up}
  name, frames = spec.pop('name'), model.num_frames or 'any number of'
  options = ', '.join(f'{k} {v}' for k, v in sorted(spec.items()))
  return [
    ('method', f'{name}: {options}'),
    ('clips', f'{frames} frames, {model.num_classes} classes'),
  ]


def _note_assumption(weights: Weights) -> str:
  """A note where no file states the normalisation."""
  given = huggingface.find_normalization(weights)
  return '' if given else ' (usual for this format; no file says it)'


def _describe_keys(loaded: Loaded) -> list:
  report = loaded.report
  return [
    ('parameters', f'{count(loaded.params):,}'),
    ('loaded', f'{len(report.loaded)} keys'),
    ('reshaped', '; '.join(report.reshaped) or 'none'),
    ('resampling', f'{report.resampling}, of positions at another size'),
    ('new by design', '; '.join(report.new) or 'none'),
    ('ignored by design', _group_keys(report.ignored)),
  ]


def _group_keys(keys: Sequence[str]) -> str:
  """Groups keys by their first part, with the size of each group."""
  groups = {}
  for key in keys:
    groups.setdefault(re.split('[./]', key)[0], []).append(key)
  show = lambda begin, all: (
    all[0] if len(all) == 1 else f'{begin}… ({len(all)})'
  )
  return ', '.join(show(*group) for group in groups.items()) or 'none'
