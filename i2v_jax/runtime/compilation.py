"""Compiling: its cache, its options, and a line that reports it.

A program is compiled once per shape; the next run finds it in the cache.
"""

import collections
import contextlib
import os
import pathlib
import re
import threading
import time
from collections.abc import Iterator

import jax
from jax.experimental.compilation_cache import compilation_cache
from jax.sharding import Mesh

from i2v_jax.runtime import files
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError

FOLDER = 'compiled'  # in the workdir, or the user's cache
# Of the user's cache: bytes of all programs, and seconds that one is worth.
LARGEST, SHORTEST = 2**30, 0.3

# By default XLA does not order operations on a CPU for least memory; results
# are the same bits. Earlier versions have no such option.
_CPU = {'xla_cpu_scheduler_type': 'CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED'}
# TPUs may gather a sharded weight piece by piece inside its matrix products.
# Those of the gradients are then delayed to the end of the step, and their
# inputs, the activations of every block, are kept until then.
# See docs/scaling.md.
_TPU = {'xla_jf_spmd_threshold_for_windowed_einsum_mib': '1000000'}
OPTIONS = {'tpu': _TPU}
if jax.__version_info__ >= (0, 10):
  OPTIONS['cpu'] = _CPU


@contextlib.contextmanager
def cache_in(workdir) -> Iterator[None]:
  """While open, caches programs that take a second to compile in a workdir.

  A cache that JAX already has (JAX_COMPILATION_CACHE_DIR) is used instead. One
  that is not writable costs a warning by JAX, and time.
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


def cache_for_user() -> None:
  """Caches programs where the user's other caches are, up to 1 GB.

  For commands that use a model and leave its folder as it is. A cache that JAX
  already has is used instead; where none can be written, there is none.
  """
  root = files.find_cache_folder()
  if root is None or jax.config.jax_compilation_cache_dir:
    return
  folder = root / FOLDER
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError:
    return
  if not os.access(folder, os.W_OK):
    return
  jax.config.update('jax_compilation_cache_max_size', LARGEST)
  jax.config.update('jax_persistent_cache_min_compile_time_secs', SHORTEST)
  _use(str(folder))


def _use(folder: str | None) -> None:
  compilation_cache.reset_cache()  # or JAX stays with the first
  jax.config.update('jax_compilation_cache_dir', folder)


def compile_lowered(
  lowered: jax.stages.Lowered, mesh: Mesh, what: str
) -> jax.stages.Compiled:
  """Compiles a program that is lowered for a mesh, and reports it.

  Args:
    lowered: result of `jax.jit(…).lower`.
    mesh: its devices.
    what: name of the program in printed lines.
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
  """Prints that `what` is being compiled if that takes over `after` seconds.

  As lines, for log files: one after these seconds, one at the end.
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
  """Counts half the FLOPs that XLA counts in a program.

  XLA counts two for a multiply-accumulate, in matrix products and convolutions,
  and one for every other operation on a value, so that norms, activations and
  softmax add 0.3 to 0.5 % to models of full size, and more to small ones. It
  does not see into all library kernels that a compiled program calls: cuDNN's
  attention is missing, cuBLAS's products are counted.

  Raises:
    UserError: the backend does not report FLOPs.
  """
  analysis = stage.cost_analysis()
  if not analysis or 'flops' not in analysis:
    raise UserError('This backend does not report the FLOPs of a program.')
  return analysis['flops'] / 2


def count_kernels(compiled: jax.stages.Compiled) -> dict[str, int]:
  """Counts the calls of each library kernel in a compiled program."""
  found = re.findall(r'custom_call_target="([^"]+)"', compiled.as_text())
  return dict(collections.Counter(found))


def read_peak_bytes(compiled) -> int | None:
  """Reads the memory that a compiled program takes on one device, if known.

  As XLA plans it: arguments (parameters, optimiser state and the batch of a
  training step), results that do not reuse their memory, and temporaries
  (activations kept for the backward pass, workspace). It leaves out the program
  itself, prefetched batches, and memory that the allocator cannot use.
  """
  stats = compiled.memory_analysis()
  if stats is None:  # not every backend reports it
    return None
  results = stats.output_size_in_bytes - stats.alias_size_in_bytes
  return stats.argument_size_in_bytes + results + stats.temp_size_in_bytes
