"""The code of docs/using_in_your_project.md, run as it stands."""

import re
import runpy
import types

import documented
import foreign
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small
from flax.core import FrozenDict
from flax.traverse_util import flatten_dict
from paths import ROOT

from i2v_jax import adapters
from i2v_jax import params as params_lib

DOC = ROOT / 'docs' / 'using_in_your_project.md'
PREDICTING = 'Predict many videos'
TEXT = DOC.read_text(encoding='utf-8')
ROWS = re.findall(r'^\| (`\w+`.*?) \| (works|refuses) \|', TEXT, re.M)
WORKS = {
  name: verdict == 'works'
  for names, verdict in ROWS
  for name in re.findall(r'`(\w+)`', names)
}
METHODS = [name for name in WORKS if name in adapters.METHODS]
OPERATORS = {
  'head_relocation': dict(offsets=(-1, 1)),
  'channel_shift': dict(share=4),
  'token_shift': dict(share=4),
}
RELOCATION = dict(name='head_relocation', offsets=(-1, 1))
MERGING = [
  name for name in METHODS if getattr(adapters.METHODS[name], 'merge', None)
]
KV = dict(name='token_shift', share=4, at='kv')
OFFSETS = dict(name='zeroi2v', offsets=(-1, 1))


@pytest.fixture(scope='module')
def doc(tmp_path_factory):
  """Names that the blocks of the document define, one after the other."""
  file = tmp_path_factory.mktemp('doc') / 'yours.py'
  blocks = re.findall(r'^```python\n(.*?)^```$', TEXT, re.M | re.S)
  blocks.remove(documented.code(DOC.name, PREDICTING))  # needs a run
  file.write_text('\n'.join(blocks), encoding='utf-8')
  return types.SimpleNamespace(**runpy.run_path(str(file)))


def test_many_videos_are_predicted(smoke_run, digits, tmp_path, monkeypatch):
  for name, target in (
    ('runs/mine', smoke_run),
    ('clips', digits / 'val' / 'moves left'),
    ('archive', digits / 'val' / 'moves right'),
  ):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to(target)
  monkeypatch.chdir(tmp_path)
  code = documented.code(DOC.name, PREDICTING)
  names = {}
  exec(code.replace('long.mp4', '00000.mp4'), names)
  assert names['vectors'].shape == (3, 32) and names['found'].top


def flat(tree):
  return flatten_dict(tree, sep='/')


def moved(before, after):
  before, after = flat(before), flat(after)
  return {
    path
    for path in before
    if np.asarray(before[path]).tobytes() != np.asarray(after[path]).tobytes()
  }


def test_the_loop_learns_and_moves_what_is_trained_and_nothing_else(doc):
  assert np.mean(doc.losses[-3:]) < 0.9 * np.mean(doc.losses[:3])
  mine, _ = params_lib.split(doc.start, tuple(doc.groups))
  assert moved(doc.start, doc.params) == flat(mine).keys()


def test_the_optimiser_keeps_no_moments_of_frozen_weights(doc):
  mine, frozen = params_lib.split(doc.start, tuple(doc.groups))
  assert params_lib.count(frozen) > params_lib.count(mine)
  moments = [x for x in jax.tree.leaves(doc.state) if x.ndim]
  assert sum(x.size for x in moments) == 2 * params_lib.count(mine)


def flops(step, *args):
  return jax.jit(step).lower(*args).cost_analysis()['flops']


def test_the_cost_of_frozen_gradients_is_as_told(doc):
  rng, params = jax.random.key(0), doc.start

  def whole(tx):
    def step(params, state):
      grads = jax.grad(doc.loss_fn)(params, doc.batch, rng)
      return tx.update(grads, state, params)

    return flops(step, params, jax.eval_shape(tx.init, params))

  state = jax.eval_shape(doc.adam.init, doc.mine)
  split = flops(doc.split_step, doc.mine, doc.frozen, state, doc.batch, rng)
  clipped = optax.chain(optax.clip_by_global_norm(1.0), doc.tx)
  assert whole(doc.tx) == pytest.approx(split, rel=0.02)
  assert whole(clipped) > 1.2 * split
  assert whole(optax.MultiSteps(doc.tx, 2)) > 1.2 * split
  grads = lambda p: jax.grad(doc.loss_fn)(p, doc.batch, rng)
  assert flops(grads, params) > 1.2 * split


