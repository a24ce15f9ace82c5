"""Training: the loop around the step, and the evaluation behind it."""

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

import jax

from i2v_jax.data.loading import pipeline
from i2v_jax.data.loading.bad_videos import BadVideos
from i2v_jax.runtime import compilation, hosts, sharding, signals
from i2v_jax.runtime.console import console, progress
from i2v_jax.runtime.errors import FileError, NonFiniteError, UserError
from i2v_jax.training import auto, experiment, features, memory, nonfinite
from i2v_jax.training.evaluation import evaluate
from i2v_jax.training.overview import print_overview
from i2v_jax.training.run import Run, prepare_run, resume_run
from i2v_jax.training.workdir import checkpoint, log
from i2v_jax.training.workdir.claim import claim
from i2v_jax.training.workdir.heartbeat import Heartbeat
from i2v_jax.training.workdir.lock import Lock


@dataclasses.dataclass
class _Session:
  """A run at work: what it writes to, and what may stop it."""

  run: Run
  stop: signals.Stopping
  lock: Lock
  beat: Heartbeat
  checkpoints: checkpoint.Checkpoints
  writer: log.Writer

  def over(self, items):
    """The same items; shows that something goes on, ends when told to."""
    return self.beat.over(self.stop.over(items))

  def save(self) -> None:
    self.lock.check()
    nonfinite.check_state(self.run.state)
    self.checkpoints.save(self.run.state, self.run.metadata())


def train_and_evaluate(
  config: Mapping[str, Any], workdir, extend: bool = False
) -> evaluate.Evaluation:
  """Trains to the last step, resuming what the workdir holds, and evaluates.

  Args:
    config: of an experiment.
    workdir: folder of the run.
    extend: continue the run although keys of `workdir.EXTENDABLE` differ.

  Raises:
    UserError: something in the config is invalid, or not that of the run.
    Stopped: by SIGINT or SIGTERM; what was trained is saved.
    NonFiniteError: there were no numbers; says where they ended.
    OSError: another process trains there, or nothing can be written.
  """
  with signals.Stopping() as stop, compilation.cache_in(workdir):
    with stop.interruptible():
      run = prepare_run(auto.settle(config, workdir), workdir)
      run.extends = extend
    print_overview(run)
    with _session(run, stop) as session:
      _loop(session)
      session.beat.enter('evaluating', run.steps)
      result = evaluate_run(run, run.val.spec, session.over)
      _write(session, result)
    console.print(evaluate.summary(result))
    stop.check()
  return result


@contextlib.contextmanager
def _session(run: Run, stop: signals.Stopping):
  number, count = jax.process_index(), jax.process_count()
  with (
    Lock(run.workdir) as lock,
    Heartbeat(run.workdir, run.steps, number, count) as beat,
    checkpoint.Checkpoints(run.workdir, trains=True) as checkpoints,
  ):
    start = hosts.ask_first(lambda: checkpoints.latest_step() or 0)
    if start != (checkpoints.latest_step() or 0):
      raise FileError(
        f'{run.workdir} shows host 0 a checkpoint of step {start}, and host '
        f'{number} another; wait until its file system shows all the same, and '
        'start the same command on all hosts again.'
      )
    if run.extends and not start:
      raise UserError(
        f'{run.workdir} holds no checkpoint to extend; leave --extend out.'
      )
    if start:
      run.state = resume_run(run, checkpoints)
      console.print(f'resumed at step {start} of {run.steps}')
    beat.step = start
    claim(run)
    with log.Writer(run.workdir, number == 0, done=start) as writer:
      yield _Session(run, stop, lock, beat, checkpoints, writer)


def _write(session: _Session, result: evaluate.Evaluation) -> None:
  session.lock.check()
  run = session.run
  scalars = {f'val/{k}': v for k, v in result.accuracy.items()}
  if jax.process_index() == 0:
    evaluate.write(result, run.val.split, run.workdir / 'eval')
  session.writer.scalars(run.steps, scalars, show=False)


def evaluate_run(run: Run, spec, over=iter) -> evaluate.Evaluation:
  """Evaluates the state of a run on its `val` split.

  Args:
    run: with its state.
    spec: decides the views.
    over: batches -> the same batches.
  """
  loader = dataclasses.replace(run.val, spec=spec)
  step = int(run.state.step)
  identity = {'step': step, 'frozen_sha256': run.frozen_sha256}
  return evaluate.evaluate(
    run.model, run.params, loader, run.config, run.mesh, identity, over
  )


def _loop(session: _Session) -> None:
  """Trains to the last step; when told to stop, saves what was done."""
  run = session.run
  start = int(run.state.step)
  try:
    if _evaluation_is_missing(session, start):
      _evaluate_one_view(session, start)
    _steps(session, start)
  except signals.Stopped:
    done = int(run.state.step)
    if done > start:
      session.save()
    session.checkpoints.wait()
    kept = (
      f'step {done} of {run.steps} is saved' if done else 'nothing done yet'
    )
    console.print(kept)
    raise


