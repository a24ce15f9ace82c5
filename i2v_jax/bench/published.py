"""`i2v bench published`: the costs that papers report, next to ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from i2v_jax.models.macs import count_macs
from i2v_jax.runtime.console import console, make_table
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_files, counts, experiment

HEADINGS = ('model', 'GFLOPs', 'paper', 'off', 'total', 'tunable', 'added')
MILLIONS = ('total', 'tunable', 'added')


def make_rows(config: str, only: Sequence[str] = ()) -> list[dict[str, Any]]:
  """Makes a row for each variant of a sweep whose configs have a `published`.

  Args:
    config: file of the sweep, such as `configs/published.py`.
    only: names of the variants to keep; empty keeps all.

  Returns:
    For each `name`, and under `ours` and `published`: `gflops` of all
    views (multiply-accumulates, 1e9), and in millions of parameters `total`
    and `tunable` of the model as trained, `added` of the one deployed.

  Raises:
    UserError: there is no such file or variant, or one has no `published`.
  """
  found = []
  for variant in config_files.load_variants(config, only=only):
    published = dict(variant.config.get('published') or {})
    if not published:
      raise UserError(
        f'{variant.name!r} of {config} has no `published`; give its config '
        'one, as configs/published.py does.'
      )
    ours = _compute_ours(variant.config, published.pop('num_classes'))
    found.append({'name': variant.name, 'ours': ours, 'published': published})
  return found


def _compute_ours(
  config: Mapping[str, Any], num_classes: int
) -> dict[str, float]:
  model = experiment.build_model(config, num_classes)
  found = counts.count_costs(config, model)
  macs = sum(count_macs(counts.build_deployed(model)).values())
  millions = {key: getattr(found, key) / 1e6 for key in MILLIONS}
  return {'gflops': found.views * macs / 1e9, **millions}


def make_cells(row: Mapping[str, Any]) -> list[str]:
  """Formats a row for `HEADINGS`, with the values of the paper in brackets."""
  ours, paper = row['ours'], row['published']
  found = [row['name'], f'{ours["gflops"]:,.1f}', '-', '-']
  if paper['gflops']:
    found[2] = f'{paper["gflops"]:,}'
    found[3] = f'{ours["gflops"] / paper["gflops"] - 1:+.2%}'
  for key in MILLIONS:
    said = '' if paper[key] is None else f' ({paper[key]})'
    found.append(f'{ours[key]:.1f}{said}')
  return found


def show(config: str, only: Sequence[str] = ()) -> list[dict[str, Any]]:
  """Prints the table and returns its rows."""
  found = make_rows(config, only)
  cells = map(make_cells, found)
  console.print(make_table('Published costs', HEADINGS, cells, CAPTION))
  return found


CAPTION = """\
GFLOPs: multiply-accumulates of all views of a video, of the model as deployed,
by formula. Parameters in millions (the paper's): of the trained model, tunable,
and added to image model and head when deployed."""
