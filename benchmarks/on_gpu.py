r"""ZeroI2V on an accelerator, in turn with PyTorch: forward and training.

  python benchmarks/on_gpu.py --config configs/zeroi2v_k400.py:variant=L/14 \
    --out on_gpu.json

Both take turns in one process, in bfloat16. The forward passes are checked to
give the same logits; training steps do the same products, and only ours draws
dropout. Theirs is `zeroi2v_torch`: `scaled_dot_product_attention`,
autocast, frozen weights in the compute type, fused AdamW; `--compile` adds
torch.compile. The peak is measured with a large matrix product in JAX.
"""

import argparse
import contextlib
import os
import sys

# Two frameworks share one card.
os.environ.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')

import jax
import jax.numpy as jnp
import numpy as np
import torch
import zeroi2v_torch

from i2v_jax.bench import costs, timing
from i2v_jax.bench.measure import draw_params, make_step
from i2v_jax.cli.arguments import add_config, add_json, add_rounds, add_set
from i2v_jax.cli.bench import CONFIG
from i2v_jax.cli.numbers import count
from i2v_jax.models.inputs import clip_shapes
from i2v_jax.runtime import compilation, errors, files, sharding
from i2v_jax.runtime.console import console, make_table
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_files, counts, experiment, memory

TOLERANCE = {'float32': 1e-3, 'bfloat16': 0.1}  # of the largest logit
COLUMNS = ('work', 'batch', 'i2v ms', 'torch ms', 'i2v is', 'i2v MFU')
COLUMNS += ('torch MFU',)


class Theirs:
  """The peer in PyTorch, on the same kind of device."""

  def __init__(self, model, params, compiled: bool):
    self.device = 'cuda' if jax.default_backend() == 'gpu' else 'cpu'
    self.dtype = getattr(torch, np.dtype(model.image_model.dtype).name)
    self.module = zeroi2v_torch.build(model, params).to(self.device)
    for weight in self.module.parameters():
      if weight.ndim > 1 and not weight.requires_grad:  # as ours
        weight.data = weight.data.to(self.dtype)
    self.run = torch.compile(self.module) if compiled else self.module

  def make_clips(self, shape):
    """Makes black clips in the layout and type that it takes."""
    batch, frames, height, width, channels = shape
    sizes = batch, frames, channels, height, width
    return torch.zeros(sizes, device=self.device, dtype=self.dtype)

  def autocast(self):
    if self.dtype == torch.float32:
      return contextlib.nullcontext()
    return torch.autocast(self.device, self.dtype)

  def wait(self):
    if self.device == 'cuda':
      torch.cuda.synchronize()

  def make_forward(self, clips):
    def call():
      with torch.inference_mode(), self.autocast():
        logits = self.run(clips)
      self.wait()
      return logits

    return call

  def make_training(self, clips):
    mine = [w for w in self.module.parameters() if w.requires_grad]
    tx = torch.optim.AdamW(mine, 3e-4, fused=True)
    labels = torch.zeros(len(clips), dtype=torch.long, device=self.device)

    def call():
      tx.zero_grad()
      with self.autocast():
        logits = self.run(clips)
      torch.nn.functional.cross_entropy(logits.float(), labels).backward()
      tx.step()
      self.wait()

    return call


def measure(config, sizes, rounds: int, compiled: bool) -> list[dict]:
  """Measures each work and batch size in turn with PyTorch; a row for each."""
  classes, rows = costs.count_classes(config), []
  model = experiment.build_model(config, classes)
  merged = counts.build_deployed(model)
  for size in sizes:
    for name, made in (('forward, merged', merged), ('training', model)):
      params = draw_params(made, {})
      theirs = Theirs(made, params, compiled)
      clips = theirs.make_clips(clip_shapes(made, size)[0].shape)
      if name == 'training':
        ours, macs = make_training(config, classes, size)
        other = theirs.make_training(clips)
      else:
        ours, _ = timing.compile_forward(made, params, size)
        macs = counts.count_costs(config, made).view_macs
        other = theirs.make_forward(clips)
        check(ours(), other(), np.dtype(made.image_model.dtype).name)
      times = timing.alternate({'i2v': ours, 'torch': other}, rounds)
      seconds = {key: float(np.median(found)) for key, found in times.items()}
      ratio = float(np.median(times['torch'] / times['i2v']))
      rows.append(
        {'work': name, 'batch': size, 'flops': 2 * macs * size}
        | {'seconds': seconds, 'torch_by_i2v': ratio}
      )
  return rows


def make_training(config, classes: int, size: int):
  """Makes our training step on one device, and counts its MACs per clip."""
  mesh = sharding.make_mesh(devices=jax.devices()[:1])
  lowered, inputs = memory.lower_step(config, mesh, classes, size)
  step = make_step(lowered.compile(), inputs)
  return step, compilation.count_xla_macs(lowered) / size


def check(ours, theirs, dtype: str) -> None:
  """Raises UserError unless both sides computed the same logits."""
  theirs = theirs.float().cpu().numpy()
  apart = np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs).max()
  if not apart <= TOLERANCE[dtype]:
    raise UserError(
      f'The logits differ by {apart:.1%} of the largest; the two sides do '
      'not do the same work.'
    )


def measure_peak(dtype, side: int, rounds: int) -> float:
  """Measures the FLOP/s of a product of square matrices."""
  x = jnp.ones((side, side), dtype)
  product = jax.jit(jnp.matmul)
  times = timing.alternate({'': lambda: product(x, x)}, rounds)['']
  return 2 * side**3 / float(np.median(times))


def show(rows, flops: float) -> None:
  device = jax.devices()[0].device_kind
  title = f'{device}, {flops / 1e12:.3g} TFLOP/s measured'
  cells = []
  for row in rows:
    seconds = [row['seconds'][key] for key in ('i2v', 'torch')]
    milliseconds = (f'{1e3 * x:.2f}' for x in seconds)
    shares = (f'{row["flops"] / x / flops:.1%}' for x in seconds)
    ratio = f'{row["torch_by_i2v"]:.2f}x'
    cells.append([row['work'], row['batch'], *milliseconds, ratio, *shares])
  console.print(make_table(title, COLUMNS, cells))


def run(args) -> None:
  config = config_files.load_config(args.config, args.set)
  flops = measure_peak(experiment.choose_dtype(config), args.side, args.rounds)
  rows = measure(config, args.batch or [8, 64], args.rounds, args.compile)
  show(rows, flops)
  if args.out:
    found = {'peak_flops': flops, 'rows': rows, 'set': args.set}
    found |= {'config': args.config, 'torch': torch.__version__}
    files.write_json(args.out, found)


def main(argv=None) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add_config(parser, 'Config file', CONFIG)
  add_set(parser, 'Change the config.')
  add = parser.add_argument
  add(
    '--batch',
    type=count,
    action='append',
    help='Batch size (default: 8 and 64). Can be repeated.',
  )
  add_rounds(parser, 20)
  add(
    '--side',
    type=count,
    default=8192,
    help='Side of the matrices for the peak (default: 8192).',
  )
  add('--compile', action='store_true', help='Use torch.compile.')
  add_json(parser, 'File for the rows, as JSON.')
  sys.exit(errors.run_guarded(run, parser.parse_args(argv)))


if __name__ == '__main__':
  main()