def _steps(session: _Session, start: int) -> None:
  run = session.run
  step_fn = memory.compile_step(run)
  bar, advance = progress(run.steps, 'train', done=start)
  pending = []
  batches = session.stop.over(_batches(run, start, session.over))
  with bar, _reported_when_stopped(session, step_fn, pending):
    for step, batch in enumerate(batches, start + 1):
      run.state, metrics = step_fn(run.state, run.frozen, batch)
      session.beat.stepped(step)
      _report(session, step_fn, pending)
      pending.append((step, metrics))
      advance()
      _save_and_evaluate(session, step_fn, pending)


@contextlib.contextmanager
def _reported_when_stopped(session: _Session, step_fn, pending: list):
  try:
    yield
  except signals.Stopped:
    _report(session, step_fn, pending)
    raise


def _save_and_evaluate(session: _Session, step_fn, pending: list) -> None:
  """What is due after the step that is pending."""
  run, (step, _) = session.run, pending[-1]
  due = lambda name: run.config[name] and step % run.config[name] == 0
  saves = due('checkpoint_every') or step == run.steps
  evaluates = due('eval_every') and step < run.steps
  if saves or evaluates:
    _report(session, step_fn, pending)
  if saves:
    session.save()
  if evaluates:
    nonfinite.check_state(run.state)
    _evaluate_one_view(session, step)


def _evaluation_is_missing(session: _Session, step: int) -> bool:
  """Whether the run was ended between a checkpoint and its evaluation."""
  run = session.run
  every = run.config['eval_every']
  if not every or step % every or step in (0, run.steps):
    return False
  found = lambda: any(
    record['step'] == step and 'val/top1_1view' in record
    for record in log.records(run.workdir / 'metrics.jsonl')
  )
  return not hosts.ask_first(found)


def _evaluate_one_view(session: _Session, step: int) -> None:
  run = session.run
  session.beat.enter('evaluating', step)
  found = evaluate_run(
    run, experiment.with_one_view(run.val.spec), session.over
  )
  accuracy = {f'val/{k}_1view': v for k, v in found.accuracy.items()}
  session.writer.scalars(step, accuracy)
  session.beat.enter('training', step)


def _batches(run: Run, start: int, over):
  """Batches from step `start` on, already on their way to the devices.

  Args:
    run: whose batches.
    start: how many come before.
    over: items -> the same items; of what is done before the first batch.
  """
  config = run.config
  if config['cache_gb']:
    return features.stored_batches(run, start, over)
  host = f'-{jax.process_index()}' if jax.process_index() else ''
  bad = BadVideos(
    run.train.split,
    config['data']['max_bad_share'],
    run.workdir / f'bad_videos{host}.csv',
  )
  batches = pipeline.load_train_batches(
    run.train,
    config['batch_size'],
    seed=config['seed'],
    start=start,
    stop=run.steps,
    parallel=experiment.make_parallelism(config),
    repeats=config['repeats'],
    versions=config['clips_per_video'],
  )

  def put(batch):
    batch = bad.absorb(batch)
    del batch['index']
    return sharding.put(batch, run.mesh)

  return sharding.prefetch(map(put, batches))


def _report(session: _Session, step_fn, pending: list) -> None:
  """Stops at numbers that are none; writes every `log_every` steps."""
  run = session.run
  while pending:
    step, metrics = pending.pop(0)
    if problem := nonfinite.problem_of(metrics):
      _explain(session, step_fn, step, problem)
    session.beat.loss = float(metrics['loss'])
    if step % run.config['log_every'] == 0 or step in (1, run.steps):
      lr = run.schedule(step - 1)
      session.writer.scalars(step, metrics | {'lr': lr})


def _explain(session: _Session, step_fn, step: int, problem: str) -> None:
  """Raises FloatingPointError with the tensor at which it began."""
  session.checkpoints.wait()
  start = session.checkpoints.latest_step() or 0
  console.print(f'{problem}; training again from {start} to see why')
  try:
    found = _beginning(session, step_fn, start, step)
  except signals.Stopped as stopped:
    found = f'where it began was not looked for, because of {stopped}.'
  raise NonFiniteError(
    f'{problem} at step {step}: {found} Nothing was saved since step {start}. '
    f'{nonfinite.ADVICE}'
  )


def _beginning(session: _Session, step_fn, start: int, step: int) -> str:
  """Trains from `start` to `step` again: `guard.trace`."""
  run = session.run
  with session.stop.interruptible():
    if start:
      run.state = resume_run(run, session.checkpoints)
    else:
      run.state = run.frozen = None  # not twice in memory
      run = prepare_run(run.config, run.workdir)
  batches = session.over(_batches(run, start, session.over))
  return nonfinite.trace(run, run.state, batches, step_fn, step)
