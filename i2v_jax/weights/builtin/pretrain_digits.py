r"""Makes small image models that recognise still digits.

  python -m i2v_jax.weights.builtin.pretrain_digits --out digits_vit.safetensors
  python -m i2v_jax.weights.builtin.pretrain_digits --model swin \
    --out digits_swin.safetensors

It learns which digit a 32x32 frame shows and where (8 columns, 8 rows), from
single frames only, and never sees digits of `val`. The accuracies it prints
are stored in the file.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from i2v_jax.backbones.image_model import (
  ImageModel,
  make_config,
  make_module,
)
from i2v_jax.backbones.normalization import normalize
from i2v_jax.data.sets import digits
from i2v_jax.weights.formats import native

SIZES = {
  'vit': dict(family='clip', width=64, depth=4, num_heads=4, patch_size=8),
  'swin': dict(
    family='swin', embed_dim=32, depths=(2, 4), num_heads=(4, 8), window=4
  ),
}
BINS = 8


class Pretraining(nn.Module):
  """The image model under three linear heads on its pooled features."""

  cfg: ImageModel

  def setup(self):
    self.backbone = make_module(self.cfg)
    self.heads = [nn.Dense(10), nn.Dense(BINS), nn.Dense(BINS)]

  def __call__(self, image_BxHxWxC):
    y_BxD = self.backbone(image_BxHxWxC, pooled=True)
    return [head(y_BxD) for head in self.heads]


def make_batch(images, labels, size, rng):
  """Makes frames of random digits at random places, with three labels each."""
  which = rng.integers(len(images), size=size)
  x, y = rng.integers(digits.ROOM, size=(2, size), endpoint=True)
  frames = digits.render(images[which], x, y)
  bins = (v * BINS // (digits.ROOM + 1) for v in (x, y))
  return frames, (labels[which], *bins)


def compute_logits(cfg, params, frames):
  pixels = normalize(jnp.asarray(frames), 'half')
  return Pretraining(cfg).apply({'params': params}, pixels)


def train(cfg: ImageModel, steps: int, seed: int = 0) -> dict:
  """Trains on `steps` batches of 128 still frames; returns the parameters."""
  rng = np.random.default_rng(seed)
  images, labels = digits.load_images()['train']
  frames, _ = make_batch(images, labels, 1, rng)
  init = jax.jit(Pretraining(cfg).init)
  params = init(jax.random.key(seed), normalize(frames, 'half'))['params']
  schedule = optax.warmup_cosine_decay_schedule(0.0, 2e-3, 100, steps)
  tx = optax.adamw(schedule, weight_decay=0.05)

  @jax.jit
  def step(params, opt_state, frames, targets):
    def loss_fn(params):
      cross_entropy = optax.softmax_cross_entropy_with_integer_labels
      pairs = zip(compute_logits(cfg, params, frames), targets, strict=True)
      return sum(cross_entropy(*pair).mean() for pair in pairs)

    grads = jax.grad(loss_fn)(params)
    updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state

  opt_state = tx.init(params)
  for _ in range(steps):
    args = make_batch(images, labels, 128, rng)
    params, opt_state = step(params, opt_state, *args)
  return params


def measure_accuracies(cfg, params, count: int = 4000) -> dict[str, float]:
  """Measures held-out accuracy of digit, column and row."""
  rng = np.random.default_rng(1)
  frames, targets = make_batch(*digits.load_images()['val'], count, rng)
  found = jax.jit(compute_logits, static_argnums=0)(cfg, params, frames)
  names = ('digit', 'column', 'row')
  return {
    name: round(float((logits.argmax(-1) == target).mean()), 4)
    for name, logits, target in zip(names, found, targets, strict=True)
  }


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--out', required=True)
  parser.add_argument('--model', choices=sorted(SIZES), default='vit')
  parser.add_argument('--steps', type=int, default=3000)
  args = parser.parse_args()
  cfg = make_config(SIZES[args.model], image_size=digits.SIZE)
  params = train(cfg, args.steps)
  measured = measure_accuracies(cfg, params)
  native.write(
    args.out,
    params['backbone'],
    np.float16,
    vit=native.describe_config(cfg),
    normalization='half',
    val_accuracy=measured,
  )
  print(f'{args.out}: held-out accuracy {measured}')


if __name__ == '__main__':
  main()
