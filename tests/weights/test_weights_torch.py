"""Files of torch are read as mappings of the same arrays are."""

import dataclasses

import jax
import numpy as np
import published
import pytest
from references import arrays_of
from renamed import as_timm

from i2v_jax import weights
from i2v_jax.deploy.release import load_release

torch = pytest.importorskip('torch')

IMAGE = {
  'hf_clip_vision': lambda a: a,
  'hf_siglip_vision': lambda a: a,
  'hf_vit': lambda a: a,
  'hf_dinov2': lambda a: a,
  'hf_dinov2_registers': lambda a: a,
  'hf_vit, timm': as_timm,
  'hf_dinov2, timm': as_timm,
}
RELEASES = (
  'zeroi2v_4adapters_rf3',
  'zeroi2v_6adapters_rf5',
  'aim_clip_4adapters',
  'aim_imagenet_vit',
  'st_adapter_24',
  'dualpath_release_16f',
  'evl_decoder4',
)


def saved(path, arrays):
  state = {k: torch.tensor(np.asarray(v)) for k, v in arrays.items()}
  torch.save({'state_dict': state}, path)
  return path


def same(found, wanted):
  assert found.report.taken_from == ('state_dict',)
  report = dataclasses.replace(found.report, taken_from=())
  assert report == wanted.report and found.model == wanted.model
  jax.tree.map(np.testing.assert_array_equal, found.params, wanted.params)


@pytest.mark.parametrize('name', IMAGE)
def test_image_models(golden, tmp_path, name):
  arrays = IMAGE[name](arrays_of(golden / name.partition(',')[0]))
  given = dict(num_heads=6)
  if 'clip' in name:
    given['activation'] = 'quick_gelu'
  path = saved(tmp_path / 'model.bin', arrays)
  wanted = weights.load_image_model(arrays, **given)
  same(weights.load_image_model(path, **given), wanted)


@pytest.mark.parametrize('name', RELEASES)
def test_published_video_models(golden, tmp_path, name):
  config, arrays = published.load(golden / f'{name}.npz')
  given = published.arguments(config, arrays)
  path = saved(tmp_path / 'epoch.pth', arrays['state'])
  wanted = load_release(arrays['state'], **given)
  same(load_release(path, **given), wanted)
