"""Multiply-accumulates of parts that image models and adapters share.

Counted are matrix products and convolutions, which is all that papers count;
norms, activations, additions and softmax are not.
"""


def attention_macs(width: int, queries: int, keys: int) -> int:
  """Projections of queries, keys and values, scores, weighted sum, output."""
  projections = 2 * queries * width**2 + 2 * keys * width**2
  return projections + 2 * queries * keys * width
