"""The parts of `on_gpu.py` that PyTorch computes, eager or compiled.

The model is `zeroi2v_torch`: `scaled_dot_product_attention`, autocast, frozen
weights in the compute type, fused AdamW. JAX only draws the weights, on the
CPU.
"""

import contextlib

import numpy as np
import torch
import zeroi2v_torch
from against_torch import check_same
from gpu_part import CHECKED, TOLERANCE, draw_weights

from i2v_jax.bench import timing
from i2v_jax.runtime import files


def find_platform() -> str:
  """Finds where PyTorch computes, in the words of JAX."""
  return 'gpu' if torch.cuda.is_available() else 'cpu'


class Theirs:
  """The peer on its device."""

  def __init__(self, model, params, compiled: bool):
    self.device = 'cuda' if find_platform() == 'gpu' else 'cpu'
    self.dtype = getattr(torch, np.dtype(model.image_model.dtype).name)
    self.module = zeroi2v_torch.build(model, params).to(self.device)
    for weight in self.module.parameters():
      if weight.ndim > 1 and not weight.requires_grad:  # as ours
        weight.data = weight.data.to(self.dtype)
    self.run = self.module
    if compiled:
      self.run = torch.compile(self.module, dynamic=False)

  def place(self, clips: np.ndarray):
    """Places clips in the layout and type that it takes."""
    moved = torch.from_numpy(np.moveaxis(clips, -1, 2).copy())
    return moved.to(self.device, self.dtype)

  def autocast(self):
    if self.dtype == torch.float32:
      return contextlib.nullcontext()
    return torch.autocast(self.device, self.dtype)

  def wait(self):
    if self.device == 'cuda':
      torch.cuda.synchronize()

  def make_forward(self, clips, run=None):
    run = run or self.run

    def call():
      with torch.inference_mode(), self.autocast():
        logits = run(clips)
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
      return logits.detach()

    return call

  def measure_matmul(self, side: int, rounds: int) -> float:
    """Measures the FLOP/s of a product of square matrices of random values."""
    x = torch.randn(side, side, device=self.device).to(self.dtype)

    def call():
      torch.matmul(x, x)
      self.wait()

    times = timing.alternate({'': call}, rounds)['']
    return 2 * side**3 / float(np.median(times))


def measure(part, model, clips: np.ndarray) -> dict:
  """Measures a work; running out of memory is a result."""
  found = {'platform': find_platform(), 'version': torch.__version__}
  on_gpu = found['platform'] == 'gpu'
  found['device'] = torch.cuda.get_device_name() if on_gpu else 'cpu'
  theirs = Theirs(model, draw_weights(model), part['side'] == 'compiled')
  try:
    return found | measure_work(part, theirs, clips)
  except torch.cuda.OutOfMemoryError as error:
    return found | {'out_of_memory': str(error).splitlines()[0]}


def measure_work(part, theirs: Theirs, clips: np.ndarray) -> dict:
  """Measures the forward pass or training; first compares logits.

  Those that all sides are compared with are of the eager module.
  """
  name = str(theirs.dtype).removeprefix('torch.')
  first = theirs.place(clips[:CHECKED])
  expected = read(theirs.make_forward(first, theirs.module)())
  if part['side'] == 'torch':
    with files.replacing(part['logits']) as new, new.open('wb') as file:
      np.savez(file, logits=expected, platform=find_platform())
  clips = theirs.place(clips)
  is_training = part['work'] == 'training'
  make = theirs.make_training if is_training else theirs.make_forward
  call = make(clips)
  check_same(read(call())[:CHECKED], expected, TOLERANCE[name])
  on_gpu = theirs.device == 'cuda'
  if on_gpu:  # without what the compiler tried
    torch.cuda.reset_peak_memory_stats()
  times = timing.alternate({'': call}, part['rounds'])['']
  return {
    'seconds': float(np.median(times)),
    'peak_bytes': torch.cuda.max_memory_allocated() if on_gpu else None,
    'matmul_flops': theirs.measure_matmul(part['matmul'], part['rounds']),
  }


def read(logits) -> np.ndarray:
  return logits.float().cpu().numpy()
