"""What ZeroI2V's Table 8 reports on VidTAB, in percent.

The table is not among the sources of this project, so that no number is given
yet: `i2v sweep` shows `-`. Fill in what the paper has.
"""

TABLE = {}  # (method, shots) -> name of a task, or 'average' -> top-1


def find(method, shots, column):
  """A number of the table; 0.0 where it has none."""
  return TABLE.get((method, shots), {}).get(column, 0.0)
