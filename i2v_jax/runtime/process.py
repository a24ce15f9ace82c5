"""Memory of this process, where the operating system reports it."""

import sys

try:
  import resource
except ModuleNotFoundError:  # Windows
  resource = None


def read_peak_bytes() -> int | None:
  """Reads the most memory this process has used; None if not reported."""
  if resource is None:
    return None
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return peak if sys.platform == 'darwin' else 1024 * peak
