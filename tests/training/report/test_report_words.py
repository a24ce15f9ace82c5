"""What the page of a run says of a single error, and of calibration."""

import json

import numpy as np
import pytest
import reported
from browsed import Page

from i2v_jax import cli
from i2v_jax.training import report


def evaluate_one_error(folder, temperature):
  """Makes a run of two classes with 30 right answers and a wrong one."""
  reported.make_run(folder, ('jump', 'run'), examples=31, steps=2)
  with np.load(folder / 'eval/scores.npz') as arrays:
    found = dict(arrays)
  found['labels'] = np.arange(31) % 2
  found['scores'] = np.full((31, 2), 0.1, np.float32)
  found['scores'][np.arange(31), found['labels']] = 0.9
  found['scores'][0] = 0.2, 0.8
  np.savez(folder / 'eval/scores.npz', **found)
  path = folder / 'eval/report.json'
  known = json.loads(path.read_text()) | {'temperature': temperature}
  known |= {'calibration_error': 0.01, 'calibration_error_calibrated': 0.02}
  known['accuracy']['top5'] = 1.0
  path.write_text(json.dumps(known))
  return Page(report.make_report(folder))


def test_a_single_error_is_named_and_what_it_does_to_the_temperature(tmp_path):
  page = evaluate_one_error(tmp_path / 'run', 1.07)
  assert 'The one error in 31 videos: jump , taken for run .' in page.text
  assert 'Pairs that are confused most' not in page.text
  assert 'raises it to 2.0 : it is fitted to smoothed labels' in page.text
  assert 'because one error in 31 says little' in page.text
  assert 'eval/top5' not in page.rows and 'top-5' not in page.text
  assert 'no temperature suits' not in page.text


def test_a_temperature_at_the_end_of_its_range_is_warned_of(tmp_path):
  page = evaluate_one_error(tmp_path / 'run', 19.9999)
  assert 'The temperature ends at 20 ,' in page.text


def test_results_of_older_weights_say_so_and_what_is_newer(tmp_path):
  folder = tmp_path / 'run'
  reported.make_run(folder, ('jump', 'run'), examples=20, steps=40)
  assert 'at step 40' not in Page(report.make_report(folder)).text
  path = folder / 'eval/report.json'
  path.write_text(json.dumps(json.loads(path.read_text()) | {'step': 20}))
  text = Page(report.make_report(folder)).text
  newer = ', and later 50.00 % top-1 at step 40 on one view of each video'
  # At the top, and below.
  assert text.count('19 videos at step 20 (') == text.count(newer) == 2


@pytest.mark.parametrize('name', ['page.txt', 'results.json', 'no/page.html'])
def test_only_pages_are_written_over(tmp_path, capsys, name):
  out = ['--out', str(tmp_path / name)]
  with pytest.raises(SystemExit):
    cli.main(['report', '--workdir', str(tmp_path), *out])
  problem = capsys.readouterr().err
  assert 'end the name in .html' in problem or 'make the folder' in problem
