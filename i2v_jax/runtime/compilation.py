"""Compiling: where programs are kept, with which options, and a line about it.

A program is compiled once per shape; the next run finds it in the cache.
"""

import collections
import contextlib
import pathlib
import re
import threading
import time
from collections.abc import Iterator

import jax
from jax.experimental.compilation_cache import compilation_cache
from jax.sharding import Mesh

from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError

FOLDER = 'compiled'  # in the workdir

# By default XLA's order of operations on a CPU is not one of least memory; the
# results of both are the same bits. Earlier versions have no such option.
_CPU = {'xla_cpu_scheduler_type': 'CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED'}
# TPUs may gather a cut weight piece by piece inside its matrix products. Those
# of the gradients are then put off to the end of the step, and what they are
# made of, the activations of every block, is kept until then (docs/scaling.md).
_TPU = {'xla_jf_spmd_threshold_for_windowed_einsum_mib': '1000000'}
OPTIONS = {'tpu': _TPU}
if jax.__version_info__ >= (0, 10):
  OPTIONS['cpu'] = _CPU


@contextlib.contextmanager
def cache_in(workdir) -> Iterator[None]:
  """While open, programs that took a second to compile are kept in a workdir.

  A cache that JAX has already (JAX_COMPILATION_CACHE_DIR) is used instead. One
  that cannot be written to costs a warning of JAX's, and time.
  """
  if jax.config.jax_compilation_cache_dir:
    yield
    return
  folder = pathlib.Path(workdir).absolute() / FOLDER
  try:
    _use(str(folder))
    yield
  finally:
    _use(None)


def _use(folder: str | None) -> None:
  compilation_cache.reset_cache()  # or JAX stays with the first
  jax.config.update('jax_compilation_cache_dir', folder)


def compile_lowered(
  lowered: jax.stages.Lowered, mesh: Mesh, what: str
) -> jax.stages.Compiled:
  """Compiles what is lowered for a mesh, and says so.

  Args:
    lowered: by `jax.jit(…).lower`.
    mesh: its devices.
    what: a name for people.
  """
  options = OPTIONS.get(mesh.devices.flat[0].platform)
  with announce(what):
    try:
      return lowered.compile(compiler_options=options)
    except jax.errors.JaxRuntimeError as error:
      if 'No such compile option' not in str(error):
        raise
    console.print(
      f'this version of XLA lacks one of {sorted(options)}; {what} is compiled '
      'without, and may take more memory'
    )
    return lowered.compile()


@contextlib.contextmanager
def announce(what: str, after: float = 2.0) -> Iterator[None]:
  """Says that `what` is being compiled where that takes over `after` seconds.

  In lines, for log files: one when the seconds are over, one at the end.
  """
  start, said = time.monotonic(), threading.Event()

  def say():
    said.set()
    console.print(f'compiling {what} ...')

  timer = threading.Timer(after, say)
  timer.daemon = True
  timer.start()
  try:
    yield
  finally:
    timer.cancel()
    timer.join()
  if said.is_set():
    seconds = time.monotonic() - start
    console.print(f'compiled {what} in {seconds:.0f} s')


def count_xla_macs(stage: jax.stages.Lowered | jax.stages.Compiled) -> float:
  """Half the FLOPs that XLA counts in a program.

  XLA counts two for a multiply-accumulate, in matrix products and convolutions,
  and one for every other operation on a value, so that norms, activations and
  softmax add 0.3 to 0.5 % to models of full size, and more to small ones. It
  does not look into all of the `kernels` that a compiled program calls: what
  cuDNN's attention computes is missing, cuBLAS's products are counted.

  Raises:
    UserError: the backend does not tell.
  """
  analysis = stage.cost_analysis()
  if not analysis or 'flops' not in analysis:
    raise UserError('This backend does not tell the FLOPs of a program.')
  return analysis['flops'] / 2


def count_kernels(compiled: jax.stages.Compiled) -> dict[str, int]:
  """How often a compiled program calls which kernels of libraries."""
  found = re.findall(r'custom_call_target="([^"]+)"', compiled.as_text())
  return dict(collections.Counter(found))


def read_peak_bytes(compiled) -> int | None:
  """Memory that a compiled computation takes on one device while it runs.

  As XLA plans it: arguments (parameters, optimiser state and the batch of a
  training step), results that do not take their place, and temporaries, which
  are what the backward pass keeps and the workspace. Not in it: the program,
  batches on their way, and what the allocator cannot use.
  """
  stats = compiled.memory_analysis()
  if stats is None:  # not every backend tells
    return None
  results = stats.output_size_in_bytes - stats.alias_size_in_bytes
  return stats.argument_size_in_bytes + results + stats.temp_size_in_bytes
