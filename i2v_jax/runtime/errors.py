"""What a user can mend is one sentence; anything else is our bug."""

import os
import signal
import sys

from i2v_jax.runtime import devices, signals
from i2v_jax.runtime.console import accept_all_text

MENDABLE = (
  FloatingPointError,
  ModuleNotFoundError,
  OSError,
  RuntimeError,
  ValueError,
)


def guarded(function, *args) -> int:
  """Calls; what a user can mend is one sentence on stderr and exit code 1.

  A run that was told to stop says how to go on, with 0. Elsewhere Ctrl-C is
  "stopped", what the KeyboardInterrupt says after it, and 130.
  """
  accept_all_text()
  try:
    return int(function(*args) or 0)
  except signals.Stopped as stopped:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while Python ends
    if text := str(stopped):  # one process says it for all
      print(text)
    return 0
  except KeyboardInterrupt as stop:
    if os.environ.get('I2V_TRACEBACK'):
      raise
    print('; '.join(['stopped', *map(str, stop.args)]), file=sys.stderr)
    return 130
  except Exception as error:
    problem = str(error) if isinstance(error, MENDABLE) else ''
    if isinstance(error, AssertionError | RuntimeError):
      problem = devices.missing() or problem
    if not problem or os.environ.get('I2V_TRACEBACK'):
      raise
    print(f'error: {problem}', file=sys.stderr)
    print('(I2V_TRACEBACK=1 shows where)', file=sys.stderr)
    return 1
