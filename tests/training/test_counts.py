"""What a config costs, from shapes."""

import jax
import jax.numpy as jnp
import pytest
import small

from i2v_jax.models.build import merge
from i2v_jax.models.inputs import param_shapes
from i2v_jax.models.macs import count_macs
from i2v_jax.runtime import compilation
from i2v_jax.training import config_files, counts, experiment

CONFIG = 'configs/zeroi2v_k400.py'


def test_counts_of_the_papers_model():
  config = config_files.load_config(CONFIG)
  models = counts.build_models(config, 400)
  assert list(models) == ['image model', 'zeroi2v', 'zeroi2v, merged']
  image, model, merged = models.values()
  found = counts.count_costs(config, model)
  backbone, head, time = 85_799_424, 768 * 400 + 400, 8 * 768
  adapters = 12 * 4 * (2 * 768 * 192 + 768 + 192)
  assert found.total == backbone + head + time + adapters
  assert found.tunable == adapters + head + time + 2 * 768
  assert found.inference == backbone + head + time
  assert found.added == time
  assert found.views == 3
  assert found.video_macs == 3 * found.view_macs == 3 * sum(found.macs.values())
  assert count_macs(merged) == count_macs(image)
  assert found.macs['adapters'] == 8 * 197 * 12 * 4 * 2 * 768 * 192


def test_nothing_is_folded_where_nothing_can_be():
  config = config_files.load_config('configs/aim_k400.py:smoke')
  models = counts.build_models(config, 3)
  assert list(models) == ['image model', 'aim']
  found = counts.count_costs(config, models['aim'])
  assert found.inference == found.total
  head, backbone = 32 * 3 + 3, param_shapes(models['aim'])['backbone']
  size = sum(x.size for x in jax.tree.leaves(backbone))
  assert found.added == found.total - size - head > found.tunable / 2


def test_the_image_model_sees_every_frame():
  config = config_files.load_config('configs/dualpath_k400.py:smoke')
  image, model = counts.build_models(config, 3).values()
  assert image.input_shapes[0][0] == model.num_frames == 8
  assert sum(shape[0] for shape in model.input_shapes) == 6  # 4, 2 framesets


@pytest.mark.parametrize(
  ('settings', 'name'),
  [
    ({}, 'no adapter'),
    ({'temporal_operator': dict(name='token_shift')}, 'token_shift'),
  ],
)
def test_what_has_no_adapter_is_called_by_its_operator(settings, name):
  assert counts.find_method_name(small.build(None, **settings)) == name


def test_a_config_that_cannot_be_is_refused():
  config = config_files.load_config(CONFIG) | {'batch_size': 0}
  with pytest.raises(ValueError, match='batch_size is 0'):
    counts.build_models(config, 3)


def test_merged_models_are_those_that_merging_makes():
  config = config_files.load_config('configs/zeroi2v_k400.py:smoke')
  model = experiment.build_model(config, 3)
  merged, _ = merge(model, small.random(model))
  assert counts.build_deployed(model) == merged


def test_half_of_what_xla_counts_for_a_product():
  x, w = jnp.ones((3, 5)), jnp.ones((5, 7))
  lowered = jax.jit(jnp.matmul).lower(x, w)
  assert compilation.count_xla_macs(lowered) == 3 * 5 * 7
  assert compilation.count_xla_macs(lowered.compile()) == 3 * 5 * 7


def test_a_backend_that_does_not_count_is_named():
  class Silent:
    def cost_analysis(self):
      return None

  with pytest.raises(ValueError, match='does not report the FLOPs'):
    compilation.count_xla_macs(Silent())


def test_kernels_of_libraries_are_counted():
  class Compiled:
    def as_text(self):
      call = 'x = f32[2] custom-call(y), custom_call_target="__cudnn$fmha"\n'
      return call * 2 + 'dot(a, b)'

  assert compilation.count_kernels(Compiled()) == {'__cudnn$fmha': 2}
