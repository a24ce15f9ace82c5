"""Small models with random parameters, and what tests ask of them."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import published
from flax.traverse_util import flatten_dict
from jax.extend import core
from jax.sharding import AbstractMesh, AxisType

import i2v_jax
from configs import detection_quickstart, quickstart
from i2v_jax import params as params_lib
from i2v_jax.backbones.image_model import make_module
from i2v_jax.deploy import trained as trained_lib
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.runtime import sharding
from i2v_jax.training import experiment

TRAINED = ('adapters', 'temporal_embedding', 'head', 'backbone/ln_post')


@functools.partial(jax.jit, static_argnums=(0, 3))
def _apply(model, params, clips, method):
  return model.apply({'params': params}, *clips, method=method)


def apply(model, params, *clips, method=None):
  """`model.apply`, compiled once per model."""
  return _apply(model, params, clips, method)


def pooled(vit, image):
  """A method for `apply`: what stands for each image."""
  return vit(image, pooled=True)


def first_block(model, x):
  """A method for `apply`: tokens through the first block, adapted."""
  return model.backbone.blocks[0](x, model.adapters.blocks[0])


def build(adapter, frames=4, depth=2, family='clip', **options):
  """A classifier of 3 classes on a small ViT."""
  return i2v_jax.build(spec(adapter, frames, depth, family, **options), 3)


def on_swin(adapter, frames=4, options=(), **backbone):
  """A classifier of 3 classes on a Swin with maps of 4 x 4 and 2 x 2 tokens."""
  sizes = dict(embed_dim=8, depths=(2, 2), num_heads=(4, 8), window=2)
  sizes |= dict(family='swin', image_size=16) | backbone
  spec = dict(backbone=sizes, num_frames=frames, adapter=adapter)
  if (adapter or {}).get('name') != 'dualpath':
    spec['temporal_embedding'] = False
  return i2v_jax.build(spec | dict(options), 3)


def spec(adapter, frames=4, depth=2, family='clip', **options):
  """The `model` part of its config."""
  sizes = dict(width=32, depth=depth, num_heads=4, patch_size=4, image_size=16)
  backbone = dict(family=family, **sizes)
  return dict(backbone=backbone, num_frames=frames, adapter=adapter) | options


def trained(adapter, path, **options):
  """`build` with random parameters, as if loaded from a run at `path`."""
  model = build(adapter, **options)
  config = experiment.to_plain(quickstart.get_config('smoke'))
  config['model'] = spec(adapter, **options)
  params = random(model, 1.0)  # logits that tell clips and frames apart
  config['trainable'] = [part for part in params if part != 'backbone']
  names = ('left', 'right', 'up')
  return trained_lib.Trained(model, params, config, names, {}, None, path)


def detector(adapter, path, **options):
  """The same for a detector, whose clips have boxes."""
  options = (
    dict(depth=1, temporal_embedding=False, detection={'boxes': 2}) | options
  )
  made = trained(adapter, path, **options)
  config = experiment.to_plain(detection_quickstart.get_config('smoke'))
  config |= {key: made.config[key] for key in ('model', 'trainable')}
  # A maximum over cells is large; scores are to be neither 0 nor 1.
  head = jax.tree.map(lambda x: 0.1 * x, made.params['head'])
  return dataclasses.replace(
    made,
    config=config,
    params=dict(made.params) | {'head': head},
    mesh=sharding.make_mesh(),
  )


def initial(model):
  """A random backbone, and all else freshly initialised."""
  clips = [jnp.zeros(x.shape) for x in clip_shapes(model)]

  def init(key):
    params = model.init(key, *clips)['params']
    return {part: x for part, x in params.items() if part != 'backbone'}

  new = jax.jit(init)(jax.random.key(0))
  return new | {'backbone': random(model)['backbone']}


def random(model, scale=0.2):
  """Parameters of which every one is random and not zero."""
  return random_like(param_shapes(model), scale)


def random_like(tree, scale=0.2):
  """The same for a tree of shapes."""
  rng = np.random.default_rng(0)
  draw = lambda x: scale * rng.standard_normal(x.shape, 'f4')
  return jax.tree.map(draw, tree)


def clips(model, batch=1, seed=1):
  """Noise of the shape the model takes."""
  keys = jax.random.split(jax.random.key(seed), 2)
  inputs = clip_shapes(model, batch)
  return [
    jax.random.normal(k, x.shape) for k, x in zip(keys, inputs, strict=False)
  ]


def reach(model, params, frame):
  """Frames whose features change with that frame of the clip."""
  (clip,) = clips(model)
  features = lambda clip: apply(model, params, clip, method='features')
  changed = features(clip.at[:, frame].add(1.0)) != features(clip)
  return set(np.flatnonzero(changed.any(axis=(0, 2))).tolist())


def count(spec, num_classes, trainable=TRAINED):
  """Trainable parameters of a `model` spec, at any size."""
  tree = param_shapes(i2v_jax.build(spec, num_classes))
  return params_lib.count(params_lib.split(tree, trainable)[0])


def golden_loss(model, params, arrays):
  """Mean cross-entropy on the clips of a golden, and logits."""
  logits = model.apply({'params': params}, published.video(arrays))
  losses = optax.softmax_cross_entropy_with_integer_labels(
    logits, arrays['labels']
  )
  return losses.mean(), logits


def check_golden(model, params, arrays):
  """Outputs to 1e-5; loss to 1e-5 and gradients to 1e-4 relative."""
  mine, frozen = params_lib.split(params, TRAINED)
  loss_fn = lambda mine: golden_loss(
    model, params_lib.join(mine, frozen), arrays
  )
  run = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))
  (loss, logits), found = run(mine)
  np.testing.assert_allclose(logits, arrays['output'], rtol=0, atol=1e-5)
  np.testing.assert_allclose(loss, arrays['loss'], rtol=1e-5)
  wanted = flatten_dict(published.gradients(arrays), sep='/')
  found = flatten_dict(found, sep='/')
  assert found.keys() == wanted.keys()
  for path, grad in found.items():
    # A constant on every key cancels in the softmax: the gradient of biases
    # before K is zero, and what is stored for it is rounding.
    atol = max(1e-4 * np.abs(wanted[path]).max(), 1e-9)
    np.testing.assert_allclose(
      grad, wanted[path], rtol=0, atol=atol, err_msg=path
    )


def check_start(model, atol, is_image_model=True):
  """Whether features start as the image model's, frame by frame."""
  params, (clip,) = initial(model), clips(model)
  image = params['backbone']
  module = make_module(model.image_model)
  wanted = apply(module, image, clip, method=pooled)
  features = apply(model, params, clip, method='features')
  if is_image_model:
    np.testing.assert_allclose(features, wanted, rtol=0, atol=atol)
  else:
    assert np.abs(features - wanted).max() > 1e-3


def abstract_mesh(sizes, names):
  """A mesh without devices, of the kind `sharding.make_mesh` makes."""
  kinds = (AxisType.Auto,) * len(names)
  return AbstractMesh(sizes, names, axis_types=kinds)


def count_products(jaxpr):
  """Multiply-accumulates of matrix products and convolutions in a jaxpr."""
  total = 0
  for eqn in jaxpr.eqns:
    sizes = [var.aval.shape for var in eqn.invars]
    out = math.prod(eqn.outvars[0].aval.shape)
    if eqn.primitive.name == 'dot_general':
      (contracted, _), _ = eqn.params['dimension_numbers']
      total += out * math.prod(sizes[0][axis] for axis in contracted)
    if eqn.primitive.name == 'conv_general_dilated':
      features = eqn.params['dimension_numbers'].rhs_spec[0]
      total += out * math.prod(sizes[1]) // sizes[1][features]
    within = [*map(count_products, core.jaxprs_in_params(eqn.params))]
    if eqn.primitive.name == 'cond':  # attention, as each platform does it
      assert len(set(within)) == 1
      within = within[:1]
    total += sum(within)
  return total
