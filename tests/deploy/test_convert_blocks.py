"""The first blocks of an image model, as a smaller one."""

import jax
import numpy as np
import pytest

from i2v_jax import cli, weights
from i2v_jax.backbones.swin_config import SwinConfig
from i2v_jax.deploy import convert


def test_the_first_blocks_are_a_model(golden, tmp_path):
  source, out = golden / 'hf_dinov2', tmp_path / 'one'
  with pytest.raises(SystemExit, match='0'):
    args = ('weights', 'convert', source, '--out', out, '--blocks', '1')
    cli.main([*map(str, args)])
  whole, cut = map(weights.load_image_model, (source, out))
  assert (whole.model.cfg.depth, cut.model.cfg.depth) == (2, 1)
  assert cut.report.resampling == whole.report.resampling
  kept = {k: v for k, v in whole.params.items() if k != 'blocks_1'}
  jax.tree.map(np.testing.assert_array_equal, cut.params, kept)
  for part in ('attn', 'mlp'):  # whose block 1 then adds nothing
    whole.params['blocks_1'][part]['scale'] *= 0
  image = np.random.default_rng(0).random((1, *cut.model.cfg.image_shape), 'f4')
  found, wanted = (
    jax.jit(each.model.apply)({'params': each.params}, image)
    for each in (cut, whole)
  )
  np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize('blocks', [-1, 3])
def test_a_model_has_only_its_own_blocks(golden, tmp_path, blocks):
  error = f'blocks is {blocks}; the model has 2, so it can be 1 to that'
  with pytest.raises(ValueError, match=error):
    convert.convert_image_model(
      golden / 'hf_dinov2', tmp_path / 'out', blocks=blocks
    )
  assert not (tmp_path / 'out').exists()


def test_a_swin_is_not_cut():
  with pytest.raises(ValueError, match='A Swin has stages'):
    convert.keep_first_blocks({}, SwinConfig.named('Swin-T'), 1)


def test_a_video_model_is_not_cut(capsys):
  args = 'weights convert a --out b --config c --blocks 1'
  with pytest.raises(SystemExit, match='1'):
    cli.main(args.split())
  assert '--blocks is of image models' in capsys.readouterr().err
