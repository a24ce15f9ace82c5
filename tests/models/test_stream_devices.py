"""Streams on several devices are those of one."""

import json
import os
import subprocess
import sys

from paths import TESTS

DEVICES = '--xla_force_host_platform_device_count=4'


def test_streams_on_four_devices_are_those_of_one():
  flags = f'{os.environ["XLA_FLAGS"]} {DEVICES}'
  paths = os.pathsep.join([str(TESTS.parent), str(TESTS / 'support')])
  done = subprocess.run(
    [sys.executable, 'support/streams_on_devices.py'],
    cwd=TESTS,
    env=os.environ | {'PYTHONPATH': paths, 'XLA_FLAGS': flags},
    stdout=subprocess.PIPE,
    text=True,
    check=True,
  )
  found = json.loads(done.stdout)
  assert found.keys() == {'whole', 'cut'}
  for logits, ages in found.values():
    assert logits < 1e-5 and ages == 0
