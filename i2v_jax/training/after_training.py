"""The page of a run or sweep that has ended, whose results it cannot cost."""

from i2v_jax.runtime import errors, files
from i2v_jax.runtime.console import console


def write_page(workdir: files.Path) -> None:
  """Writes `report.html` into a workdir, and prints where it is.

  A failure is printed: what was trained is complete without the page.
  """
  try:
    # Older environments may lack what only reports import.
    from i2v_jax.training import report

    console.print(f'report: {report.write_report(workdir)}')
  except Exception as error:  # a bug, too: the result of training stays
    problem = errors.report_failure(error)
    console.print(f'The run is complete, but has no report: {problem}')
