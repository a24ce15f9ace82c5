"""One of several hosts, which does what it reads; see test_hosts.py.

python tests/support/one_host.py HOST:PORT COUNT ID JOIN_SECONDS SILENT_SECONDS
"""

import sys

import jax
import numpy as np
from jax.experimental import multihost_utils

from i2v_jax.runtime import errors, hosts


def work():
  where, *numbers = sys.argv[1:]
  with hosts.join_hosts(hosts.Join(False, where, *map(int, numbers))):
    for line in sys.stdin:
      what, _, text = line.strip().partition(' ')
      if what == 'sum':
        mine = np.array([jax.process_index() + 1])
        print('sum', multihost_utils.process_allgather(mine).sum(), flush=True)
      elif what == 'shared':
        hosts.check_shared(text)
      elif what == 'raise':
        raise errors.UserError(text)
      elif what == 'exit':
        sys.exit(int(text))


if __name__ == '__main__':
  sys.exit(errors.run_guarded(work))
