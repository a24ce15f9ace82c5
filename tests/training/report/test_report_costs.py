"""What training cost, from the files of a run."""

import pathlib

from i2v_jax.training.report import costs
from i2v_jax.training.report.run_files import RunFiles

FOLDER = pathlib.Path()


def test_time_is_that_of_each_start_until_its_last_record():
  records = [{'step': n, 'time': t} for n, t in enumerate((12.0, 19.0, 105.0))]
  starts = [{'command': '', 'time': 10.0}, {'command': '', 'time': 100.0}]
  run = RunFiles(FOLDER, records=records, starts=starts)
  assert costs.describe(run)['trained_seconds'] == 9 + 5
  run.starts = []
  assert costs.describe(run)['trained_seconds'] is None


def test_times_are_those_of_the_last_start_that_trained():
  steps = (5, 9.0), (10, 0.5), (15, 7.0), (20, 0.25), (25, 0.25)
  records = [{'step': n, 'step_seconds': s} for n, s in steps]
  starts = [{'command': '', 'step': step} for step in (0, 10, 25)]
  run = RunFiles(FOLDER, records=records, starts=starts)
  found = costs.describe(run)
  assert found['step_seconds'] == 0.25 and found['timed'] == 3
  assert found['clips_per_second'] is None and found['data_share'] is None


def test_waits_are_those_of_each_of_several_processes():
  beats = [{'process': n, 'data_share': n / 4} for n in range(3)]
  beats.append({'process': 3, 'data_share': None})
  waits = lambda beats: costs.describe(RunFiles(FOLDER, beats=beats))['waits']
  assert waits(beats) == [(0, 0.0), (1, 0.25), (2, 0.5)]
  assert waits(beats[:1]) == []


def test_times_leave_the_first_record_out():
  seconds = 9.0, 0.5, 0.25, 0.75
  records = [
    {'step': n, 'step_seconds': s, 'data_seconds': 0.0}
    for n, s in enumerate(seconds)
  ]
  run = RunFiles(FOLDER, {'batch_size': 8}, records)
  found = costs.describe(run)
  assert found['step_seconds'] == 0.5 and found['timed'] == 4
  assert found['clips_per_second'] == 16
