"""What a config takes elsewhere, and what a compiler says if it is too much."""

import jax
import pytest

from i2v_jax import scaling


def test_the_parts_are_those_of_the_compiled_step(smoke_config):
  config = smoke_config()
  found = scaling.measure(config, jax.devices()[:1], 8, 4, effort=-1.0)
  total = found.pop('total')
  assert total == sum(found.values()) and found['frozen'] > found['trained'] > 0
  pixels = config.model.num_frames * config.model.backbone.image_size**2 * 3
  assert found['batch'] == 8 * (pixels + 4 + 4)  # and label and mask


def test_what_does_not_fit_is_said_in_short():
  text = 'Ran out of memory on HBM, (17.18G) exceeds available HBM (15.75G).'
  error = RuntimeError(f'RESOURCE_EXHAUSTED: {text}\nAllocations: …')
  assert scaling.refusal(error) == text
  with pytest.raises(RuntimeError, match='INTERNAL'):
    scaling.refusal(RuntimeError('INTERNAL: out of luck'))
