"""Every layout of weights trains what one device trains, in less memory."""

import json
import os
import subprocess
import sys

import jax
import layouts_on_devices
import numpy as np
import pytest
from paths import TESTS

from i2v_jax.deploy import trained

DEVICES = '--xla_force_host_platform_device_count=8'
pytestmark = pytest.mark.slow


def on_eight(*args) -> str:
  """What the script prints on 8 devices."""
  return subprocess.run(
    [sys.executable, 'support/layouts_on_devices.py', *args],
    cwd=TESTS,
    env=os.environ
    | {
      'PYTHONPATH': str(TESTS.parent),
      'XLA_FLAGS': f'{os.environ["XLA_FLAGS"]} {DEVICES}',
    },
    stdout=subprocess.PIPE,
    text=True,
    check=True,
  ).stdout


@pytest.fixture(scope='module', params=layouts_on_devices.MODELS)
def found(request):
  return json.loads(on_eight(request.param))


@pytest.mark.parametrize('layout', layouts_on_devices.LAYOUTS)
def test_three_steps_are_those_of_one_device(found, layout):
  assert found['moved'] > 1e-3  # what follows is little beside it
  assert found[layout]['params'] < 1e-5
  assert found[layout]['opt_state'] < 1e-5
  assert found[layout]['loss'] < 1e-5


@pytest.mark.parametrize(
  ('layout', 'frozen', 'state'),
  [
    ('replicated', 1, 1),
    ('data', 1 / 8, 1 / 8),
    ('model', 1 / 2, 1 / 2),
    ('both', 1 / 4, 1 / 2),
  ],
)
def test_a_device_holds_its_share(found, layout, frozen, state):
  assert frozen <= found[layout]['share_of_frozen'] < frozen + 0.15
  assert state <= found[layout]['share_of_state'] < state + 0.3


def test_a_run_goes_on_in_another_layout(digits, smoke_run, tmp_path):
  """And is read on one device, and evaluated as one device does."""
  workdir = tmp_path / 'run'
  printed = on_eight(digits, workdir)
  assert 'on 8 cpu device(s)' in printed and 'resumed at step 2 of 3' in printed
  found, wanted = (
    (trained.load(path), np.load(path / 'eval' / 'scores.npz')['scores'])
    for path in (workdir, smoke_run)
  )
  assert found[0].mesh.size == 1 and found[0].identity == wanted[0].identity
  close = lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=2e-6)
  jax.tree.map(close, found[0].params, wanted[0].params)
  np.testing.assert_allclose(found[1], wanted[1], rtol=0, atol=1e-5)
