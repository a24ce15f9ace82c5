"""How many threads, processes and hosts make batches."""

import dataclasses

from i2v_jax.runtime.errors import UserError


@dataclasses.dataclass(frozen=True)
class Parallelism:
  """How batches are made; 0 workers and 0 threads are easy to debug.

  Attributes:
    threads: clips made at once in this process (decoding frees the GIL).
    workers: processes that make a clip each instead; 0 for none.
    shard: index of this host, below `num_shards`.
    num_shards: number of hosts; each makes its part of every batch.
    stall_seconds: seconds without a batch before a warning names the videos
      being read; 0 for never.
  """

  threads: int = 2
  workers: int = 0
  shard: int = 0
  num_shards: int = 1
  stall_seconds: float = 60

  def __post_init__(self):
    for name in ('threads', 'workers', 'stall_seconds'):
      if not getattr(self, name) >= 0:
        raise UserError(
          f'loader.{name} is {getattr(self, name)}; it can be 0 or more.'
        )
