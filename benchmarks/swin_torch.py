"""Swin in plain, idiomatic PyTorch, and ZeroI2V on it.

Written from the papers (arXiv 2103.14030, 2310.01324); the same function of the
same weights as `i2v_jax.VideoClassifier`, made fast: one product for q, k and
v, `scaled_dot_product_attention`, no gradients of frozen weights.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from zeroi2v_torch import Adapter, adapt, add_block, add_linear, add_norm, shift

EPS = 1e-5
FORBIDDEN = -100.0  # added to the logits of pairs that a mask forbids
TRAINED = {'adapters', 'table', 'ln_post', 'head'}


class Attention(nn.Module):
  """Attention within windows; heads of k and v look at other frames."""

  def __init__(self, width, num_heads, side, window, step, offsets):
    super().__init__()
    self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
    self.table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, num_heads))
    self.num_heads, self.window, self.step = num_heads, window, step
    self.count, self.offsets = side // window, offsets
    self.register_buffer('pairs', index_pairs(window), persistent=False)
    mask = make_mask(side, window, step) if step else None
    self.register_buffer('mask', mask, persistent=False)

  def cut(self, x_BxTxHxWxD):
    """Tokens by windows, `B x T x windows x tokens x D`."""
    x, count = x_BxTxHxWxD, self.count
    if self.step:
      x = x.roll((-self.step, -self.step), (2, 3))
    x = x.unflatten(3, (count, -1)).unflatten(2, (count, -1))
    return x.transpose(3, 4).flatten(4, 5).flatten(2, 3)

  def join(self, x):
    """The inverse of `cut`."""
    x = x.unflatten(3, (self.window, -1)).unflatten(2, (self.count, -1))
    x = x.transpose(3, 4).flatten(4, 5).flatten(2, 3)
    return x.roll((self.step, self.step), (2, 3)) if self.step else x

  def relocate(self, y_BxTxWxLxNxK):
    """Moves heads by `offsets`; those without one stay in one piece."""
    pieces = [
      shift(y_BxTxWxLxNxK[..., head : head + 1, :], offset)
      for head, offset in enumerate(self.offsets)
    ]
    pieces.append(y_BxTxWxLxNxK[..., len(pieces) :, :])
    return torch.cat(pieces, dim=-2)

  def make_bias(self):
    """What is added to the logits, `windows or 1 x N x L x L`."""
    bias = self.table[self.pairs].permute(2, 0, 1)[None]
    return bias if self.mask is None else bias + self.mask[:, None]

  def forward(self, x_BxTxHxWxD):
    u = self.cut(x_BxTxHxWxD)
    q, k, v = self.qkv(u).unflatten(-1, (3, self.num_heads, -1)).unbind(-3)
    if self.offsets:
      k, v = self.relocate(k), self.relocate(v)
    q, k, v = (y.transpose(-3, -2).flatten(0, 1) for y in (q, k, v))
    y = attend(q, k, v, self.make_bias())
    return self.join(self.out(y.transpose(-3, -2).reshape(u.shape)))


def attend(q, k, v, bias):
  """Attention of maps of windows, `B x windows x N x L x K`.

  On a CPU the fused kernel is faster, but lacks the gradient of a bias; what
  takes its place then is slower than these products.
  """
  if torch.is_grad_enabled():
    logits = (q * q.shape[-1] ** -0.5) @ k.mT
    return (logits + bias).softmax(-1) @ v
  if len(bias) > 1:  # the kernel takes one axis for maps and windows
    bias = bias.repeat(len(q), 1, 1, 1)
  fused = functional.scaled_dot_product_attention
  y = fused(*(x.flatten(0, 1) for x in (q, k, v)), attn_mask=bias)
  return y.view(q.shape)


class Block(nn.Module):
  """A block of the image model, with adapters in it."""

  def __init__(self, attn, width, adapters):
    super().__init__()
    self.ln1, self.ln2 = nn.LayerNorm(width, EPS), nn.LayerNorm(width, EPS)
    self.attn, self.adapters = attn, nn.ModuleDict(adapters)
    self.fc1, self.fc2 = (
      nn.Linear(width, 4 * width),
      nn.Linear(4 * width, width),
    )

  def forward(self, x):
    stack = self.adapters
    u = self.attn(adapt(stack, 'qkv', self.ln1(x)))
    x = x + adapt(stack, 'out', u)
    u = self.fc1(adapt(stack, 'fc1', self.ln2(x)))
    return x + adapt(stack, 'fc2', self.fc2(functional.gelu(u)))


class Merging(nn.Module):
  """2 x 2 tokens become one of twice the width; the one below comes second."""

  def __init__(self, width):
    super().__init__()
    self.ln = nn.LayerNorm(4 * width, EPS)
    self.fc = nn.Linear(4 * width, 2 * width, bias=False)

  def forward(self, x_BxTxHxWxD):
    x = x_BxTxHxWxD.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
    return self.fc(self.ln(x.permute(0, 1, 2, 4, 5, 3, 6).flatten(4)))


class Swin(nn.Module):
  """Clips `B x T x 3 x H x W` to logits; an image is a clip of one frame.

  Takes the fields of `SwinConfig`, offsets of heads for each stage, and places,
  rank (a share of the width) and scale of the adapters.
  """

  def __init__(self, cfg, classes, offsets, places=(), rank=0.25, scale=1.0):
    super().__init__()
    width, patch = cfg['embed_dim'], cfg['patch_size']
    side, layers, size = cfg['image_size'] // patch, [], (patch, patch)
    self.patch = nn.Conv3d(3, width, *[(cfg['tubelet'], *size)] * 2)
    self.ln_patch = nn.LayerNorm(width, EPS)
    for stage, depth in enumerate(cfg['depths']):
      if stage:
        layers.append(Merging(width))
        side, width = side // 2, 2 * width
      window, heads = min(cfg['window'], side), cfg['num_heads'][stage]
      for i in range(depth):
        step = window // 2 if i % 2 and side > window else 0
        attn = Attention(width, heads, side, window, step, offsets[stage])
        sizes = width, int(width * rank), scale
        layers.append(Block(attn, width, {x: Adapter(*sizes) for x in places}))
    self.layers = nn.Sequential(*layers)
    self.ln_post, self.head = (
      nn.LayerNorm(width, EPS),
      nn.Linear(width, classes),
    )
    for name, weight in self.named_parameters():
      weight.requires_grad_(not TRAINED.isdisjoint(name.split('.')))

  def forward(self, video_BxTx3xHxW):
    x = self.patch(video_BxTx3xHxW.transpose(1, 2))
    x = self.layers(self.ln_patch(x.permute(0, 2, 3, 4, 1)))
    return self.head(self.ln_post(x).mean((1, 2, 3)))


def index_pairs(window):
  """Row of a table for each pair of tokens of a window, query first."""
  y, x = torch.arange(window**2) // window, torch.arange(window**2) % window
  rows, columns = (z[:, None] - z + window - 1 for z in (y, x))
  return rows * (2 * window - 1) + columns


def make_mask(side, window, step):
  """What to add to the logits of a rolled map, `windows x L x L`."""
  place = torch.arange(side)
  band = (place >= side - window).int() + (place >= side - step).int()
  regions = (3 * band[:, None] + band).unflatten(1, (-1, window))
  regions = regions.unflatten(0, (-1, window)).transpose(1, 2)
  regions = regions.reshape(-1, window**2)
  return FORBIDDEN * (regions[:, :, None] != regions[:, None]).float()


def build(arguments, params):
  """Builds the peer from the arguments of `Swin`, with our parameters."""
  peer = Swin(**arguments)
  peer.load_state_dict(convert_state(params, arguments['cfg']['depths']))
  return peer


def convert_state(params, depths):
  """Converts our parameters to the names and shapes of the peer."""
  backbone, flat, layer, index = params['backbone'], {}, 0, 0
  kernel = np.asarray(backbone['patch']['kernel'])
  kernel = kernel if kernel.ndim == 5 else kernel[None]
  flat['patch.weight'] = kernel.transpose(4, 3, 0, 1, 2)
  flat['patch.bias'] = backbone['patch']['bias']
  for name in ('ln_patch', 'ln_post'):
    add_norm(flat, name, backbone[name])
  add_linear(flat, 'head', params['head'])
  for stage, depth in enumerate(depths):
    if stage:
      merging = backbone[f'merges_{stage - 1}']
      add_norm(flat, f'layers.{layer}.ln', merging['ln'])
      add_linear(flat, f'layers.{layer}.fc', merging['fc'])
      layer += 1
    for _ in range(depth):
      _add_block(flat, f'layers.{layer}', params, f'blocks_{index}')
      layer, index = layer + 1, index + 1
  return {k: torch.from_numpy(np.array(v, 'f4')) for k, v in flat.items()}


def _add_block(flat, name, params, ours):
  block = params['backbone'][ours]
  add_block(flat, name, block, f'{name}.attn')
  flat[f'{name}.attn.table'] = block['attn']['bias']
  for place, adapter in params.get('adapters', {}).get(ours, {}).items():
    for layer, weights in adapter.items():
      add_linear(flat, f'{name}.adapters.{place}.{layer}', weights)
