"""One side of `against_torch.py`, in a process of its own.

Arguments: `i2v` or `torch`, the work, and the folder that `against_torch.py`
wrote. Answers each line of stdin (`logits`, `run`, `peak`) with a line of JSON.
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
  """Reads `(facts of the model, its parameters, a clip)`."""
  facts = json.loads((folder / 'model.json').read_text(encoding='utf-8'))
  tree = {}
  with safe_open(folder / 'weights.safetensors', 'numpy') as file:
    for path in file.keys():  # noqa: SIM118
      *parents, last = path.split('/')
      node = tree
      for name in parents:
        node = node.setdefault(name, {})
      node[last] = file.get_tensor(path)
  side = facts['grid'] * facts['patch_size']
  shape = (1, facts['spec']['num_frames'], side, side, 3)
  return facts, tree, np.random.default_rng(1).standard_normal(shape, 'f4')


def make_i2v(work, facts, params, clip):
  """Makes `(logits, a call of the work)`, in JAX."""
  import jax

  from i2v_jax import params as params_lib
  from i2v_jax.models.build import build
  from i2v_jax.runtime import compilation

  model = build(facts['spec'], facts['num_classes'])
  place = lambda x: jax.tree.map(jax.numpy.asarray, x)

  def forward(params, clip):
    return model.apply({'params': params}, clip)

  def loss(mine, frozen, clip):
    logits = forward(params_lib.join(mine, frozen), clip)
    return -jax.nn.log_softmax(logits)[0, 0], logits

  if work == 'training':
    function = jax.grad(loss, has_aux=True)
    arrays = place((*params_lib.split(params, facts['trainable']), clip))
  else:
    function, arrays = forward, place((params, clip))
  params.clear()
  options = compilation.OPTIONS.get(jax.default_backend())
  program = jax.jit(function).lower(*arrays).compile(compiler_options=options)
  run = lambda: jax.block_until_ready(program(*arrays))
  found = run()
  return found[1] if work == 'training' else found, run


def make_torch(work, facts, params, clip):
  """Makes `(logits, a call of the work)`, in PyTorch."""
  import torch
  import zeroi2v_torch

  model = types.SimpleNamespace(
    image_model=types.SimpleNamespace(**facts),
    num_frames=facts['spec']['num_frames'],
    num_classes=facts['num_classes'],
    adapter=facts['adapter'],
  )
  model = zeroi2v_torch.build(model, params)
  params.clear()
  clip = torch.from_numpy(np.moveaxis(clip, -1, 2).copy())

  def training():
    model.zero_grad(set_to_none=True)
    logits = model(clip)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0])).backward()
    return logits.detach()

  forward = torch.inference_mode()(lambda: model(clip))
  run = training if work == 'training' else forward
  return run(), run


def main(side, work, folder):
  sides = {'i2v': make_i2v, 'torch': make_torch}
  logits, run = sides[side](work, *read(pathlib.Path(folder)))
  for question in map(str.strip, sys.stdin):
    if question == 'logits':
      answer = np.asarray(logits).tolist()
    elif question == 'run':
      start = time.perf_counter()
      run()
      answer = time.perf_counter() - start
    elif question == 'peak':
      unit = 1 if sys.platform == 'darwin' else 1024
      answer = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(answer), flush=True)


if __name__ == '__main__':
  main(*sys.argv[1:])
