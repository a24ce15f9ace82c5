"""`i2v eval`: the evaluation of a trained model, repeated."""

from collections.abc import Mapping
from typing import Any

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.sets.split import Split
from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.evaluation import boxes, evaluate
from i2v_jax.training.evaluation.kinds import find_evaluation


def evaluate_trained(
  model: Trained, spec: ClipSpec | None = None, proposals: str = ''
):
  """Evaluates a trained model on the `val` split of its config.

  Args:
    model: a classifier or a detector.
    spec: preprocessing and views in place of those of the config.
    proposals: file of boxes in place of those of the config, for a detector.

  Returns:
    `(split, evaluation)`.

  Raises:
    UserError: classes of model and data differ, or there is no data root.
  """
  config, split = load_val(model, proposals)
  return split, evaluate_split(model, config, split, spec)


def load_val(
  model: Trained, proposals: str = ''
) -> tuple[Mapping[str, Any], Split]:
  """Loads the `val` split of a trained model's config.

  Args:
    model: a classifier or a detector.
    proposals: as in `evaluate_trained`.

  Returns:
    `(config, split)`.

  Raises:
    UserError: classes of model and data differ, or there is no data root.
  """
  config = model.config
  if proposals:
    config = use_proposals(model, proposals)
  if not config['data']['root']:
    raise UserError(f'{model.path} does not name the data; give --root.')
  split = experiment.load_split(config, 'val')
  if split.class_names != model.class_names:
    raise UserError(
      f'The data has classes {split.class_names[:3]}…, the model was trained '
      f'on {model.class_names[:3]}…; labels would not mean the same.'
    )
  if model.model.num_boxes:
    boxes.check_truth(split)
  return config, split


def evaluate_split(
  model: Trained,
  config: Mapping[str, Any],
  split: Split,
  spec: ClipSpec | None = None,
):
  """Evaluates a trained model on what `load_val` loaded."""
  loader = experiment.make_loader(config, split, spec or model.spec)
  found = find_evaluation(model.model).evaluate(
    model.model, model.params, loader, config, model.mesh, model.identity
  )
  if not model.model.num_boxes:
    found = evaluate.use_calibration(found, split, model.calibration)
  return found


def use_proposals(model: Trained, file: str) -> dict[str, Any]:
  """Makes the config of a detector with boxes of another file.

  Raises:
    UserError: the model is no detector.
  """
  if not model.model.num_boxes:
    raise UserError(
      f'{model.path} classifies complete clips, not boxes; leave --proposals '
      'out.'
    )
  config = experiment.to_plain(model.config)
  config['data']['options']['proposals'] = file
  return config
