"""Which evaluation a model has: that of clips, or that of boxes."""

from types import ModuleType

from i2v_jax.training.evaluation import boxes, evaluate

Result = evaluate.Evaluation | boxes.BoxEvaluation


def find_evaluation(model) -> ModuleType:
  """Finds the module with a model's `evaluate` and what shows its result.

  Both have `evaluate`, `write_evaluation` and `print_result`, and results with
  `accuracy`, `fingerprint` and `bad`.
  """
  return boxes if model.num_boxes else evaluate
