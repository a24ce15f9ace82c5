"""Training: one loop over the steps, and the evaluation after it."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax

from i2v_jax.runtime import compilation, device_memory, hosts, signals
from i2v_jax.runtime.console import console, make_progress
from i2v_jax.runtime.errors import FileError, UserError
from i2v_jax.training import auto, experiment, memory, nonfinite, selection
from i2v_jax.training.batches import make_batches
from i2v_jax.training.evaluation import assessment, evaluate
from i2v_jax.training.evaluation.kinds import Result, find_evaluation
from i2v_jax.training.overview import print_overview
from i2v_jax.training.resume import resume_run
from i2v_jax.training.run import Run, prepare_run
from i2v_jax.training.waiting import Waiting
from i2v_jax.training.workdir import (
  checkpoint,
  checkpoint_files,
  log,
  start_files,
)
from i2v_jax.training.workdir.claim import claim
from i2v_jax.training.workdir.heartbeat import Heartbeat
from i2v_jax.training.workdir.lock import Lock


def train_and_evaluate(
  config: Mapping[str, Any], workdir, extend: bool = False
) -> Result:
  """Trains to the last step, resuming from the workdir, and evaluates.

  Args:
    config: of an experiment.
    workdir: folder of the run.
    extend: continue the run although keys of `claim.EXTENDABLE` differ.

  Raises:
    UserError: a value of the config is invalid, or differs from the run's.
    Stopped: by SIGINT or SIGTERM, after saving what was trained.
    NonFiniteError: the loss or the gradient norm is not finite; names the
      tensor where it began.
    OSError: another process trains there, or the disk refuses.
  """
  with signals.Stopping() as stop, compilation.cache_in(workdir):
    with stop.interruptible():
      run = prepare_run(auto.settle(config, workdir), workdir)
      run.extends = extend
    print_overview(run)
    with Trainer.open(run, stop) as trainer:
      trainer.train()
      result = trainer.evaluate_all_views()
    find_evaluation(run.model).print_result(result)
    _print_choice(run, result)
    stop.check()
  return result


def _print_choice(run: Run, result: Result) -> None:
  """Prints which evaluation the run reports, if not the last."""
  if jax.process_index() or run.config['report_step'] == 'last':
    return
  given = run.config, run.workdir, result.accuracy
  console.print(selection.describe_choice(*given))


@dataclasses.dataclass
class Trainer:
  """Trains and evaluates a run, and owns all it writes to; see `open`."""

  run: Run
  stop: signals.Stopping
  lock: Lock
  beat: Heartbeat
  checkpoints: checkpoint.Checkpoints
  writer: log.Writer
  step_fn: Any = None  # compiled when training begins
  pending: tuple = ()  # the last step and its metrics, until they are read
  waits: Waiting = dataclasses.field(default_factory=Waiting)

  @classmethod
  @contextlib.contextmanager
  def open(cls, run: Run, stop: signals.Stopping) -> Iterator['Trainer']:
    """Locks and claims the workdir of a run, whose newest state it restores."""
    number, count = jax.process_index(), jax.process_count()
    beat = Heartbeat(
      run.workdir, run.steps, number, count, device_memory.read_peak
    )
    with (
      Lock(run.workdir) as lock,
      beat,
      checkpoint.Checkpoints(run.workdir, trains=True) as checkpoints,
    ):
      beat.step = start = _find_start(run, checkpoints)
      if start:
        run.state = resume_run(run, checkpoints)
        console.print(f'resumed at step {start} of {run.steps}')
      claim(run)
      start_files.write_start(run, start)
      with log.Writer(run.workdir, number == 0, done=start) as writer:
        yield cls(run, stop, lock, beat, checkpoints, writer)

  def train(self) -> None:
    """Trains to the last step; a signal saves what is done, and raises."""
    run, start = self.run, int(self.run.state.step)
    try:
      if self._lacks_evaluation(start):
        self._evaluate_one_view(start)
      self.step_fn = memory.compile_step(run)
      start_files.write_costs(run, memory.read_step_peak(self.step_fn))
      bar, advance = make_progress(run.steps, 'train', done=start)
      batches = self.waits.over(make_batches(run, start, self._over), start)
      self.beat.find_data_share = self.waits.find_share
      with bar, self.waits:
        for step, batch in enumerate(self.stop.over(batches), start + 1):
          # The state is donated: the new one takes its memory, so nothing may
          # read the old one after this line.
          run.state, metrics = self.step_fn(run.state, run.frozen, batch)
          self.waits.started(metrics['loss'])
          self.beat.stepped(step)
          # Metrics are read one step late: the device computes this step while
          # the host looks at those of the step before. Reading these now would
          # wait for the step, and then leave the device without work.
          self._report()
          self.pending = step, metrics
          advance()
          if self._is_due('checkpoint_every', step) or step == run.steps:
            self._report()
            with self.waits.pause():
              self._save()
          if self._is_due('eval_every', step) and step < run.steps:
            self._report()
            with self.waits.pause():
              nonfinite.check_state(run.state)
              self._evaluate_one_view(step)
    except signals.Stopped:
      self._report()
      self._save_when_stopped(start)
      raise

  def evaluate_all_views(self) -> Result:
    """Evaluates the last state on all views, and writes what was found.

    A run that is resumed after its end does it again.
    """
    run = self.run
    self.beat.enter('evaluating', run.steps)
    result = evaluate_run(run, run.val.spec, self._over)
    if not run.model.num_boxes:
      result = self._calibrate(result)
    self._write(result)
    return result

  def _calibrate(self, result: evaluate.Evaluation) -> evaluate.Evaluation:
    """Fits a calibration and stores it in the last checkpoint."""
    self.lock.check()
    run, split = self.run, self.run.val.split
    fitted = assessment.fit(result.scores, split, run.config['data']['val'])
    learnt = {'training_fps': run.training_fps}
    if (segments := run.train.split.segments) is not None:
      learnt['segment_seconds'] = segments.median_seconds
    fitted = dataclasses.replace(fitted, **learnt)
    self.checkpoints.wait()  # until it has its name
    if jax.process_index() == 0:
      checkpoint_files.write_calibration(
        run.workdir, run.steps, fitted.to_json()
      )
    return evaluate.use_calibration(result, split, fitted)

  def _write(self, result: Result) -> None:
    self.lock.check()
    run = self.run
    if jax.process_index() == 0:
      write = find_evaluation(run.model).write_evaluation
      write(result, run.val.split, run.workdir / 'eval')
    scalars = {f'val/{k}': v for k, v in result.accuracy.items()}
    self.writer.scalars(run.steps, scalars, show=False)

  def _over(self, items: Iterable) -> Iterator:
    """Yields the items; each is a sign of life, and may end by a signal."""
    return self.beat.over(self.stop.over(items))

  def _is_due(self, key: str, step: int) -> bool:
    every = self.run.config[key]
    return bool(every) and step % every == 0

  def _report(self) -> None:
    """Checks the pending metrics, and writes them every `log_every` steps.

    Raises:
      NonFiniteError: the loss or the gradient norm is not finite.
    """
    if not self.pending:
      return
    run, (step, metrics), self.pending = self.run, self.pending, ()
    if problem := nonfinite.find_problem(metrics):
      self._explain(step, problem)
    self.beat.loss = float(metrics['loss'])
    if self._is_due('log_every', step) or step in (1, run.steps):
      lr = run.schedule(step - 1)
      times = self.waits.take_means(step)
      self.writer.scalars(step, metrics | {'lr': lr}, unseen=times)

  def _save(self) -> None:
    self.lock.check()
    nonfinite.check_state(self.run.state)
    run = self.run
    self.checkpoints.save(run.state, run.metadata(), run.drawn)

  def _save_when_stopped(self, start: int) -> None:
    run, done = self.run, int(self.run.state.step)
    if done > start:
      self._save()
    self.checkpoints.wait()
    console.print(
      f'step {done} of {run.steps} is saved' if done else 'nothing done yet'
    )

  def _lacks_evaluation(self, step: int) -> bool:
    """Whether the run ended between a checkpoint and its evaluation."""
    run = self.run
    if not self._is_due('eval_every', step) or step in (0, run.steps):
      return False
    found = lambda: any(
      record['step'] == step and any(key.endswith('_1view') for key in record)
      for record in log.read_records(run.workdir / 'metrics.jsonl')
    )
    return not hosts.ask_first(found)

  def _evaluate_one_view(self, step: int) -> None:
    run = self.run
    self.beat.enter('evaluating', step)
    spec = experiment.use_one_view(run.val.spec)
    found = evaluate_run(run, spec, self._over)
    accuracy = {f'val/{k}_1view': v for k, v in found.accuracy.items()}
    self.writer.scalars(step, accuracy)
    self.beat.enter('training', step)

  def _explain(self, step: int, problem: str) -> None:
    """Raises NonFiniteError with the tensor at which it began."""
    self.checkpoints.wait()
    start = self.checkpoints.latest_step() or 0
    console.print(f'{problem}; training again from {start} to see why')
    try:
      with self.stop.interruptible():
        run = nonfinite.rewind(self.run, self.checkpoints)
      batches = self._over(make_batches(run, start, self._over))
      found = nonfinite.trace(run, batches, self.step_fn, step)
    except signals.Stopped as stopped:
      found = f'where it began was not looked for, because of {stopped}.'
    raise nonfinite.make_error(problem, step, found, start)


def evaluate_run(run: Run, spec, over=iter) -> Result:
  """Evaluates the state of a run on its `val` split.

  Args:
    run: with its state.
    spec: decides the views.
    over: batches -> the same batches.
  """
  loader = dataclasses.replace(run.val, spec=spec)
  step = int(run.state.step)
  identity = {'step': step, 'frozen_sha256': run.frozen_sha256}
  return find_evaluation(run.model).evaluate(
    run.model, run.params, loader, run.config, run.mesh, identity, over
  )


def _find_start(run: Run, checkpoints: checkpoint.Checkpoints) -> int:
  """The step to resume from, 0 without a checkpoint; the same on all hosts."""
  found = checkpoints.latest_step() or 0
  start = hosts.ask_first(lambda: found)
  if start != found:
    raise FileError(
      f'{run.workdir} shows host 0 a checkpoint of step {start}, and host '
      f'{jax.process_index()} another; wait until its file system shows all '
      'the same, and start the same command on all hosts again.'
    )
  if run.extends and not start:
    raise UserError(
      f'{run.workdir} holds no checkpoint to extend; leave --extend out.'
    )
  return start
