"""A detector learns what happens inside a box, if its heads see other frames.

The demo in miniature (configs/detection_quickstart.py): two digits at once, in
the upper and the lower half, each to the right or to the left.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import quickstart
from i2v_jax.data.sets import digits
from i2v_jax.data.sets.key_frames import make_rows
from i2v_jax.models.build import merge
from i2v_jax.params import join
from i2v_jax.training import experiment, stored
from i2v_jax.training.evaluation.box_scores import compute_box_scores
from i2v_jax.training.evaluation.detection_map import (
  compute_average_precisions,
)
from i2v_jax.training.fresh_params import init_params
from i2v_jax.training.run import split_params
from i2v_jax.training.train_step import TrainState, make_train_step

STEPS, CLIPS = 75, 8
pytestmark = pytest.mark.slow


def make_batch(images, rng, clips=CLIPS):
  left_BxN = rng.integers(0, 2, (clips, 2))
  video = np.zeros((clips, 8, 32, 32, 3), np.uint8)
  boxes = np.zeros((clips, 2, 4), np.float32)
  for clip, half in np.ndindex(clips, 2):
    x, y = rng.integers(5), 1 + 16 * half + rng.integers(3)
    image = images[rng.integers(len(images)), ..., None]
    for frame in range(8):
      place = x + 1 + 2 * (7 - frame if left_BxN[clip, half] else frame)
      video[clip, frame, y : y + 12, place : place + 12] = image
    boxes[clip, half] = x, y - 1, x + 27, y + 12
  return {
    'video': video,
    'boxes': boxes,
    'box_labels': np.eye(2, dtype=np.uint8)[left_BxN],
    'box_mask': np.ones((clips, 2), np.float32),
    'label': np.full(clips, -1, np.int32),
    'mask': np.ones(clips, np.float32),
  }


def train(offsets):
  """Trains linear adapters on the frozen digits ViT; `(model, params)`."""
  config = experiment.to_plain(quickstart.moving_digits())
  config['model']['adapter']['offsets'] = offsets
  config['model']['detection'] = dict(boxes=2)
  model = experiment.build_model(config, 2)
  given = stored.load_pretrained(config, model, ['right', 'left'], False)
  params = init_params(model, given, 0)
  _, mine, frozen = split_params(config, model, params)
  rate = optax.warmup_cosine_decay_schedule(0, 4e-3, 25, 2 * STEPS)
  tx, mine = optax.adam(rate), jax.tree.map(jnp.asarray, mine)
  step = jax.jit(make_train_step(model, tx, normalization='half'))
  state = TrainState(jnp.int32(0), mine, tx.init(mine))
  images, rng = digits.load_images()['train'][0], np.random.default_rng(0)
  for _ in range(STEPS):
    state, _ = step(state, frozen, make_batch(images, rng))
  return model, join(state.params, frozen)


def measure(model, params) -> float:
  """Computes mAP on 32 clips of digits that training has not seen."""
  images, _ = digits.load_images()['val']
  batch = make_batch(images, np.random.default_rng(1), 32)
  inputs = {key: batch[key] for key in ('video', 'boxes')}
  scores = np.asarray(compute_box_scores(model, 'half', params, inputs))
  keys = [(str(clip), '0') for clip in range(32) for _ in range(2)]
  boxes = batch['boxes'].reshape(-1, 4) / 32
  truth = make_rows(keys, boxes, batch['box_labels'].argmax(-1).ravel())
  found = make_rows(
    [key for key in keys for _ in range(2)],
    boxes.repeat(2, axis=0),
    np.tile([0, 1], 64),
    scores.ravel(),
  )
  ones = np.ones(2, bool)
  return compute_average_precisions(truth, found, (), ones).mean()


def test_relocated_heads_tell_the_order_inside_a_box_and_merged_too():
  model, params = train((-1, 1))
  found = measure(model, params)
  assert found > 0.9
  np.testing.assert_allclose(measure(*merge(model, params)), found, atol=1e-3)


def test_without_them_both_orders_look_alike():
  assert measure(*train(())) < 0.7
