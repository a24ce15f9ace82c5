"""Trains on 8 emulated devices in every layout; test_layouts.py runs it.

  python tests/support/layouts_on_devices.py MODEL

prints what it found as JSON. With DIGITS WORKDIR in place of MODEL it trains
the smoke test of the quickstart there. Small arrays are cut, too, so that small
models show what large ones do.
"""

import json
import pathlib
import shutil
import sys

import jax
import numpy as np
import optax
import quick
import small

from i2v_jax import params as params_lib
from i2v_jax.models.inputs import INPUTS
from i2v_jax.runtime import sharding
from i2v_jax.training import loop, memory
from i2v_jax.training.imbalance import Imbalance
from i2v_jax.training.run import init_state, place_frozen
from i2v_jax.training.train_step import jit_step, make_train_step

SWIGLU = dict(width=32, depth=2, num_heads=4, patch_size=4, image_size=16)
SWIGLU |= dict(family='dinov2', activation='swiglu', mlp_dim=48)
HEADS = {'name': 'zeroi2v', 'offsets': (-1, 1)}
MODELS = {
  'zeroi2v': small.build(HEADS, depth=1),
  'aim': small.build({'name': 'aim', 'drop_path': 0.2}),
  'dualpath': small.build(
    {'name': 'dualpath', 'grid': (2, 2), 'spatial_frames': 2, 'rank': 8},
    depth=1,
  ),
  'evl': small.build({'name': 'evl', 'layers': 2}),
  'swiglu': small.build(HEADS, backbone=SWIGLU),
  'swin': small.on_swin(
    dict(name='zeroi2v', heads='quarter'),
    embed_dim=32,
    depths=(2, 1),
    bias='per_frame',
    steps=4,
  ),
}
# Clips of it have any number of labels, of uneven classes, and are mixed.
LABELLED = 'several labels'
MODELS[LABELLED] = small.build({'name': 'aim'}, depth=1)
UNEVEN = dict(
  imbalance=Imbalance(np.array([0.5, 2, 1], 'f4'), np.array([1, 0, -1], 'f4')),
  label_smoothing=0.1,
  mixup=0.8,
)
WHOLE = dict(model=1, frozen='replicated', trained='replicated')
LAYOUTS = {
  'replicated': WHOLE,
  'data': dict(model=1, frozen='data', trained='data'),
  'model': dict(model=2, frozen='model', trained='model'),
  'both': dict(model=4, frozen='model', trained='data'),
}


def batch_of(model, rows=8):
  """Random clips, one of which counts for nothing."""
  rng = np.random.default_rng(0)
  clips = {
    key: rng.integers(0, 256, (rows, *shape), np.uint8)
    for key, shape in zip(INPUTS, model.input_shapes, strict=False)
  }
  label = rng.integers(0, model.num_classes, rows, np.int32)
  clips |= {'label': label, 'mask': (np.arange(rows) > 0).astype('f4')}
  if model is MODELS[LABELLED]:
    shape = rows, model.num_classes
    clips |= {'targets': rng.integers(0, 2, shape, np.uint8)}
  return clips


def three_steps(model, layouts, devices=None):
  """The state behind them, what was frozen, and the loss of the last."""
  mesh = sharding.make_mesh(layouts['model'], devices)
  params = small.random(model)
  trained = [part for part in params if part != 'backbone']
  mine, frozen = params_lib.split(params, trained)
  tx = optax.adamw(1e-3, eps=1e-4)
  state = init_state(mine, tx, layouts['trained'], mesh)
  frozen = place_frozen(frozen, np.float32, layouts['frozen'], mesh)
  options = UNEVEN if model is MODELS[LABELLED] else {}
  step = make_train_step(model, tx, normalization='clip', **options)
  step = jit_step(step, state, mesh)
  batch = sharding.put(batch_of(model), mesh)
  for _ in range(3):
    state, metrics = step(state, frozen, batch)
  return state, frozen, float(metrics['loss'])


def difference(found, wanted):
  """Largest one between two trees of arrays."""
  apart = lambda x, y: float(np.abs(np.asarray(x) - np.asarray(y)).max())
  return max(jax.tree.leaves(jax.tree.map(apart, found, wanted)))


def compare(model):
  """What each layout gives, against one device."""
  state, frozen, loss = three_steps(model, WHOLE, jax.devices()[:1])
  start = params_lib.split(small.random(model), tuple(state.params))[0]
  found = {'moved': difference(state.params, start)}
  for name, layouts in LAYOUTS.items():
    cut, cut_frozen, cut_loss = three_steps(model, layouts)
    share = lambda part, whole: (
      memory.count_bytes(part) / memory.count_bytes(whole)
    )
    found[name] = {
      'params': difference(cut.params, state.params),
      'opt_state': difference(cut.opt_state, state.opt_state),
      'loss': abs(cut_loss - loss),
      'share_of_state': share(cut, state),
      'share_of_frozen': share(cut_frozen, frozen),
    }
  return found


def run(digits, workdir):
  """The smoke test of the quickstart: a layout, then resumed in another."""
  config = quick.make_config()
  config.data.root, config.compare = digits, {}
  config.steps, config.checkpoint_every = 3, 1
  config.mesh = LAYOUTS['data']
  loop.train_and_evaluate(config, workdir)
  shutil.rmtree(pathlib.Path(workdir) / 'checkpoints' / '3')
  config.mesh = LAYOUTS['both']
  loop.train_and_evaluate(config, workdir)


if __name__ == '__main__':
  sharding.SMALL = 128
  if len(sys.argv) == 2:
    print(json.dumps(compare(MODELS[sys.argv[1]])))
  else:
    run(*sys.argv[1:])
