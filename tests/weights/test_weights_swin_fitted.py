"""Swins for other windows, images and clips than those of their file."""

import jax
import numpy as np
import pytest
from references import agree, arrays_of, check, tokens
from renamed import swin_as_mmaction, swin_as_timm

from configs import common
from i2v_jax import weights
from i2v_jax.backbones.image_model import make_config
from i2v_jax.backbones.positions import resample_positions
from i2v_jax.deploy.convert import convert_image_model
from i2v_jax.training import experiment
from i2v_jax.weights import image
from i2v_jax.weights.formats import native

HUB = 'hf_swin_hub'  # windows of 3, maps of 6 and 3
TABLE = 'attention.self.relative_position_bias_table'
KEY = f'swin.encoder.layers.0.blocks.0.{TABLE}'
PATCH = 'swin.embeddings.patch_embeddings.projection.weight'
SIZES = dict(embed_dim=8, depths=(2, 2), num_heads=(2, 2), image_size=24)


@pytest.fixture
def hub(golden):
  return golden / HUB


@pytest.fixture
def pixels(hub):
  return np.load(hub / 'reference.npz')['input'].transpose(0, 2, 3, 1)


def test_tables_are_resampled_to_another_window(hub, pixels):
  loaded = weights.load_image_model(hub, window=6)
  line = f'{KEY} and 1 more: 25 to 121 relative positions'
  assert loaded.report.reshaped == (line,)
  table = arrays_of(hub)[KEY]
  found = loaded.params['blocks_0']['attn']['bias']
  agree(found, resample_positions(table, 11, first=0))
  assert found.shape == (121, 2) and tokens(loaded, pixels).shape == (2, 9, 16)
  # The second map is still below the window, and its table is as it was.
  second = loaded.params['blocks_2']['attn']['bias']
  np.testing.assert_array_equal(
    second, arrays_of(hub)[KEY.replace('layers.0', 'layers.1')]
  )


def test_a_smaller_image_makes_smaller_tables(hub):
  loaded = weights.load_image_model(hub, image_size=16, window=2)
  assert loaded.params['blocks_0']['attn']['bias'].shape == (9, 2)
  loaded = weights.load_image_model(hub, image_size=8)
  shapes = [loaded.params[f'blocks_{i}']['attn']['bias'].shape for i in (0, 2)]
  assert shapes == [(9, 2), (1, 2)]
  wanted = ['and 1 more: 25 to 9 rela', 'and 1 more: 25 to 1 rela']
  for line, part in zip(loaded.report.reshaped, wanted, strict=True):
    assert part in line


def test_a_window_that_does_not_divide_the_maps_is_refused(hub):
  with pytest.raises(ValueError, match=r'maps of 6, 3 .* windows of 4 do not'):
    weights.load_image_model(hub, window=4)


def test_patches_over_frames_leave_a_still_clip_as_it_is(hub, pixels):
  loaded = weights.load_image_model(hub, tubelet=4)
  wanted = tokens(weights.load_image_model(hub), pixels)
  agree(tokens(loaded, np.repeat(pixels[:, None], 4, axis=1))[:, 0], wanted)
  assert loaded.report.reshaped == (f'{PATCH}: patches of 1 to 4 frames',)


@pytest.mark.parametrize('name', ['patch_embed.proj.weight'])
def test_equal_patches_over_frames_become_one_and_others_do_not(golden, name):
  file = np.load(golden / 'swin_microsoft_small_map.npz')
  state = {k[6:]: file[k] for k in file.files if k.startswith('state/')}
  arrays = swin_as_mmaction(state, 2)
  pixels = file['input'].transpose(0, 2, 3, 1)
  loaded = weights.load_image_model(arrays, tubelet=1)
  agree(tokens(loaded, pixels), file['output'])
  assert loaded.report.reshaped == (f'{name}: patches of 2 to 1 frames',)
  arrays[f'backbone.{name}'][:, :, 1] += 1
  with pytest.raises(ValueError, match=rf'{name}.*differ; choose tubelet=2'):
    weights.load_image_model(arrays, tubelet=1)


def test_tables_repeated_over_frames_are_one(golden, hub):
  file = np.load(golden / 'swin_microsoft_small_map.npz')
  state = {k[6:]: file[k] for k in file.files if k.startswith('state/')}
  plain = swin_as_timm(state)
  key = 'layers.0.blocks.0.attn.relative_position_bias_table'
  repeated = plain | {key: np.tile(plain[key], (3, 1))}
  loaded = weights.load_image_model(repeated)
  agree(tokens(loaded, file['input'].transpose(0, 2, 3, 1)), file['output'])
  line = f'{key}: one of 3 equal tables of relative positions'
  assert loaded.report.reshaped == (line,)


def test_tables_per_frame_begin_as_the_shared_one(hub, pixels):
  loaded = weights.load_image_model(hub, bias='per_frame', steps=3)
  assert loaded.report.reshaped == (f'{KEY} and 3 more: 1 to 5 equal tables',)
  assert loaded.params['blocks_0']['attn']['bias'].shape == (5, 25, 2)
  clip = np.stack([pixels, pixels[::-1], 2 * pixels], axis=1)
  shared = weights.load_image_model(hub)
  wanted = tokens(shared, clip.reshape(-1, *clip.shape[2:]))
  agree(tokens(loaded, clip).reshape(wanted.shape), wanted)


