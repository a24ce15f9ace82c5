"""One side of a comparison with PyTorch, in a process of its own.

Arguments: `i2v` or `torch`, the work, and the folder that `against_torch.py` or
`swin_against_torch.py` wrote. Answers each line of stdin (`logits`, `run`,
`peak`, and of i2v `macs`) with a line of JSON. The work `matmul` of i2v is the
largest matrix product of the model.
"""

import json
import pathlib
import resource
import sys
import time
import types

import numpy as np
from safetensors import safe_open


def read(folder):
  """Reads `(facts of the model, its parameters, a batch of clips)`."""
  facts = json.loads((folder / 'model.json').read_text(encoding='utf-8'))
  tree = {}
  with safe_open(folder / 'weights.safetensors', 'numpy') as file:
    for path in file.keys():  # noqa: SIM118
      *parents, last = path.split('/')
      node = tree
      for name in parents:
        node = node.setdefault(name, {})
      node[last] = file.get_tensor(path)
  rng = np.random.default_rng(1)
  return facts, tree, rng.standard_normal(facts['clips'], 'f4')


def make_i2v(work, facts, params, clips):
  """Makes what answers each question, in JAX."""
  import jax

  from i2v_jax import params as params_lib
  from i2v_jax.models.build import build
  from i2v_jax.runtime import compilation

  model = build(facts['spec'], facts['num_classes'], remat=facts['remat'])
  if work == 'matmul':
    return make_matmul(model, len(clips))
  place = lambda x: jax.tree.map(jax.numpy.asarray, x)

  def forward(params, clips):
    return model.apply({'params': params}, clips)

  def loss(mine, frozen, clips):
    logits = forward(params_lib.join(mine, frozen), clips)
    return -jax.nn.log_softmax(logits)[:, 0].mean(), logits

  if work == 'training':
    function = jax.grad(loss, has_aux=True)
    arrays = place((*params_lib.split(params, facts['trainable']), clips))
  else:
    function, arrays = forward, place((params, clips))
  params.clear()
  options = compilation.OPTIONS.get(jax.default_backend())
  lowered = jax.jit(function).lower(*arrays)
  program = lowered.compile(compiler_options=options)
  run = lambda: jax.block_until_ready(program(*arrays))

  found = run()
  return {
    'logits': lambda: found[1] if work == 'training' else found,
    'run': lambda: measure(run),
    'macs': lambda: compilation.count_xla_macs(lowered),
  }


def make_matmul(model, batch):
  """Makes what answers each question about a matrix product."""
  import jax

  from i2v_jax.bench import timing

  product, flops = timing.compile_matmul(model, batch)
  run = lambda: jax.block_until_ready(product())
  run()
  return {'run': lambda: measure(run), 'macs': lambda: flops / 2}


def make_torch(work, facts, params, clips):
  """Makes what answers each question, in PyTorch."""
  import torch

  model = (build_swin if 'swin' in facts else build_vit)(facts, params)
  params.clear()
  clips = torch.from_numpy(np.moveaxis(clips, -1, 2).copy())
  labels = torch.zeros(len(clips), dtype=torch.long)

  def training():
    model.zero_grad(set_to_none=True)
    logits = model(clips)
    torch.nn.functional.cross_entropy(logits, labels).backward()
    return logits.detach()

  forward = torch.inference_mode()(lambda: model(clips))
  run = training if work == 'training' else forward
  logits = run()
  return {'logits': lambda: logits, 'run': lambda: measure(run)}


def build_vit(facts, params):
  import zeroi2v_torch

  model = types.SimpleNamespace(
    image_model=types.SimpleNamespace(**facts),
    num_frames=facts['spec']['num_frames'],
    num_classes=facts['num_classes'],
    adapter=facts['adapter'],
  )
  return zeroi2v_torch.build(model, params)


def build_swin(facts, params):
  import swin_torch

  return swin_torch.build(facts['swin'], params)


def measure(run):
  """Measures the seconds of a call."""
  start = time.perf_counter()
  run()
  return time.perf_counter() - start


def read_peak():
  """Reads the peak memory of this process, in bytes."""
  unit = 1 if sys.platform == 'darwin' else 1024
  return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(side, work, folder):
  sides = {'i2v': make_i2v, 'torch': make_torch}
  answers = sides[side](work, *read(pathlib.Path(folder)))
  answers['peak'] = read_peak
  for question in map(str.strip, sys.stdin):
    answer = answers[question]()
    print(json.dumps(np.asarray(answer).tolist()), flush=True)


if __name__ == '__main__':
  main(*sys.argv[1:])
