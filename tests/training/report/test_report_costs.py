"""What training cost, from the files of a run."""

import pathlib

from i2v_jax.training.report import costs
from i2v_jax.training.report.run_files import RunFiles


def test_time_is_that_of_each_start_until_its_last_record():
  records = [{'step': n, 'time': t} for n, t in enumerate((12.0, 19.0, 105.0))]
  starts = [{'command': '', 'time': 10.0}, {'command': '', 'time': 100.0}]
  run = RunFiles(pathlib.Path(), records=records, starts=starts)
  assert costs.describe(run)['trained_seconds'] == 9 + 5
  run.starts = []
  assert costs.describe(run)['trained_seconds'] is None


def test_times_leave_the_first_record_out():
  seconds = 9.0, 0.5, 0.25, 0.75
  records = [
    {'step': n, 'step_seconds': s, 'data_seconds': 0.0}
    for n, s in enumerate(seconds)
  ]
  run = RunFiles(pathlib.Path(), {'batch_size': 8}, records)
  found = costs.describe(run)
  assert found['step_seconds'] == 0.5 and found['timed'] == 4
  assert found['clips_per_second'] == 16
