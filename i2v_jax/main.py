"""Trains and evaluates a config.

  python -m i2v_jax.main --config configs/quickstart.py --workdir runs/q

Any key of the config can be changed: `--config.optimizer.lr=1e-3`. The same
command again resumes at the last checkpoint.
"""

import os
import sys

from absl import app, flags, logging
from ml_collections import config_flags

from i2v_jax import cli

# JAX and the library are imported in `run`: worker processes of the data
# loader import this module too, and have no use for them.

CONFIG = config_flags.DEFINE_config_file(
  'config', None, 'File with get_config().', lock_config=True
)
WORKDIR = flags.DEFINE_string('workdir', None, 'Folder of the run.')
DISTRIBUTED = flags.DEFINE_bool(
  'distributed', False, 'Join the other processes (TPU pod, SLURM, Open MPI).'
)


def run(argv) -> None:
  if len(argv) > 1:
    raise app.UsageError(f'{argv[1]!r} is not a flag; flags begin with --.')
  import jax

  from i2v_jax import writers

  logging.set_verbosity(logging.WARNING)  # not which backends are absent
  if DISTRIBUTED.value:
    jax.distributed.initialize()
  writers.console.quiet = jax.process_index() > 0
  config = CONFIG.value
  if config.compare:
    from i2v_jax import compare

    compare.compare(config, WORKDIR.value)
  else:
    from i2v_jax import train

    train.train_and_evaluate(config, WORKDIR.value)


def parse(argv):
  """Flags, and the config they change; a mistake in it is one sentence."""
  try:
    return app.parse_flags_with_usage(argv)
  except Exception as error:
    if os.environ.get('I2V_TRACEBACK'):
      raise
    text = ' '.join(str(part) for part in error.args)
    sys.exit(f'error: {text}\n(I2V_TRACEBACK=1 shows where)')


def main(argv) -> None:
  sys.exit(cli.guarded(run, argv))


if __name__ == '__main__':
  flags.mark_flags_as_required(['config', 'workdir'])
  app.run(main, flags_parser=parse)