def test_the_split_step_moves_its_tree(doc):
  before, frozen = params_lib.split(doc.start, tuple(doc.groups))
  # `up` starts at zero, so `down` stands still in the first step.
  still = {path for path in flat(before) if '/down/' in path}
  assert still and moved(before, doc.mine) == flat(before).keys() - still
  assert not moved(frozen, doc.frozen)


def test_masked_hands_on_the_gradients_outside(doc):
  tx = optax.masked(doc.adam, params_lib.mask(doc.start, ('head',)))
  ones = jax.tree.map(jnp.ones_like, doc.start)
  updates, _ = tx.update(ones, tx.init(doc.start), doc.start)
  assert (updates['backbone']['cls'] == 1).all()
  assert (updates['head']['bias'] < 0).all()


def test_your_model_starts_as_your_image_model(doc):
  for name in ('aim', 'zeroi2v'):
    yours = doc.YourVideoModel(doc.vit, 3, FrozenDict(name=name))
    tree = initial(yours, doc.clips) | {'vit': doc.pretrained}
    found = apply(yours, tree, doc.clips, 'features')
    np.testing.assert_allclose(found, doc.alone, rtol=0, atol=5e-6)


def test_of_your_model_adapters_and_head_are_trained(doc):
  assert doc.trained.keys() == {'adapters', 'head'}
  assert not moved(doc.rest['vit'], doc.pretrained)
  assert doc.rest.keys() == {'vit'}


def apply(model, tree, clips, method=None):
  return small.apply(model, tree, clips, method=method)


def initial(model, clips):
  """A random ViT, and all else freshly initialised."""

  def init(key):
    params = model.init(key, clips)['params']
    return {part: x for part, x in params.items() if part != 'vit'}

  vit = jax.eval_shape(model.vit.init, jax.random.key(0), clips[0])['params']
  return jax.jit(init)(jax.random.key(0)) | {'vit': small.random_like(vit)}


def video_model(doc, block, adapter, operator=None):
  """The document's model on its own block or a foreign one."""
  block = getattr(foreign, block, None) or getattr(doc, block)
  parts = [part and FrozenDict(part) for part in (adapter, operator)]
  return doc.YourVideoModel(doc.YourViT(block=block), 3, *parts)


def shapes(doc, *parts):
  init = video_model(doc, *parts).init
  return jax.eval_shape(init, jax.random.key(0), doc.clips)['params']


def test_the_table_has_every_method_and_operator():
  assert WORKS.keys() == adapters.METHODS.keys() | OPERATORS.keys()
  assert OPERATORS.keys() == adapters.operators.OPERATORS.keys()


WHOLE = ('dualpath', 'evl', 'attentive_probe', 'step_probe')  # have classifiers
REFUSALS = {
  'vpt': r'VPT reads patch_size from block.cfg; give \w+Block a cfg',
  'lora': r'LoRA needs one nn.Dense named q, v in \w+Block; name its',
  'ssf': 'SSF needs one nn.Dense or nn.LayerNorm named q, k, v, out',
  'head_relocation': 'Head relocation reads num_heads, head_width from block',
  'channel_shift': 'Channel shift reads num_heads, head_width from block.cfg',
}
REFUSALS |= {
  name: f'{name} is more than an adapter per block; i2v_jax.build'
  for name in WHOLE
}


