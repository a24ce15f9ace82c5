"""Groups of subcommands, and options that several of them have."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from i2v_jax.cli.numbers import count
from i2v_jax.runtime.errors import UserError


def add_subcommands(
  parser: argparse.ArgumentParser, required: bool = True
) -> Callable:
  """Returns `(name, function, summary) -> parser`, which adds a subcommand."""
  below = parser.add_subparsers(required=required, metavar='COMMAND')

  def command(name: str, function: Callable | None, summary: str):
    sub = below.add_parser(name, help=summary, description=summary)
    sub.set_defaults(function=function)
    return sub

  return command


def add_config(
  parser: argparse.ArgumentParser,
  help: str,
  default: str | None = None,
  required: bool = False,
) -> None:
  """Adds `--config FILE[:ARG]`; its help ends with the default, if any."""
  shown = f'{help} (default: {default}).' if default else f'{help}.'
  parser.add_argument(
    '--config',
    default=default,
    required=required,
    metavar='FILE[:ARG]',
    help=shown,
  )


def add_rounds(parser: argparse.ArgumentParser, default: int) -> None:
  """Adds `--rounds N`, the number of measurements."""
  parser.add_argument(
    '--rounds',
    type=count,
    default=default,
    metavar='N',
    help=f'Number of measurements (default: {default}).',
  )


def add_new_folder(parser: argparse.ArgumentParser) -> None:
  """Adds `--out`, the folder that a command creates."""
  parser.add_argument('--out', required=True, help='Folder to create.')


def add_json(parser: argparse.ArgumentParser, help: str) -> None:
  """Adds `--out FILE.json` for results that are printed as well."""
  parser.add_argument('--out', metavar='FILE.json', help=help)


def add_set(parser: argparse.ArgumentParser, help: str) -> None:
  """Adds `--set KEY=VALUE`, which can be repeated."""
  add_repeated(parser, '--set', 'KEY=VALUE', help)


def add_repeated(
  parser: argparse.ArgumentParser, flag: str, metavar: str, help: str
) -> None:
  """Adds a flag that can be repeated, and says so; its values are a list."""
  parser.add_argument(
    flag,
    action='append',
    default=[],
    metavar=metavar,
    help=f'{help} Can be repeated.',
  )


def find_given(args, names: Sequence[str]) -> dict[str, Any]:
  """Finds those options that were given, and their values."""
  found = {name: getattr(args, name) for name in names}
  return {name: value for name, value in found.items() if value is not None}


def refuse_given(args, names: Sequence[str], reason: str) -> None:
  """Raises UserError if any of the options was given."""
  for name in find_given(args, names):
    raise UserError(f'--{name.replace("_", "-")} {reason}.')
