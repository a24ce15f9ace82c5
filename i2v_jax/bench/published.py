"""`i2v bench published`: what papers say of costs, and what ours are."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from i2v_jax.models.macs import count_macs
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_files, counts, experiment

HEADINGS = ('model', 'GFLOPs', 'paper', 'off', 'total', 'tunable', 'added')
MILLIONS = ('total', 'tunable', 'added')


def make_rows(config: str, only: Sequence[str] = ()) -> list[dict[str, Any]]:
  """A row per variant of a sweep whose configs say what is `published`.

  Args:
    config: file, `configs/published.py`.
    only: names of the variants to keep; empty keeps all.

  Returns:
    For each `name`, and under `ours` and `published`: `gflops` of all
    views (multiply-accumulates, 1e9), and in millions of parameters `total`
    and `tunable` of the model as trained, `added` of the one deployed.

  Raises:
    UserError: no such file, variant, or nothing is published of one.
  """
  found = []
  for variant in config_files.load_variants(config, only=only):
    published = dict(variant.config.get('published') or {})
    if not published:
      raise UserError(
        f'{config} says of {variant.name!r} nothing that is published; give '
        'its config a `published`, as configs/published.py does.'
      )
    ours = _ours(variant.config, published.pop('num_classes'))
    found.append({'name': variant.name, 'ours': ours, 'published': published})
  return found


def _ours(config: Mapping[str, Any], num_classes: int) -> dict[str, float]:
  model = experiment.build_model(config, num_classes)
  found = counts.count_costs(config, model)
  macs = sum(count_macs(counts.build_deployed(model)).values())
  millions = {key: getattr(found, key) / 1e6 for key in MILLIONS}
  return {'gflops': found.views * macs / 1e9, **millions}


def make_cells(row: Mapping[str, Any]) -> list[str]:
  """The text of a row, under `HEADINGS`; what a paper says in brackets."""
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
  """Prints the table of `rows` and returns them."""
  found = make_rows(config, only)
  table = Table(title='Published costs', title_justify='left')
  table.box, table.pad_edge = box.SIMPLE_HEAD, False
  table.collapse_padding = True
  for i, heading in enumerate(HEADINGS):
    table.add_column(heading, justify='right' if i else 'left', no_wrap=not i)
  for row in found:
    table.add_row(*make_cells(row))
  table.caption, table.caption_justify = CAPTION, 'left'
  console.print(table)
  return found


CAPTION = """\
GFLOPs: multiply-accumulates of all views of a video, of the model as deployed,
by formula. Parameters in millions (the paper's): as trained, of them tunable;
added to image model and head when deployed."""
