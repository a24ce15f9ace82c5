"""ZeroI2V on CLIP's ViT in plain, idiomatic PyTorch.

Written from docs/methods.md; the same function of the same weights as
`i2v_jax.VideoClassifier`, made fast: one product for q, k and v,
`scaled_dot_product_attention`, no gradients of frozen weights.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

TRAINED = ('adapters', 'temporal_embedding', 'ln_post', 'head')
PLACES = {  # of adapters, by their number
  0: (),
  2: ('qkv', 'fc1'),
  3: ('qkv', 'out', 'fc1'),
  4: ('qkv', 'out', 'fc1', 'fc2'),
}


class Adapter(nn.Module):
  """x + scale * up(down(x))."""

  def __init__(self, width, rank, scale):
    super().__init__()
    self.down, self.up = nn.Linear(width, rank), nn.Linear(rank, width)
    self.scale = scale

  def forward(self, x):
    branch = self.up(self.down(x))
    return x + branch if self.scale == 1 else x.add(branch, alpha=self.scale)


class Block(nn.Module):
  """The frozen block of the image ViT; heads of k, v look at other frames."""

  def __init__(self, width, num_heads, hidden, offsets):
    super().__init__()
    self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
    self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
    self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
    self.num_heads, self.offsets = num_heads, offsets

  def relocate(self, y_BxTxLxNxK):
    """Moves heads by `offsets`; those without one stay in one piece."""
    pieces = [
      shift(y_BxTxLxNxK[..., head : head + 1, :], offset)
      for head, offset in enumerate(self.offsets)
    ]
    pieces.append(y_BxTxLxNxK[..., len(pieces) :, :])
    return torch.cat(pieces, dim=-2)

  def attention(self, u_BxTxLxD):
    """Attention of every frame, with the keys and values of the moved heads."""
    shape = u_BxTxLxD.shape
    qkv = self.qkv(u_BxTxLxD).view(*shape[:-1], 3, self.num_heads, -1)
    q, k, v = qkv.unbind(-3)
    if self.offsets:
      k, v = self.relocate(k), self.relocate(v)
    frames = lambda y: y.flatten(0, 1).transpose(1, 2)
    y = functional.scaled_dot_product_attention(frames(q), frames(k), frames(v))
    return self.out(y.transpose(1, 2).reshape(shape))

  def mlp(self, u):
    h = self.fc1(u)
    return self.fc2(h * torch.sigmoid(1.702 * h))


def shift(y_BxT, offset):
  """Frame t becomes frame t + offset if that exists, and stays otherwise."""
  if offset > 0:
    return torch.cat([y_BxT[:, offset:], y_BxT[:, -offset:]], dim=1)
  if offset < 0:
    return torch.cat([y_BxT[:, :-offset], y_BxT[:, :offset]], dim=1)
  return y_BxT


def adapt(stack, place, x):
  return stack[place](x) if place in stack else x


class ZeroI2V(nn.Module):
  """Frames `B x T x 3 x H x W` to logits; without adapters it is merged."""

  def __init__(
    self,
    width,
    depth,
    num_heads,
    patch,
    grid,
    frames,
    classes,
    offsets=(),
    places=(),
    rank=0,
    scale=1.0,
  ):
    super().__init__()
    self.patch = nn.Conv2d(3, width, patch, patch, bias=False)
    self.cls = nn.Parameter(torch.zeros(width))
    self.pos = nn.Parameter(torch.zeros(1 + grid**2, width))
    self.temporal_embedding = nn.Parameter(torch.zeros(frames, width))
    self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
    block = lambda: Block(width, num_heads, 4 * width, offsets)
    self.blocks = nn.ModuleList(block() for _ in range(depth))
    stack = lambda: nn.ModuleDict(
      {place: Adapter(width, rank, scale) for place in places}
    )
    self.adapters = nn.ModuleList(stack() for _ in range(depth))
    self.head = nn.Linear(width, classes)
    for name, weight in self.named_parameters():
      weight.requires_grad_(name.partition('.')[0] in TRAINED)

  def embed(self, video_BxTx3xHxW):
    batch, frames = video_BxTx3xHxW.shape[:2]
    x = self.patch(video_BxTx3xHxW.flatten(0, 1)).flatten(2).transpose(1, 2)
    x = torch.cat([self.cls.expand(len(x), 1, -1), x], dim=1) + self.pos
    x = x.view(batch, frames, *x.shape[1:])
    return self.ln_pre(x + self.temporal_embedding[:, None])

  def forward(self, video_BxTx3xHxW):
    x = self.embed(video_BxTx3xHxW)
    for block, stack in zip(self.blocks, self.adapters, strict=True):
      u = block.attention(adapt(stack, 'qkv', block.ln1(x)))
      x = x + adapt(stack, 'out', u)
      u = block.mlp(adapt(stack, 'fc1', block.ln2(x)))
      x = x + adapt(stack, 'fc2', u)
    return self.head(self.ln_post(x[:, :, 0]).mean(1))


def build(model, params):
  """Builds the peer of a `VideoClassifier` on CLIP, with its parameters."""
  vit, adapter = model.image_model, dict(model.adapter)
  rank = adapter.get('rank', 0.25)
  peer = ZeroI2V(
    width=vit.width,
    depth=vit.depth,
    num_heads=vit.num_heads,
    patch=vit.patch_size,
    grid=vit.grid,
    frames=model.num_frames,
    classes=model.num_classes,
    offsets=tuple(adapter['offsets']),
    places=PLACES[adapter.get('num_adapters', 4)],
    rank=int(vit.width * rank) if rank < 1 else rank,
    scale=adapter.get('scale', 1.0),
  )
  peer.load_state_dict(convert_state(params))
  return peer


def convert_state(params):
  """Converts our parameters to the names and shapes of the peer."""
  backbone, flat = params['backbone'], {}
  flat['patch.weight'] = backbone['patch']['kernel'].transpose(3, 2, 0, 1)
  for name in ('cls', 'pos'):
    flat[name] = backbone[name]
  flat['temporal_embedding'] = params['temporal_embedding']
  for name in ('ln_pre', 'ln_post'):
    add_norm(flat, name, backbone[name])
  add_linear(flat, 'head', params['head'])
  for i in range(sum(name.startswith('blocks_') for name in backbone)):
    add_block(flat, f'blocks.{i}', backbone[f'blocks_{i}'])
    stack = params.get('adapters', {}).get(f'blocks_{i}', {})
    for place, adapter in stack.items():
      for name, layer in adapter.items():
        add_linear(flat, f'adapters.{i}.{place}.{name}', layer)
  return {k: torch.from_numpy(np.array(v, 'f4')) for k, v in flat.items()}


def add_block(flat, name, block, attn=None):
  """Adds a block; the names of its attention begin with `attn`, or `name`."""
  attn, (q, k, v) = attn or name, (block['attn'][x] for x in 'qkv')
  qkv = {x: np.concatenate([q[x], k[x], v[x]], -1) for x in ('kernel', 'bias')}
  add_linear(flat, f'{attn}.qkv', qkv)
  add_linear(flat, f'{attn}.out', block['attn']['out'])
  for layer in ('fc1', 'fc2'):
    add_linear(flat, f'{name}.{layer}', block['mlp'][layer])
  for norm in ('ln1', 'ln2'):
    add_norm(flat, f'{name}.{norm}', block[norm])


def add_linear(flat, name, layer):
  """Adds a linear layer, which may have no bias."""
  flat[f'{name}.weight'] = np.transpose(layer['kernel'])
  if 'bias' in layer:
    flat[f'{name}.bias'] = layer['bias']


def add_norm(flat, name, norm):
  """Adds a norm."""
  flat[f'{name}.weight'], flat[f'{name}.bias'] = norm['scale'], norm['bias']
