"""Tables of graded digits and of objects in miniature: trained and shown."""

import pytest

from configs import graded, graded_tables
from i2v_jax.training import config_files
from i2v_jax.training.report.sweep_page import make_sweep_report
from i2v_jax.training.sweeps import sweep

pytestmark = pytest.mark.slow


def check_table(config, settings, names, workdir):
  variants = config_files.load_variants(config, settings, names)
  rows = sweep.train_and_show(variants, workdir, baseline=names[0])
  assert [row['error'] for row in rows] == [None] * len(names)
  assert all('difference' in row for row in rows[1:])
  page = make_sweep_report(workdir)
  assert all(f'<bdi>{name}</bdi>' in page for name in names)
  assert '>difference<' in page


@pytest.mark.parametrize('table', graded_tables.TABLES)
def test_the_ends_of_a_table_of_graded_digits(table, tmp_path_factory):
  names = [name for name, _ in graded.sweep(f'table={table}')]
  folder = tmp_path_factory.mktemp(table)
  settings = [f'data.root={folder}/digits', 'data.options.num_train=40']
  config = f'configs/graded.py:table={table},smoke'
  check_table(config, settings, [names[0], names[-1]], folder / 'runs')


def test_objects(digits, tmp_path):
  config = 'configs/objects.py:smoke'
  names = [v.name for v in config_files.load_variants(config)]
  check_table(config, [f'data.root={digits}'], names, tmp_path / 'runs')
