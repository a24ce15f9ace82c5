"""A detector: against the published head, and what its boxes see."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small

from i2v_jax.models.build import build, merge
from i2v_jax.models.detection import Detector
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.runtime.errors import UserError

BACKBONE = dict(width=16, depth=2, num_heads=4, patch_size=8, image_size=32)


def make(adapter=None, backbone=BACKBONE, classes=3, **detection):
  spec = dict(
    backbone=backbone, num_frames=4, adapter=adapter, temporal_embedding=False
  )
  return build(spec | dict(detection={'boxes': 2} | detection), classes)


@pytest.fixture
def stored(golden):
  with np.load(golden / 'ava_head.npz') as file:
    return dict(file)


def read_head(stored):
  kernel, bias = stored['state/head.weight'].T, stored['state/head.bias']
  return {'kernel': jnp.asarray(kernel), 'bias': jnp.asarray(bias)}


def classify(stored, boxes, head, tokens):
  """Logits of the boxes of a table, by the head of a detector."""
  backbone = dict(width=32, depth=1, num_heads=4, patch_size=16, image_size=224)
  model = make(backbone=backbone, classes=80)
  maps = tokens.reshape(3, 4, 14, 14, 32)
  padded, rows = np.zeros((3, len(boxes), 4), 'f4'), np.arange(len(boxes))
  image = boxes[:, 0].astype(int)
  padded[image, rows] = boxes[:, 1:]
  params = {'params': {'head': head}}
  found = model.apply(params, (maps, None), padded, method='decode')
  return found[image, rows]


def test_it_is_the_published_head(stored):
  boxes = stored['extended_boxes']
  run = jax.jit(lambda *args: classify(stored, boxes, *args))
  found = run(read_head(stored), stored['input'])
  np.testing.assert_allclose(found, stored['output'], atol=1e-5)
  scores = jax.nn.sigmoid(found) * stored['person_scores'][:, None]
  np.testing.assert_allclose(scores, stored['scores'], atol=1e-5)


def test_its_gradients_are_the_published_ones(stored):
  def loss(head, tokens):
    found = classify(stored, stored['boxes'], head, tokens)
    targets = stored['labels'].astype('f4')
    each = optax.sigmoid_binary_cross_entropy(found, targets)
    return each.mean(axis=1).sum()

  run = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
  value, (head, tokens) = run(read_head(stored), jnp.asarray(stored['input']))
  assert value == pytest.approx(float(stored['loss']), rel=1e-6)
  close = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6)
  close(head['kernel'], stored['grad/head.weight'].T)
  close(head['bias'], stored['grad/head.bias'])
  close(tokens, stored['grad/input'])


def apply(model, params, video, boxes):
  return np.asarray(small.apply(model, params, video, boxes))


def make_video(shape=(2, 4, 32, 32, 3)):
  return jnp.asarray(np.random.default_rng(0).standard_normal(shape, 'f4'))


BOXES = jnp.array([[[0.0, 0.0, 15.0, 31.0], [16.0, 0.0, 31.0, 31.0]]] * 2)


def test_a_box_is_classified_by_the_tokens_inside_it():
  """With no block before it, the other half of the frame has no influence."""
  model = make(backbone=BACKBONE | dict(depth=1))
  params = small.random(model)
  still = {'kernel': jnp.zeros((16, 16)), 'bias': jnp.zeros(16)}
  params['backbone']['blocks_0']['attn']['out'] = still
  video = make_video()
  before = apply(model, params, video, BOXES)
  after = apply(model, params, video.at[:, :, :, 24:].add(1.0), BOXES)
  np.testing.assert_allclose(before[:, 0], after[:, 0], atol=1e-6)
  assert np.abs(before[:, 1] - after[:, 1]).max() > 1e-3


@pytest.mark.parametrize('mean', ['before', 'after'])
def test_the_order_of_frames_matters_with_relocated_heads_only(mean):
  video, boxes = make_video(), BOXES
  for offsets, differs in (((), False), ((-1, 1), True)):
    model = make(dict(name='zeroi2v', offsets=offsets, rank=4), mean=mean)
    params = small.random(model)
    found = apply(model, params, video, boxes)
    shuffled = apply(model, params, video[:, jnp.array([2, 0, 3, 1])], boxes)
    assert (np.abs(found - shuffled).max() > 1e-3) == differs


def test_context_tells_boxes_what_the_frame_shows():
  model = make(context=True)
  assert param_shapes(model)['head']['kernel'].shape == (32, 3)
  params = small.random(model)
  found = apply(model, params, make_video(), BOXES)
  assert found.shape == (2, 2, 3)
  params['head']['kernel'] = jnp.asarray(params['head']['kernel'])
  params['head']['kernel'] = params['head']['kernel'].at[16:].set(0.0)
  without = apply(model, params, make_video(), BOXES)
  moved = found - without  # by the same for both boxes of a clip
  np.testing.assert_allclose(moved[:, 0], moved[:, 1], atol=1e-5)
  assert np.abs(moved).max() > 1e-3


@pytest.mark.parametrize('name', ['zeroi2v', 'lora', 'ssf'])
def test_merged_it_is_the_plain_model_with_the_same_logits(name):
  model = make(dict(name=name))
  params = small.random(model)
  merged, folded = merge(model, params)
  assert isinstance(merged, Detector) and 'adapters' not in folded
  before = apply(model, params, make_video(), BOXES)
  after = apply(merged, folded, make_video(), BOXES)
  np.testing.assert_allclose(before, after, atol=2e-5)


@pytest.mark.parametrize(
  'name', ['zeroi2v', 'aim', 'st_adapter', 'adaptformer', 'vpt', 'lora', 'ssf']
)
def test_frames_of_other_shapes_are_taken(name):
  model = make(dict(name=name))
  params, video = small.random(model), make_video((2, 4, 32, 48, 3))
  found = apply(model, params, video, BOXES)
  assert found.shape == (2, 2, 3) and np.isfinite(found).all()


def test_positions_of_a_wide_frame_are_those_of_torch():
  torch = pytest.importorskip('torch')
  model = make()
  params = small.random(model)
  found = model.apply(
    {'params': params},
    4,
    6,
    method=lambda m, h, w: m.backbone.fit_positions(h, w),
  )
  table = torch.tensor(np.asarray(params['backbone']['pos']))
  square = table[1:].reshape(1, 4, 4, 16).permute(0, 3, 1, 2)
  wanted = torch.nn.functional.interpolate(square, size=(4, 6), mode='bicubic')
  np.testing.assert_allclose(found[0], table[0])
  np.testing.assert_allclose(
    found[1:], wanted.permute(0, 2, 3, 1).reshape(24, 16), atol=1e-5
  )


def test_a_convolution_over_patches_needs_frames_of_one_size():
  model = make('pro_tuning')
  with pytest.raises(UserError, match=r"views\.frame='squashed'"):
    model.apply(
      {'params': small.random(model)}, make_video((2, 4, 32, 48, 3)), BOXES
    )


def test_on_swin_the_map_is_that_of_the_last_stage():
  sizes = dict(embed_dim=8, depths=(1, 1), num_heads=(2, 2), window=4)
  model = make(backbone=dict(family='swin', image_size=32) | sizes)
  assert (model.map_side, model.stride) == (4, 8)
  params = small.random(model)
  assert apply(model, params, make_video(), BOXES).shape == (2, 2, 3)
  with pytest.raises(UserError, match='takes 32x32 pixels, not 48x32'):
    apply(model, params, make_video((2, 4, 32, 48, 3)), BOXES)


@pytest.mark.parametrize(
  ('adapter', 'options', 'words'),
  [
    ('evl', {}, 'evl does not go with model.detection'),
    ('step_probe', {}, 'step_probe does not go with model.detection'),
    (None, dict(boxes=0), 'model.detection.boxes is 0'),
    (None, dict(head='paper'), 'model.detection.head'),
    (None, dict(heads=1), 'model.detection'),
  ],
)
def test_wrong_options_are_named(adapter, options, words):
  with pytest.raises(UserError, match=words):
    make(adapter, **options)


def test_boxes_are_no_steps_of_the_clip():
  spec = dict(backbone=BACKBONE, num_frames=4, detection=dict(boxes=2))
  model = build(spec, 3)
  assert model.num_steps == 4
  assert param_shapes(model)['temporal_embedding'].shape == (4, 16)


def test_inputs_are_video_and_boxes():
  video, boxes = clip_shapes(make(), 3, jnp.bfloat16)
  assert video.shape == (3, 4, 32, 32, 3) and video.dtype == jnp.bfloat16
  assert boxes.shape == (3, 2, 4) and boxes.dtype == jnp.float32
