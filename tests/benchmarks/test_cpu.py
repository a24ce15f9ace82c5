"""The name of a processor, with and without Linux."""

import os
import platform

import cpu


def test_a_processor_has_a_name_and_cores(tmp_path, monkeypatch):
  cores = f', {os.cpu_count()} cores'
  monkeypatch.setattr(cpu, 'INFO', tmp_path / 'info')
  monkeypatch.setattr(platform, 'processor', lambda: 'arm')
  assert cpu.describe_cpu() == f'arm{cores}'
  cpu.INFO.write_text('processor\t: 0\nmodel name\t: Zen 4\n' * 2, 'utf-8')
  assert cpu.describe_cpu() == f'Zen 4{cores}'
