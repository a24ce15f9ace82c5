"""Trains and evaluates a config.

  python -m i2v_jax.main --config configs/quickstart.py --workdir runs/q

Any key of the config can be changed: `--config.optimizer.lr=1e-3`. The same
command again resumes at the last checkpoint; --extend continues a run with more
steps or epochs, another learning rate or batch size. With several hosts, start
it on each, with --distributed or --coordinator, --num_processes, --process_id.
"""

import os
import sys

from absl import app, flags, logging

from i2v_jax.data.sets import places
from i2v_jax.runtime import errors
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_flag

# JAX and the library are imported in `run`: worker processes of the data loader
# import this module too and do not need them.

CONFIG = config_flag.define_config()
WORKDIR = flags.DEFINE_string('workdir', None, 'Folder of the run.')
BATCH_SIZE = flags.DEFINE_string(
  'batch_size',
  '',
  'Batch size instead of that of the config: an integer, or auto for the '
  'largest that fits.',
)
flags.DEFINE_alias('batch-size', 'batch_size')
EXTEND = flags.DEFINE_bool(
  'extend',
  False,
  'Continue the run of the workdir with other steps, epochs, batch size or '
  'learning rate.',
)
DISTRIBUTED = flags.DEFINE_bool(
  'distributed', False, 'Join the other hosts of a TPU pod, SLURM or Open MPI.'
)
COORDINATOR = flags.DEFINE_string(
  'coordinator', '', 'HOST:PORT of process 0, without --distributed.'
)
NUM_PROCESSES = flags.DEFINE_integer(
  'num_processes', None, 'Number of processes, with --coordinator.'
)
PROCESS_ID = flags.DEFINE_integer(
  'process_id',
  None,
  'Number of this process, from 0, with --coordinator.',
)
JOIN_SECONDS = flags.DEFINE_integer(
  'join_seconds', 300, 'Seconds within which all hosts must join.'
)
SILENT_SECONDS = flags.DEFINE_integer(
  'silent_seconds',
  100,
  'Seconds without a sign of life after which a host counts as lost.',
)


def run(argv) -> None:
  if len(argv) > 1:
    raise UserError(f'{argv[1]!r} is not a flag; flags begin with --.')
  places.check_writable('--workdir', WORKDIR.value)
  places.check_data(CONFIG.value.data.root, CONFIG.value.data.options)

  from i2v_jax.runtime import hosts

  logging.set_verbosity(logging.WARNING)  # not which backends are absent
  join = hosts.Join(
    DISTRIBUTED.value,
    COORDINATOR.value,
    NUM_PROCESSES.value,
    PROCESS_ID.value,
    JOIN_SECONDS.value,
    SILENT_SECONDS.value,
  )
  with hosts.join_hosts(join):
    _train()


def _train() -> None:
  import jax

  from i2v_jax.runtime import hosts
  from i2v_jax.runtime.console import console

  hosts.check_shared(WORKDIR.value)
  console.quiet = jax.process_index() > 0
  config = CONFIG.value
  if BATCH_SIZE.value:
    with config.ignore_type():  # which is int
      config.batch_size = parse_batch_size(BATCH_SIZE.value)
  if config.compare:
    from i2v_jax.bench import compare

    compare.compare_overrides(config, WORKDIR.value, EXTEND.value)
  else:
    from i2v_jax.training import loop

    loop.train_and_evaluate(config, WORKDIR.value, EXTEND.value)
  if jax.process_index() == 0:
    from i2v_jax.training import after_training

    after_training.write_page(WORKDIR.value)


def parse_batch_size(text: str):
  """Parses `auto` or an integer."""
  if text != 'auto' and not (text.isascii() and text.isdigit()):
    raise UserError(f'--batch_size is an integer or auto, not {text!r}.')
  return text if text == 'auto' else int(text)


def parse(argv):
  """Parses flags and the config they change; an error is one sentence."""
  try:
    return app.parse_flags_with_usage(argv)
  except Exception as error:
    if os.environ.get('I2V_TRACEBACK'):
      raise
    sys.exit(f'error: {describe_error(error)}\n(I2V_TRACEBACK=1 shows where)')


def describe_error(error: Exception) -> str:
  """Describes an error in a flag of the config."""
  first = error.args[0] if error.args else None
  if isinstance(first, KeyError):  # as ml_collections wraps some of its own
    error = first
  is_key = isinstance(error, KeyError)  # whose str() is a repr
  text = ' '.join(map(str, error.args)) if is_key else str(error)
  text = text.replace('\n', '. ')
  unknown = is_key and text.startswith("'")
  return f'the config has no key {text}' if unknown else text


def main(argv) -> None:
  sys.exit(errors.run_guarded(run, argv))


if __name__ == '__main__':
  flags.mark_flags_as_required(['config', 'workdir'])
  app.run(main, flags_parser=parse)
