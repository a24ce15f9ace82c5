"""Where programs are kept, how often they are compiled, and what is said."""

import threading

import jax
import jax.numpy as jnp
import pytest

from i2v_jax.models.probabilities import compute_probabilities
from i2v_jax.runtime import compilation, sharding
from i2v_jax.training import loop, memory


@pytest.fixture
def no_cache(monkeypatch):
  """As where JAX_COMPILATION_CACHE_DIR is not set; tests have one."""
  settings = (
    'jax_compilation_cache_dir',
    'jax_compilation_cache_max_size',
    'jax_persistent_cache_min_compile_time_secs',
  )
  before = {name: getattr(jax.config, name) for name in settings}
  compilation._use(None)
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)
  yield
  for name, value in before.items():
    jax.config.update(name, value)
  compilation._use(before['jax_compilation_cache_dir'])


def program(factor):
  return jax.jit(lambda x: x * factor).lower(jnp.ones(3)).compile()


def test_a_workdir_keeps_programs_while_it_is_in_use(no_cache, tmp_path):
  for run in ('one', 'two'):
    with compilation.cache_in(tmp_path / run):
      program(len(run))
    program(5)
    assert list((tmp_path / run / compilation.FOLDER).glob('*-cache'))
  assert jax.config.jax_compilation_cache_dir is None
  with compilation.cache_in(tmp_path / 'one'):
    before = set((tmp_path / 'one').rglob('*-cache'))
    program(5)  # was compiled outside, and is kept now
  assert len(set((tmp_path / 'one').rglob('*-cache')) - before) == 1


def test_a_cache_that_jax_has_is_used_instead(no_cache, tmp_path):
  compilation._use(str(tmp_path / 'mine'))
  with compilation.cache_in(tmp_path / 'run'):
    program(7)
  assert list((tmp_path / 'mine').glob('*-cache'))
  assert not (tmp_path / 'run').exists()
  assert jax.config.jax_compilation_cache_dir == str(tmp_path / 'mine')


def test_a_run_compiles_a_step_once_and_an_evaluation_once(
  smoke_config, tmp_path, monkeypatch
):
  """Its last batch of 12 videos is half a batch, and is filled up."""
  steps = []
  compiled_step = memory.compile_step
  monkeypatch.setattr(
    memory, 'compile_step', lambda run: steps.append(1) or compiled_step(run)
  )
  compute_probabilities.clear_cache()
  loop.train_and_evaluate(smoke_config(eval_every=1), tmp_path)
  assert steps == [1]
  assert compute_probabilities._cache_size() == 1


def test_what_takes_long_is_said_when_it_does_and_at_the_end(
  monkeypatch, capsys
):
  timers = []

  class Timer(threading.Thread):
    def __init__(self, after, function):
      super().__init__(target=function)
      timers.append((after, self))

    def cancel(self):
      pass

  monkeypatch.setattr(threading, 'Timer', Timer)
  with compilation.announce('a step', after=3.0):
    ((after, timer),) = timers
    timer.join()
    assert (after, timer.daemon) == (3.0, True)
    assert capsys.readouterr().out == 'compiling a step ...\n'
  assert capsys.readouterr().out == 'compiled a step in 0 s\n'


def test_what_is_quick_is_not_mentioned(capsys):
  with compilation.announce('a step', after=100):
    pass
  with pytest.raises(ValueError), compilation.announce('a step', after=100):
    raise ValueError('is passed on')
  assert capsys.readouterr().out == ''


def test_the_order_of_least_memory_changes_no_bit():
  mesh = sharding.make_mesh()
  x = jnp.linspace(0, 1, 4096).reshape(64, 64)

  def function(x):
    ys = [jnp.tanh(x @ (x + i)) for i in range(6)]
    return sum(jnp.exp(y) @ z for y, z in zip(ys, ys[::-1], strict=True))

  lowered = jax.jit(function).lower(x)
  found = compilation.compile_lowered(lowered, mesh, 'it')
  assert (found(x) == lowered.compile()(x)).all()


def test_an_option_that_xla_lacks_is_left_out_and_said(monkeypatch, capsys):
  mesh = sharding.make_mesh()
  lowered = jax.jit(lambda x: x + 1).lower(1.0)
  monkeypatch.setitem(compilation.OPTIONS, 'cpu', {'xla_of_another_day': '1'})
  assert compilation.compile_lowered(lowered, mesh, 'the step')(1.0) == 2.0
  said = ' '.join(capsys.readouterr().out.split())
  assert "lacks one of ['xla_of_another_day']; the step is compiled" in said
  wrong = {'xla_cpu_scheduler_type': 'NO_TYPE'}
  monkeypatch.setitem(compilation.OPTIONS, 'cpu', wrong)
  with pytest.raises(jax.errors.JaxRuntimeError, match='NO_TYPE'):
    compilation.compile_lowered(lowered, mesh, 'the step')


def test_commands_keep_programs_in_the_users_cache(
  no_cache, tmp_path, monkeypatch
):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  monkeypatch.setattr(compilation, 'SHORTEST', 0.0)
  compilation.cache_for_user()
  program(11)
  kept = tmp_path / 'i2v_jax' / compilation.FOLDER
  assert len(list(kept.glob('*-cache'))) == 1


def test_the_users_cache_has_a_limit(no_cache, tmp_path, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  monkeypatch.setattr(compilation, 'SHORTEST', 0.0)
  compilation.cache_for_user()
  program(17)
  folder = tmp_path / 'i2v_jax' / compilation.FOLDER
  (first,) = folder.glob('*-cache')
  monkeypatch.setattr(compilation, 'LARGEST', int(1.5 * first.stat().st_size))
  compilation._use(None)
  compilation.cache_for_user()
  program(19)
  (second,) = folder.glob('*-cache')
  assert second != first


def test_a_cache_that_jax_has_is_used_instead_of_the_users(
  no_cache, tmp_path, monkeypatch
):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  compilation._use(str(tmp_path / 'mine'))
  compilation.cache_for_user()
  assert jax.config.jax_compilation_cache_dir == str(tmp_path / 'mine')
  assert not (tmp_path / 'i2v_jax').exists()


def test_a_cache_that_cannot_be_written_is_none(
  no_cache, tmp_path, monkeypatch
):
  (tmp_path / 'i2v_jax').touch()  # not a folder
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  compilation.cache_for_user()
  assert jax.config.jax_compilation_cache_dir is None
