"""Published video models go with the configs of their methods."""

import published
import pytest

from i2v_jax.deploy import convert, trained
from i2v_jax.training import config_files

SIZES = ('width', 'depth', 'num_heads', 'patch_size', 'image_size')
GOLDEN = ('width', 'layers', 'heads', 'patch', 'image')
SHIPPED = {  # golden -> a config of the method as it is published
  'st_adapter_12': 'st_adapter_k400',
  'st_adapter_24': 'st_adapter_ssv2',
  'aim_clip_3adapters': 'aim_k400',
  'dualpath_release_16f': 'dualpath_k400:preset=release,quirks',
  'zeroi2v_4adapters_rf3': 'zeroi2v_k400',
}


@pytest.mark.parametrize('name', SHIPPED)
def test_releases_go_with_the_configs_of_their_methods(golden, tmp_path, name):
  golden_config, arrays = published.load(golden / f'{name}.npz')
  file, _, arg = SHIPPED[name].partition(':')
  config = config_files.load_config(f'configs/{file}.py:{arg}')
  sizes = dict(zip(SIZES, (golden_config[k] for k in GOLDEN), strict=True))
  config['model']['backbone'] = dict(family='clip', **sizes)
  config['model']['num_frames'] = golden_config['frames']
  for option, value in (('rank', golden_config.get('adapter_width')),):
    if value:
      config['model']['adapter'][option] = value
  if name.startswith('dualpath'):
    config['model']['projection'] = 24
  names = [f'class {i}' for i in range(golden_config['classes'])]
  convert.convert_release(arrays['state'], config, names, tmp_path / 'out')
  assert trained.load(tmp_path / 'out').class_names == tuple(names)
