"""The flag `--config FILE[:ARG]` of main programs."""

import re
import sys
from collections.abc import Sequence

from absl import flags
from ml_collections import ConfigDict, config_flags
from ml_collections.config_flags.config_flags import ConfigFileFlagParser

from i2v_jax.runtime.errors import UserError
from i2v_jax.training import optional_keys, shipped_configs


class _Parser(ConfigFileFlagParser):
  """Finds shipped files too, and lets a file anywhere import `configs`."""

  def parse(self, path: str) -> ConfigDict:
    name, arg = shipped_configs.split_argument(path)
    file = shipped_configs.find_config(name)
    try:
      with shipped_configs.load_module(file) as module:
        get_config = shipped_configs.find_get_config(module)
        config = get_config(*([arg] if arg else []))
    except Exception as error:  # the message of absl names the file
      raise UserError(str(error) or repr(error)) from error
    if not isinstance(config, ConfigDict):
      kind = type(config).__name__
      raise UserError(f'get_config() returns {kind}, not a ConfigDict.')
    optional_keys.add_keys(config, _find_changed(sys.argv))
    return config.lock()


def _find_changed(argv: Sequence[str]) -> list[str]:
  """Finds the keys that `--config.KEY=VALUE` and the like change."""
  found = (re.match(r'--?(?:no)?config\.([\w.]+)', arg) for arg in argv)
  return [match[1] for match in found if match]


def define_config() -> flags.FlagHolder:
  """Defines the flag, and one for every key of the config."""
  holder = config_flags.DEFINE_config_file(
    'config', None, 'File with get_config(), as FILE.py[:ARG].'
  )
  flags.FLAGS['config'].parser = _Parser('config')
  return holder
