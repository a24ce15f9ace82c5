"""The processor that a benchmark ran on."""

import os
import pathlib
import platform
import re

INFO = pathlib.Path('/proc/cpuinfo')  # of Linux


def describe_cpu() -> str:
  """Describes the processor by its name and number of cores."""
  name = platform.processor() or platform.machine()
  if INFO.exists():
    found = re.search(r'model name\s*: (.*)', INFO.read_text('utf-8'))
    name = found[1] if found else name
  return f'{name}, {os.cpu_count()} cores'
