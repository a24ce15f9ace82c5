"""What is said of a check can be read by people and by programs."""

import csv
import io

import numpy as np

from i2v_jax.data.check import report
from i2v_jax.data.check.findings import Finding, Listed
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.sets import manifest, sources
from i2v_jax.runtime.console import Console

NAMES = ('a, "b".mp4', 'no text \udcff.mp4', '[red]c.mp4')
RECORDS = {
  NAMES[0]: {'ok': False, 'reason': 'is empty, it seems', 'frame': 0},
  NAMES[1]: {'ok': True, 'frames': 7, 'duration': 1800.0},
  NAMES[2]: {'ok': True, 'frames': 9000, 'duration': 3600.0},
}
for video, record in RECORDS.items():
  record['id'] = video


def listed(**options):
  split = sources.Split(
    NAMES, np.array([1, 0, 1]), ('x', 'y'), NAMES, ('gone',)
  )
  return Listed({'train': split}, **options)


def read_csv(path):
  with path.open(newline='', errors='surrogateescape') as file:
    return [*csv.reader(file)]


def test_files_hold_any_name_and_every_finding(tmp_path):
  found = [
    Finding('bad', True, 'bad', [('train', NAMES[0], 'is empty')] * 2),
    Finding('uneven', False, 'classes are uneven'),
  ]
  report.write(listed(), RECORDS, found, tmp_path)
  assert read_csv(tmp_path / 'bad.csv') == [
    ['file', 'reason', 'frame'],
    [NAMES[0], 'is empty, it seems', '0'],
  ]
  assert read_csv(tmp_path / 'findings.csv') == [
    ['finding', 'split', 'file', 'detail'],
    *[['bad', 'train', NAMES[0], 'is empty']] * 2,
    ['uneven', '', '', 'classes are uneven'],
  ]
  header, records = manifest.read(tmp_path / manifest.NAME)
  assert [record['id'] for record in records] == [*NAMES]
  assert [record['label'] for record in records] == [1, 0, 1]
  assert header['splits']['train']['listed'] == 4
  assert header['splits']['train']['missing'] == 1


def test_the_table_counts_and_findings_show_three_examples(capsys):
  spec = ClipSpec(num_frames=8, image_size=32)
  rows = [('train', name, detail) for name in NAMES[::2] for detail in 'pq']
  report.show(
    listed(spec=spec),
    RECORDS,
    [Finding('leak', True, 'a leak', rows), Finding('x', False, 'so what')],
  )
  lines = [line.split() for line in capsys.readouterr().out.splitlines()]
  numbers = ['4', '1', '1', '2', '1', '1.50', '9,007', '1', 'to', '2']
  assert ['train', *numbers] in lines
  at = lines.index(['problem', 'a', 'leak'])
  assert lines[at + 1 :] == [
    ['a,', '"b".mp4:', 'p'],
    ['a,', '"b".mp4:', 'q'],
    ['[red]c.mp4:', 'p'],
    ['and', '1', 'more,', 'all', 'in', 'findings.csv'],
    ['note', 'so', 'what'],
  ]


def test_names_that_are_no_text_are_printed_too(monkeypatch):
  strict = io.TextIOWrapper(io.BytesIO(), 'utf-8')
  monkeypatch.setattr(report, 'console', Console(file=strict))
  rows = [('train', NAMES[1], 'is empty')]
  report.show(listed(), RECORDS, [Finding('bad', True, 'bad', rows)])
  strict.flush()
  shown = strict.buffer.getvalue().decode()
  assert 'no text \\udcff.mp4: is empty' in shown


def test_where_nothing_is_wrong_that_is_said(capsys):
  report.show(listed(), RECORDS, [Finding('x', False, 'so what')])
  assert capsys.readouterr().out.endswith('note     so what\nno problems\n')
