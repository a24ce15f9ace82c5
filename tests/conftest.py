"""Settings every test runs under, and what many of them need."""

import functools
import gc
import importlib
import os
import pathlib
import resource
import tempfile
from importlib.metadata import version

# Tests compile the same tiny models many times, also in processes they start;
# LLVM's expensive passes, and MLIR's on the way there, take longer than the
# models do. XLA ends the process for a flag it does not know: jax 0.12 has no
# fusion emitters to switch off.
os.environ |= {
  'XLA_FLAGS': '--xla_backend_optimization_level=0 '
  '--xla_llvm_disable_expensive_passes=true '
  '--xla_cpu_parallel_codegen_split_count=1'
  + ' --xla_cpu_use_fusion_emitters=false'
  * (tuple(map(int, version('jaxlib').split('.')[:2])) < (0, 12)),
  'XDG_CACHE_HOME': f'{tempfile.gettempdir()}/i2v_jax_test_cache/home',
  'JAX_COMPILATION_CACHE_DIR': f'{tempfile.gettempdir()}/i2v_jax_test_cache',
  'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0.2',
  'JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES': '-1',
}

import jax
import pytest
import quick

jax.config.update('jax_numpy_rank_promotion', 'raise')

HERE = pathlib.Path(__file__).parent


def pytest_collection_finish():
  """Collects garbage rarely: tracing makes objects by the million, no cycles.

  What is imported by now stays.
  """
  gc.freeze()
  gc.set_threshold(50_000, 20, 20)


@pytest.fixture
def videos() -> pathlib.Path:
  """Folder of small real clips (see its README.md)."""
  return HERE / 'videos'


@pytest.fixture
def golden() -> pathlib.Path:
  """Folder of outputs of reference implementations."""
  return HERE / 'golden'


@pytest.fixture(scope='session')
def digits(tmp_path_factory) -> pathlib.Path:
  """16 + 12 clips of moving digits."""
  from i2v_jax.data.sets import digits

  root = tmp_path_factory.mktemp('data') / 'digits'
  digits.generate(str(root), num_train=16, num_val=12)
  return root


@pytest.fixture
def split(digits):
  """The 16 training clips of the digits."""
  from i2v_jax.data.sets import sources

  return sources.load_split('digits', digits, 'train')


@pytest.fixture
def broken(videos):
  """A split of three videos, the second of which cannot be read to the end."""
  from i2v_jax.data.sets import sources

  names = ('h265.mp4', 'corrupted.mp4', 'rotated_90.mov')
  paths = tuple(str(videos / name) for name in names)
  return sources.Split(paths, [0, 2, 1], ('a', 'b', 'c'), names)


@pytest.fixture
def full_disk():
  """Files of more than a few bytes cannot be written."""
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
  yield
  resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def make_config(digits, name, arg):
  """A shipped config on the digits, or on those with boxes."""
  if name == 'quickstart':
    config = quick.make_config(arg)
  else:
    config = importlib.import_module(f'configs.{name}').get_config(arg)
  # Other sets of digits are made there.
  made = {'digit_boxes': 'boxed', 'digit_footage': 'footage'}
  other = made.get(config.data.format)
  if config.data.options.get('most') == 1:
    other += '_of_one'
  folder = digits.parent.with_name(other) if other else digits
  config.data.root = str(folder)
  return config


@pytest.fixture(scope='session')
def smoke_runs(digits, tmp_path_factory):
  """`smoke_runs('zeroi2v_k400')` -> (workdir, result), trained once."""
  from i2v_jax.training import loop

  @functools.cache
  def train(name, arg='smoke'):
    workdir = tmp_path_factory.mktemp('smoke') / 'run'
    config = make_config(digits, name, arg).lock()
    return workdir, loop.train_and_evaluate(config, workdir)

  return train


@pytest.fixture(scope='session')
def smoke_run(smoke_runs) -> pathlib.Path:
  """Workdir of a short ZeroI2V run on the digits, trained and evaluated."""
  return smoke_runs('quickstart')[0]


@pytest.fixture(scope='session')
def smoke_config(digits):
  """`smoke_config('zeroi2v_k400', key=value, …)` -> a config that runs here."""

  def make(name='quickstart', arg='smoke', **changes):
    config = make_config(digits, name, arg)
    config.update(changes)
    return config.lock()

  return make


SWEEP = """
from configs import quickstart


def get_config(arg=''):
  config = quickstart.get_config('smoke')
  config.model.backbone.depth = 1
  return config


def sweep(arg=''):
  c = get_config()
  c.reported = 12.5
  yield 'ZeroI2V 1/2', c
  if arg == 'refused':
    c.trainable = ('heads',)
    yield 'refused', c
  c.reported = 0.0
  c.trainable = ('head',)
  c.model.adapter = None
  yield 'probe', c
"""


@pytest.fixture
def diverging_config(smoke_config, monkeypatch):
  """Config of 6 steps, saved every so many; the fourth update is too large."""
  from i2v_jax.training import schedule

  make = schedule.make_warmup_cosine
  rate = lambda step: jax.numpy.where(step == 3, 1e38, 1e-3)
  monkeypatch.setattr(
    schedule, 'make_warmup_cosine', lambda *a, **k: make(*a, **k) and rate
  )

  def of(every):
    config = smoke_config(steps=6, checkpoint_every=every)
    with config.unlocked():
      config.optimizer.clip_norm = 0.0
    return config

  return of


@pytest.fixture
def sweep_file(tmp_path):
  """Writes a config file, by default with a sweep of two or three variants."""

  def write(text=None):
    path = tmp_path / 'of_a_test.py'
    path.write_text(text or SWEEP, encoding='utf-8')
    return str(path)

  return write
