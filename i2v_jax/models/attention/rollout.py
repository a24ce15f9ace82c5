"""Attention rollout (Abnar and Zuidema, arXiv 2005.00928)."""

from i2v_jax.models.attention.layout import AttentionMap


def find_rollout(model, params, inputs, at=None) -> list[AttentionMap]:
  """Follows attention through all blocks."""
  raise NotImplementedError
