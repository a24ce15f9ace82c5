"""Which heads look at other frames, for backbones of any size."""

from ml_collections import ConfigDict

WIDTH = {'S': 384, 'B': 768, 'L': 1024}
NEAREST = (-1, 1, -2, 2, -3)  # the order in which a block sees further


def width(c: ConfigDict) -> int:
  """Channels of the backbone."""
  sizes = c.model.backbone
  return sizes.get('width') or WIDTH[sizes.variant.partition('/')[0]]


def head_width(c: ConfigDict) -> int:
  """Channels of a head; 64 in all named ViTs, 32 in all Swins."""
  sizes = c.model.backbone
  if 'embed_dim' in sizes:
    return sizes.embed_dim // sizes.num_heads[0]
  if 'width' in sizes:
    return sizes.width // sizes.num_heads
  return 32 if sizes.family == 'swin' else 64


def fit(c: ConfigDict, operator: dict) -> dict:
  """Fits an operator written for heads of 64 channels to the heads of `c`."""
  if operator.get('name') == 'channel_shift':
    return operator | dict(share=min(operator.get('share', 12), head_width(c)))
  if isinstance(operator.get('offsets', ''), str):  # none, or `quarter`
    return operator
  scale = lambda o: (o[0], o[1] * head_width(c) // 64)
  offsets = [o if isinstance(o, int) else scale(o) for o in operator['offsets']]
  return operator | dict(offsets=tuple(offsets))


def preset(c: ConfigDict) -> str:
  """The preset that ZeroI2V's paper gives this backbone and T; '' for none."""
  size, frames = c.model.backbone.variant.partition('/')[0], c.model.num_frames
  published = size in ('B', 'L') and frames in (8, 16, 32)
  return f'k400_{size}_{frames}f_paper' if published else ''


def offsets(c: ConfigDict) -> tuple:
  """Offsets of ZeroI2V for any number of heads and frames (our design).

  A block sees 3, 4 or 6 frames, which the paper takes for clips of 8, 16 and 32
  frames. As its text says, a sixth to a quarter of the channels come from other
  frames, in pieces as close to complete heads as that allows.
  """
  frames, head = c.model.num_frames, head_width(c)
  field = 3 if frames <= 8 else 4 if frames <= 16 else 6
  seen = [o for o in NEAREST[: field - 1] if abs(o) < frames]
  if not seen:
    return ()
  most, least = width(c) // (4 * len(seen)), width(c) / (6 * len(seen))
  rounded = [most // part * part for part in (head, head // 2, head // 4)]
  channels = next((fit for fit in rounded if fit >= least), most)
  if channels % head:
    return tuple((offset, channels) for offset in seen)
  return tuple(o for o in seen for _ in range(channels // head))
