r"""Where a training step on a CPU spends its time, operation by operation.

  python benchmarks/step_profile.py --rows 20
  XLA_FLAGS=--xla_cpu_multi_thread_eigen=false taskset -c 0 \
    python benchmarks/step_profile.py --rows 20

A line has all operations of one kind and shape. On several cores operations
overlap, and each counts in full; the second command runs one after the other.
"""

import argparse
import collections
import math
import pathlib
import re
import resource
import sys
import tempfile
import time

import jax
import numpy as np
from cpu import describe_cpu

from i2v_jax.bench import measure
from i2v_jax.bench.costs import count_classes
from i2v_jax.cli.arguments import add_config, add_set
from i2v_jax.cli.bench import CONFIG
from i2v_jax.cli.numbers import count, from_0
from i2v_jax.runtime import compilation, errors, sharding
from i2v_jax.runtime.console import console, make_table
from i2v_jax.training import config_files, memory

COLUMNS = ('operations', 'result', 'times', 'ms', 'GFLOP/s')
COUNTS = (
  ('classes', 0, 'Number of classes; 0 is that of the data'),
  ('batch-size', 1, 'Clips of a step'),
  ('steps', 4, 'Steps that are measured, and again profiled'),
  ('rows', 40, 'Lines of the table'),
)
HIDDEN = {'parameter', 'bitcast', 'constant', 'broadcast', 'tuple'}
_DEFINITION = re.compile(r'\s+(?:ROOT )?%(\S+) = \(?(\w+\[[\d,]*\]).*')
_OPERATION = re.compile(r'[\]})] ([\w-]+)\(')
_CALLED = re.compile(r'calls=%([\w.-]+)')
_DOT = re.compile(r' dot\(%([\w.-]+), .*lhs_contracting_dims=\{([\d,]+)\}')


def read_operations(text: str) -> dict[str, tuple[str, str, float]]:
  """Reads a compiled program: what each instruction does.

  Args:
    text: as `jax.stages.Compiled.as_text` has it.

  Returns:
    By name of the instruction: shape of its result, the operations that are
    fused in it, and FLOPs of its matrix products.
  """
  bodies, lines = {}, {}
  for line in text.splitlines():
    if not line.startswith(' ') and line.endswith('{'):
      body = bodies[line.removeprefix('ENTRY ').split(' ')[0][1:]] = []
    elif found := _DEFINITION.match(line):
      body.append(line)
      lines[found[1]] = line
  return {name: _describe(line, bodies, lines) for name, line in lines.items()}


def _describe(line: str, bodies, lines) -> tuple[str, str, float]:
  called = _CALLED.search(line)
  inside = bodies[called[1]] if called else [line]
  names = [_OPERATION.search(x) for x in inside]
  kinds = collections.Counter(x[1] for x in names if x and x[1] not in HIDDEN)
  label = ', '.join(f'{n} {k}' if n > 1 else k for k, n in kinds.items())
  flops = sum(_count_flops(x, lines) for x in inside)
  return _DEFINITION.match(line)[2], label, flops


def _count_flops(line: str, lines) -> float:
  """Two per multiply-accumulate of a matrix product; else 0."""
  if not (found := _DOT.search(line)):
    return 0.0
  factor, axes = _shape(lines[found[1]]), map(int, found[2].split(','))
  return 2.0 * math.prod(_shape(line)) * math.prod(factor[i] for i in axes)


def _shape(line: str) -> list[int]:
  shape = _DEFINITION.match(line)[2]
  return [int(n) for n in re.findall(r'\d+', shape[shape.find('[') :])]


def time_operations(call, steps: int) -> dict[str, tuple[float, float]]:
  """Times each instruction of a program: `(times, seconds)` per call."""
  times, seconds = collections.Counter(), collections.Counter()
  with tempfile.TemporaryDirectory() as folder:
    with jax.profiler.trace(folder):
      for _ in range(steps):
        call()
    (file,) = pathlib.Path(folder).rglob('*.xplane.pb')
    planes = jax.profiler.ProfileData.from_file(str(file)).planes
    for event in (e for p in planes for x in p.lines for e in x.events):
      times[event.name] += 1 / steps
      seconds[event.name] += event.duration_ns * 1e-9 / steps
  return {name: (times[name], seconds[name]) for name in times}


def group(operations, timed) -> list[tuple[float, float, float, str, str]]:
  """Groups timed instructions: seconds, times, FLOPs, shape, operations."""
  groups = collections.defaultdict(lambda: np.zeros(3))
  for name, (times, seconds) in timed.items():
    if name in operations:
      shape, label, flops = operations[name]
      groups[shape, label] += seconds, times, times * flops
  return sorted(((*v, *k) for k, v in groups.items()), reverse=True)


def compile_step(config, classes: int, size: int):
  """Compiles the training step of a config: a call, and its text."""
  mesh = sharding.make_mesh()
  lowered, inputs = memory.lower_step(config, mesh, classes, size)
  compiled = compilation.compile_lowered(lowered, mesh, 'the training step')
  step = measure.make_step(compiled, inputs)
  return lambda: jax.block_until_ready(step()), compiled.as_text()


def measure_step(call, steps: int) -> str:
  """Measures steps without a profile, in a sentence."""
  read = lambda: resource.getrusage(resource.RUSAGE_SELF)
  before, start = read(), time.perf_counter()
  for _ in range(steps):
    call()
  seconds, after = (time.perf_counter() - start) / steps, read()
  each = lambda name: (getattr(after, name) - getattr(before, name)) / steps
  return (
    f'a step takes {seconds:.3f} s, and of all cores {each("ru_utime"):.2f} s '
    f'in programs and {each("ru_stime"):.2f} s in the system, with '
    f'{each("ru_minflt"):,.0f} page faults'
  )


def run(args) -> None:
  config = config_files.load_config(args.config, args.set)
  classes = count_classes(config, args.classes)
  call, text = compile_step(config, classes, args.batch_size)
  call()
  said = measure_step(call, args.steps)
  rows = group(read_operations(text), time_operations(call, args.steps))
  shown = [
    (
      label,
      shape,
      f'{n:.0f}',
      f'{1e3 * t:.1f}',
      f'{f / t / 1e9:.0f}' if f else '',
    )
    for t, n, f, shape, label in rows[: args.rows]
  ]
  title = f'{args.config}, {args.batch_size} clips, {describe_cpu()}'
  console.print(make_table(title, COLUMNS, shown))
  total = sum(row[0] for row in rows)
  products = sum(row[0] for row in rows if row[2])
  console.print(
    f'{said}; profiled operations {total:.3f} s, of which fused '
    f'with matrix products {products:.3f} s'
  )


def main(argv=None) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add_config(parser, 'Config file', CONFIG)
  add_set(parser, 'Change the config.')
  for name, default, summary in COUNTS:
    parser.add_argument(
      f'--{name}',
      type=count if default else from_0,
      default=default,
      metavar='N',
      help=f'{summary} (default: {default}).',
    )
  sys.exit(errors.run_guarded(run, parser.parse_args(argv)))


if __name__ == '__main__':
  main()
