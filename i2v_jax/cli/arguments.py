"""Groups of subcommands, and options that several of them have."""

import argparse
from collections.abc import Callable


def subcommands(
  parser: argparse.ArgumentParser, required: bool = True
) -> Callable:
  """Returns `(name, function, summary) -> parser`, which adds a subcommand."""
  below = parser.add_subparsers(required=required, metavar='COMMAND')

  def command(name: str, function: Callable | None, summary: str):
    sub = below.add_parser(name, help=summary, description=summary)
    sub.set_defaults(function=function)
    return sub

  return command


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
