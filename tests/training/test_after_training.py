"""After training a page is written, and what was trained never hangs on it."""

import shutil
import sys

from i2v_jax import training
from i2v_jax.training import after_training


def test_the_page_is_written_and_named(smoke_run, tmp_path, capsys):
  workdir = shutil.copytree(smoke_run, tmp_path / 'run')
  (workdir / 'report.html').unlink(missing_ok=True)
  after_training.write_page(workdir)
  assert f'report: {workdir}/report.html' in capsys.readouterr().out
  assert '</html>' in (workdir / 'report.html').read_text(encoding='utf-8')


def test_a_page_that_cannot_be_written_is_said(tmp_path, capsys):
  after_training.write_page(tmp_path)
  out = ' '.join(capsys.readouterr().out.split())
  assert 'The run is complete, but has no report' in out
  assert 'holds no run' in out


def test_an_environment_without_what_reports_need_is_said(
  smoke_run, monkeypatch, capsys
):
  monkeypatch.delattr(training, 'report', raising=False)
  monkeypatch.setitem(sys.modules, 'i2v_jax.training.report', None)
  after_training.write_page(smoke_run)
  assert 'has no report' in capsys.readouterr().out
