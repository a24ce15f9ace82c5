"""Multiply-accumulates of a video model, by formula: what papers call FLOPs.

Counted is what `backbones/macs.py` says. The image model and each method have
their own formula; JAX's trace and what XLA compiles count the same
(`tests/models/test_macs.py`).
"""

from i2v_jax import adapters


def count_macs(model) -> dict[str, int]:
  """Multiply-accumulates of the forward pass of one clip, by part.

  Args:
    model: a classifier, as `build` makes it.

  Returns:
    `patches`, `attention`, `mlp` and `head`; `pooling` where the image model
    has a query for it; and what the method adds, under names of its own.
  """
  cfg, steps = model.image_model, model.num_steps
  parts = {part: steps * count for part, count in cfg.macs().items()}
  parts['pooling'] = model.num_pooled * cfg.macs()['pooling']
  parts |= model.readout_macs
  if model.adapter:
    parts |= adapters.METHODS[model.adapter['name']].macs(model)
  return {part: count for part, count in parts.items() if count}