def write(path, loaded):
  native.write(path, loaded.params, **native.make_metadata(loaded.model.cfg))
  return path


def test_our_own_file_keeps_everything(hub, tmp_path):
  path = convert_image_model(hub, tmp_path / 'ours', window=6)
  wanted = weights.load_image_model(hub, window=6)
  again = weights.load_image_model(path)
  assert again.model == wanted.model and not again.report.reshaped
  assert again.report.format == 'i2v_jax'
  assert again.report.normalization == 'imagenet'
  jax.tree.map(np.testing.assert_array_equal, again.params, wanted.params)
  back = weights.load_image_model(path, window=3)
  assert 'blocks_0/attn/bias and 1 more: 121 to 25' in back.report.reshaped[0]


def test_our_own_file_of_tables_per_frame(hub, tmp_path):
  loaded = weights.load_image_model(hub, bias='per_frame', steps=2, tubelet=2)
  path = write(tmp_path / 'a.safetensors', loaded)
  again = weights.load_image_model(path)
  assert again.model == loaded.model and not again.report.reshaped
  one = weights.load_image_model(path, bias='shared', steps=0, tubelet=1)
  check(one, hub)
  loaded.params['blocks_1']['attn']['bias'][0] += 1
  path = write(tmp_path / 'b.safetensors', loaded)
  error = r"blocks_1/attn/bias.*differ.*choose bias='per_frame' and steps=2"
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(path, bias='shared', steps=0)


def test_our_own_file_without_metadata_is_refused(hub, tmp_path):
  loaded = weights.load_image_model(hub)
  native.write(tmp_path / 'x.safetensors', loaded.params)
  with pytest.raises(ValueError, match=r'no metadata.*i2v weights convert'):
    weights.load_image_model(tmp_path / 'x.safetensors')
  other = dict(image_model=dict(family='mamba'))
  native.write(tmp_path / 'x.safetensors', loaded.params, **other)
  with pytest.raises(ValueError, match=r"family in the metadata .* 'mamba'"):
    weights.load_image_model(tmp_path / 'x.safetensors')


def make(source, **backbone):
  """A config of an experiment, and the config of its image model."""
  c = common.base()
  c.model.backbone = dict(family='swin') | SIZES | backbone
  c.weights, c.data.normalization = str(source), 'imagenet'
  return experiment.to_plain(c), make_config(c.model.backbone)


def test_training_takes_the_windows_of_its_config(hub):
  params, report = weights.load_for_config(*make(hub, window=3))
  assert not report.reshaped
  params, report = weights.load_for_config(*make(hub, window=6))
  assert params['blocks_0']['attn']['bias'].shape == (121, 2)
  assert '25 to 121 relative positions' in report.reshaped[0]
  _, cfg = make(hub, window=3, tubelet=2, bias='per_frame', steps=2)
  params = weights.load_backbone(str(hub), cfg)
  assert params['patch']['kernel'].shape == (2, 4, 4, 3, 8)
  assert params['blocks_3']['attn']['bias'].shape == (3, 25, 2)
  random = weights.load_backbone('random', cfg)
  assert random['blocks_3']['attn']['bias'].shape == (3, 25, 2)


@pytest.mark.parametrize(
  ('given', 'error'),
  [
    (dict(num_heads=(2, 4)), r'num_heads \(2, 2\).*model.backbone.num_heads='),
    (dict(depths=(2, 4)), r'depths \(2, 2\), the model config asks for \(2, 4'),
    (dict(mlp_ratio=2.0), 'mlp_ratio 4.0, the model config asks for 2.0; take'),
  ],
)
def test_other_weights_than_the_config_asks_for_are_named(hub, given, error):
  with pytest.raises(ValueError, match=error):
    weights.load_for_config(*make(hub, window=3, **given))


def test_a_vit_is_not_a_swin(golden, hub):
  config, cfg = make(hub, window=3)
  vit = config | dict(weights=str(golden / 'hf_vit'))
  error = 'is a ViT, the model config asks for a Swin; .*family to .clip. or'
  for load in (weights.load_for_config, weights.load_unchecked):
    with pytest.raises(ValueError, match=error):
      load(vit, cfg)
  cfg = weights.load_image_model(golden / 'hf_vit').model.cfg
  with pytest.raises(ValueError, match=r"is a Swin, .*family to 'swin'"):
    weights.load_backbone(str(hub), cfg)


@pytest.mark.parametrize(
  ('given', 'error'),
  [
    (dict(windows=3), "A Swin has no 'windows' to choose; did you mean .windo"),
    (dict(depths=(2, 6)), r'has depths \(2, 2\), not \(2, 6\)'),
    (dict(window='7'), "window is '7'; it can be an integer"),
    (dict(bias='per_frame'), 'set steps to those of a clip'),
  ],
)
def test_invalid_choices_are_named(hub, given, error):
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(hub, **given)
  assert weights.load_image_model(hub, depths=[2, 2])


def test_shapes_are_those_of_all_blocks(hub):
  """Which are found from one block of a stage."""
  cfg = make_config(dict(family='swin', variant='Swin-T', tubelet=2))
  tree = image.compute_shapes(cfg)
  assert sum(name.startswith('blocks_') for name in tree) == 12
  widths = [tree[f'blocks_{i}']['ln1']['scale'].shape[0] for i in (1, 3, 9, 11)]
  assert widths == [96, 192, 384, 768]
  assert tree['merges_2']['fc']['kernel'].shape == (1536, 768)
