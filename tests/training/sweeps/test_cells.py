"""Runs become the cells of a table: means over folds, and an average."""

import json
import re

import pytest

from i2v_jax.training.config_files import Variant
from i2v_jax.training.sweeps import cells


def runs(*rows):
  """Variants and rows of (row, column, top-1, published)."""
  variants, found = [], []
  for number, (name, column, top1, paper) in enumerate(rows):
    config = {'cell': {'row': name, 'column': column}}
    variants.append(Variant(f'run {number}', config))
    row = {'name': f'run {number}', 'reported': paper, 'error': None}
    found.append(row | ({} if top1 is None else {'top1': top1}))
  return variants, found


def test_folds_are_averaged_before_tasks():
  given = runs(('A', 'x', 0.2, 0), ('A', 'x', 0.4, 0), ('A', 'y', 0.9, 0))
  (row,) = cells.gather_cells(*given)
  assert row['name'] == 'A' and [*row['cells']] == ['x', 'y']
  assert row['cells']['x']['score'] == pytest.approx(0.3)
  assert row['cells']['x']['runs'] == 2
  assert row['average']['score'] == pytest.approx(0.6)


def test_published_numbers_stand_beside_ours(tmp_path, capsys):
  given = runs(('A', 'x', 0.5, 40.0), ('A', 'y', 0.7, 60.0), ('B', 'y', 0.1, 0))
  cells.show(*given, tmp_path)
  text = capsys.readouterr().out
  lines = [re.split(r'\s{2,}', line.strip()) for line in text.splitlines()]
  found = {line[0]: line[1:] for line in lines}
  assert found['A'] == ['50.0 (40.0)', '70.0 (60.0)', '60.0 (50.0) of 2']
  assert found['B'] == ['-', '10.0', '10.0 of 1']
  stored = json.loads((tmp_path / cells.FILE).read_text(encoding='utf-8'))
  assert stored == cells.gather_cells(*given)


def test_a_fold_that_fails_leaves_no_mean():
  given = runs(('A', 'x', 0.5, 0), ('A', 'x', None, 0), ('A', 'y', 0.7, 9.0))
  (row,) = cells.gather_cells(*given)
  assert row['cells']['x']['score'] is None
  assert row['average']['score'] is None
  assert row['average']['reported'] == 0.0  # of y alone


def test_other_sweeps_have_no_such_table(tmp_path, capsys):
  cells.show([Variant('a', {})], [{'name': 'a', 'top1': 0.5}], tmp_path)
  assert not capsys.readouterr().out and not [*tmp_path.iterdir()]
