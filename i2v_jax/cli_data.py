"""`i2v data`: look at videos, check them, prepare them, measure reading."""


def add(command) -> None:
  """Adds `data` and what is below it; `command` makes a subcommand."""
  top = command('data', None, 'look at videos, check, prepare, measure them')
  below = top.add_subparsers(required=True, metavar='COMMAND')

  def sub(name, function, summary):
    found = below.add_parser(name, help=summary, description=summary)
    found.set_defaults(function=function)
    return found
