"""Memory on machines elsewhere, and the compiler's word if it is too little."""

import json
import types

import jax
import pytest
from jax.experimental import topologies

from i2v_jax.bench import topology
from i2v_jax.runtime.errors import UserError


def test_the_parts_are_those_of_the_compiled_step(smoke_config):
  config = smoke_config()
  found = topology.measure(config, jax.devices()[:1], 8, 4, effort=-1.0)
  assert found['total'] > found['frozen'] > found['trained'] > 0
  assert found['temporaries'] > 0 and 0 <= found['other'] < 1024
  pixels = config.model.num_frames * config.model.backbone.image_size**2 * 3
  assert found['batch'] == 8 * (pixels + 4 + 4)  # and label and mask


def test_what_is_yet_to_be_found_is_not_measured(smoke_config):
  config = smoke_config()
  config.remat = 'auto'
  with pytest.raises(ValueError, match=r"remat is 'auto'.* set it to"):
    topology.measure(config, jax.devices()[:1], 8, 4, effort=-1.0)


def test_what_does_not_fit_is_reported(smoke_config, monkeypatch):
  def refuse(*_, **__):
    raise jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: Ran out.\nOf: …')

  monkeypatch.setattr(jax.stages.Lowered, 'compile', refuse)
  found = topology.measure(smoke_config(), jax.devices()[:1], 8, 4, effort=-1.0)
  assert found == {'refused': 'Ran out.'}


def test_a_line_of_json_is_written_for_a_backbone_without_a_name(
  smoke_config, monkeypatch, tmp_path
):
  out, config = tmp_path / 'found.json', smoke_config()
  flags = dict(CONFIG=config, TOPOLOGY='', DEVICES=1, CLIPS=2, CLASSES=4)
  for name, value in (flags | dict(EFFORT=-1.0, OUT=str(out))).items():
    flag = types.SimpleNamespace(value=value)
    monkeypatch.setattr(topology, name, flag)
  monkeypatch.setattr(topology, 'measure', lambda *_: {'total': 8})
  topology.run(['topology'])
  row = json.loads(out.read_text(encoding='utf-8'))
  assert row['variant'] is None and (row['clips'], row['total']) == (2, 8)


def test_what_is_no_flag_is_refused():
  with pytest.raises(UserError, match="'more' is not a flag"):
    topology.run(['topology', 'more'])


@pytest.mark.parametrize('kind', [RuntimeError, ValueError])
def test_an_unknown_topology_is_refused(kind, monkeypatch):
  def refuse(*_):
    raise kind('no libtpu')

  monkeypatch.setattr(topologies, 'get_topology_desc', refuse)
  with pytest.raises(UserError, match='--topology foo: no libtpu'):
    topology.find_devices('foo')
