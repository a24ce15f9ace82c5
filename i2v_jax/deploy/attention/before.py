"""The image model as it was before training."""

from collections.abc import Mapping

from i2v_jax.deploy.trained import Trained
from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import split
from i2v_jax.runtime.errors import MissingFileError
from i2v_jax.training import experiment, stored
from i2v_jax.weights import load_backbone


def load_image_params(
  trained: Trained, weights: str = ''
) -> tuple[Mapping | None, list[str]]:
  """Loads the image model as it was before training.

  Args:
    trained: any classifier.
    weights: where an export no longer names those that it began with.

  Returns:
    Its parameters, or None; and sentences that say why there are none.

  Raises:
    FileNotFoundError, UserError: `weights` are missing, or of another model.
  """
  config, model = trained.config, trained.model
  source = experiment.find_weights_source(config)
  if source:
    names = trained.class_names
    try:
      found = stored.load_pretrained(config, model, names, settled=True)
    except MissingFileError as error:
      return None, [f'No row of the image model: {error}']
    return found['backbone'], []
  if weights:
    which = config['weights_which']
    return load_backbone(weights, model.image_model, which=which), []
  if _keeps_image_model(trained):
    return trained.params['backbone'], []
  return None, [
    f'No row of the image model: {trained.path} holds weights that training '
    'or merging changed; name the original ones with --weights.'
  ]


def is_frozen(trained: Trained) -> bool:
  """Whether training left all blocks of the image model as they were."""
  # Adapters are never in the blocks, and are gone when they were merged.
  trainable = [
    x for x in trained.config['trainable'] if not x.startswith('adapters')
  ]
  mine, _ = split(param_shapes(trained.model), trainable)
  return not any(name.startswith('blocks') for name in mine.get('backbone', {}))


def _keeps_image_model(trained: Trained) -> bool:
  """Whether all blocks of an export are those of the image model."""
  merged = 'adapters' not in trained.params
  if merged and 'adapters' in trained.config['trainable']:
    return False
  return is_frozen(trained)
