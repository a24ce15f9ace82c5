"""Token dropping: a training step looks at a random share of the patches.

As FLIP (arXiv 2212.00794) and PatchDropout (arXiv 2208.07220) do for images.
Class token and registers always stay, and evaluation sees every patch.

A clip keeps the same positions in all its frames. Attention over time, half
heads, shifted channels and convolutions over frames pair a token with that of
the same index in another frame; only so is that the same place.
"""

import jax
import jax.numpy as jnp

from i2v_jax import adapters


def check(model, share: float) -> None:
  """Raises ValueError where a classifier cannot be trained on such a share."""
  if not 0 <= share < 1:
    raise ValueError(
      f'drop_patches is {share}; it is a share from 0 for none to below 1.'
    )
  if share and (reason := _reason(model)):
    raise ValueError(
      f'{model.adapter["name"]} does not go with drop_patches: {reason}; set '
      'it to 0.'
    )


def _reason(model) -> str:
  spec = model.adapter
  if not spec:
    return ''
  method = adapters.METHODS[spec['name']]
  if not issubclass(method, adapters.Method):
    return 'its classifier reads all patches of a frame'
  return method.fixed_size(spec)


def num_kept(patches: int, share: float) -> int:
  """How many of a frame's patches are kept, one at least."""
  return max(1, round(patches * (1 - share)))


def draw(rng, clips: int, patches: int, share: float):
  """Positions that each clip keeps, in order: `B x K` int32."""
  scores_BxP = jax.random.uniform(rng, (clips, patches), jnp.float32)
  order_BxP = jnp.argsort(scores_BxP, axis=-1).astype(jnp.int32)
  return jnp.sort(order_BxP[:, : num_kept(patches, share)], axis=-1)