@pytest.mark.parametrize('block', ['YourBlock', 'FusedBlock'])
@pytest.mark.parametrize('name', WORKS)
def test_the_minimal_block_goes_with_what_the_table_says(doc, name, block):
  if name in METHODS:
    parts = dict(name=name), None
  else:
    parts = None, dict(name=name, **OPERATORS[name])
  if not WORKS[name]:
    with pytest.raises(ValueError, match=REFUSALS[name]):
      shapes(doc, block, *parts)
    return
  model = video_model(doc, block, *parts)
  tree = initial(model, doc.clips)
  found = apply(model, tree, doc.clips, 'features')
  if name == 'token_shift':
    return
  frames = doc.clips.reshape(-1, *doc.clips.shape[2:])
  wanted = apply(model.vit, tree['vit'], frames).reshape(found.shape)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize('operator', [None, RELOCATION, KV])
@pytest.mark.parametrize('name', METHODS)
def test_a_block_with_everything_goes_with_every_method(doc, name, operator):
  parts = 'NamedBlock', dict(name=name), operator
  if name in WHOLE or (operator and name == 'aim'):
    with pytest.raises(ValueError, match=name):
      shapes(doc, *parts)
    return
  plain = shapes(doc, 'NamedBlock', None)
  assert flat(shapes(doc, *parts)['vit']) == flat(plain['vit'])


@pytest.mark.parametrize(
  ('block', 'adapter', 'operator', 'error'),
  [
    ('YourBlock', OFFSETS, None, 'Head relocation reads num_heads'),
    ('YourBlock', None, KV, 'YourBlock does not take x, heads, which'),
    (
      'FusedBlock',
      dict(name='lora', on=('fc1', 'k')),
      None,
      'named k in Fused',
    ),
    (
      'TwiceBlock',
      dict(name='lora'),
      None,
      'needs one nn.Dense named q in Twice',
    ),
    (
      'YourBlock',
      dict(name='aim', drop_path_axis='release'),
      None,
      "'release' reads pre_norm from block.cfg",
    ),
  ],
)
def test_what_a_block_lacks_is_named(doc, block, adapter, operator, error):
  with pytest.raises(ValueError, match=error):
    shapes(doc, block, adapter, operator)


def test_six_adapters_need_attention_of_three(doc):
  six = dict(name='zeroi2v', num_adapters=6)
  assert shapes(doc, 'YourBlock', six)
  error = 'FusedBlock does not take x_q, x_k, x_v, which'
  with pytest.raises(ValueError, match=error):
    shapes(doc, 'FusedBlock', six)


def test_lora_acts_on_the_layers_that_have_its_names(doc):
  tree = shapes(doc, 'FusedBlock', dict(name='lora', on=('fc1', 'fc2')))
  assert tree['adapters']['blocks_1'].keys() == {'fc1', 'fc2'}


def test_parts_of_other_names_are_named():
  block = types.SimpleNamespace(norm1=1, attn=2, norm2=3, mlp=4)
  with pytest.raises(ValueError, match='Namespace so, it has no ln1, ln2'):
    adapters.AIM()(block, jnp.zeros((1, 1, 1, 1)))


def test_an_adapter_by_itself_needs_its_depth():
  with pytest.raises(ValueError, match='block 3 needs the depth of the model'):
    adapters.AIM(layer=3)(None, jnp.zeros((1, 1, 1, 1)))


@pytest.mark.parametrize('name', MERGING)
def test_what_merges_merges_into_your_tree(doc, name):
  model = video_model(doc, 'NamedBlock', dict(name=name))
  tree = initial(model, doc.clips)
  rng = np.random.default_rng(1)
  noise = lambda x: x + 0.1 * rng.standard_normal(x.shape, 'f4')
  tree['adapters'] = jax.tree.map(noise, tree['adapters'])
  wanted = apply(model, tree, doc.clips, 'features')
  spec = adapters.resolve(model.adapter)
  _, merged = adapters.METHODS[name].merge(spec, tree['vit'], tree['adapters'])
  frames = doc.clips.reshape(-1, *doc.clips.shape[2:])
  found = apply(model.vit, merged, frames).reshape(wanted.shape)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)
  plain = apply(model.vit, tree['vit'], frames).reshape(wanted.shape)
  assert jnp.abs(plain - wanted).max() > 1e-2
