"""Where numbers go: console lines, `metrics.jsonl`, TensorBoard events."""

import json
import math
import pathlib
import time

import numpy as np
import tensorboardX
from rich.console import Console
from rich.progress import (
  BarColumn,
  MofNCompleteColumn,
  Progress,
  TextColumn,
  TimeElapsedColumn,
  TimeRemainingColumn,
)

# No markup: file names may hold brackets.
console = Console(soft_wrap=True, highlight=False, markup=False)


def progress(total: int, what: str, unit: str = 'steps', done: int = 0):
  """A progress bar that disappears when done; silent in a log file."""
  bar = Progress(
    TextColumn('{task.description}'),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn(unit),
    TimeElapsedColumn(),
    TextColumn('left'),
    TimeRemainingColumn(),
    console=console,
    transient=True,
    disable=not console.is_terminal,
  )
  task = bar.add_task(what, total=total, completed=done)
  return bar, lambda n=1: bar.advance(task, n)


class Writer:
  """Writes scalars of a run; only the first process of many does."""

  def __init__(self, workdir, enabled: bool = True):
    self.enabled = enabled
    if enabled:
      self.jsonl = (pathlib.Path(workdir) / 'metrics.jsonl').open('a')
      self.events = tensorboardX.SummaryWriter(str(workdir))

  def scalars(self, step: int, values: dict, show: bool = True) -> None:
    """Adds one record: `{name: number}` at a step."""
    if not self.enabled:
      return
    values = {k: float(np.asarray(v)) for k, v in values.items()}
    record = {'step': step, 'time': round(time.time(), 3)}
    for name, value in values.items():  # JSON has no word for inf and nan
      record[name] = value if math.isfinite(value) else None
    print(json.dumps(record), file=self.jsonl, flush=True)
    for name, value in values.items():
      self.events.add_scalar(name, value, step)
    if show:
      shown = '  '.join(f'{k} {v:<8.4g}' for k, v in values.items())
      console.print(f'step {step:>7}  {shown}'.rstrip())

  def close(self) -> None:
    if self.enabled:
      self.jsonl.close()
      self.events.close()

  def __enter__(self):
    return self

  def __exit__(self, *error):
    self.close()
