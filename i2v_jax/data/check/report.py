"""Prints and writes the results of a check."""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import i2v_jax
from i2v_jax.data.check import findings, one_video
from i2v_jax.data.check.listed import Finding, Listed
from i2v_jax.data.sets import csv_files, manifest, problems, split_facts
from i2v_jax.runtime.console import console, make_table
from i2v_jax.runtime.errors import UserError

PROBLEMS = 'problems.csv'
Records = Mapping[str, Mapping]  # id -> facts of the video
SHOWN = 3  # examples of a finding; all of them are in findings.csv


@contextlib.contextmanager
def keep_problems(out: pathlib.Path) -> Iterator[None]:
  """Writes all that is wrong with a file of annotations to `problems.csv`."""
  path = out / PROBLEMS
  if path.is_file():
    path.unlink()
  try:
    yield
  except problems.BadFileError as error:
    if out.is_file():
      raise
    out.mkdir(parents=True, exist_ok=True)
    csv_files.write(path, ('file', 'unit', 'number', 'problem'), error.rows)
    raise UserError(f'{error}; all are in {path}') from error


def show(listed: Listed, records: Records, found: Sequence[Finding]) -> None:
  """Prints a table of the splits, and a line for every finding."""
  rows = [_make_row(name, listed, records) for name in listed.splits]
  console.print(make_table('Videos', _COLUMNS, rows))
  lines = []
  for finding in found:
    mark = 'problem' if finding.problem else 'note'
    lines += [f'{mark:<8} {finding.text}', *_list_examples(finding)]
  if not any(finding.problem for finding in found):
    lines.append('no problems')
  for line in lines:
    console.print(line)


_COLUMNS = (
  'split',
  'listed',
  'missing',
  'bad',
  'ok',
  'short',
  'hours',
  'frames',
  'per class',
)


def _make_row(name: str, listed: Listed, records: Records) -> list[str]:
  split, clip = listed.videos[name], listed.spec
  mine = [records[video] for video in split.ids]
  good = [record for record in mine if record['ok']]
  short = sum(findings.is_short(record, clip) for record in good)
  seconds = sum(record['duration'] for record in good)
  counts = split_facts.count_per_class(listed.splits[name])
  spread = f'{counts.min():,} to {counts.max():,}' if len(counts) else '-'
  return [
    name,
    f'{len(split) + len(split.missing):,}',
    f'{len(split.missing):,}',
    f'{len(mine) - len(good):,}',
    f'{len(good):,}',
    f'{short:,}' if clip else '-',
    f'{seconds / 3600:,.2f}',
    f'{sum(record["frames"] for record in good):,}',
    spread,
  ]


def _list_examples(finding: Finding) -> Iterator[str]:
  for _, video, detail in finding.rows[:SHOWN]:
    parts = (str(part) for part in (video, detail) if part != '')
    yield f'{"":<8} {": ".join(parts)}'
  more = len(finding.rows) - SHOWN
  if more > 0:
    yield f'{"":<8} and {more:,} more, all in findings.csv'


def write(
  listed: Listed,
  records: Records,
  found: Sequence[Finding],
  out: pathlib.Path,
) -> None:
  """Writes `manifest.jsonl`, `bad.csv` and `findings.csv`."""
  header = {
    'decoder': one_video.DECODER,
    'i2v_jax': i2v_jax.__version__,
    'format': listed.format,
    'root': listed.root and os.path.abspath(os.path.expanduser(listed.root)),
    'options': dict(listed.options),
    'splits': {
      name: {
        'listed': split.num_videos + len(split.missing),
        'missing': len(listed.videos[name].missing),
        'fingerprint': split.fingerprint(),
      }
      for name, split in listed.splits.items()
    },
  }
  videos = [
    {'id': video, 'split': name, 'label': label} | records[video]
    for name, split in listed.videos.items()
    for video, label in zip(split.ids, split.labels.tolist(), strict=True)
  ]
  manifest.write(out / manifest.NAME, header, videos)
  bad = [
    (video, records[video]['reason'], records[video]['frame'])
    for video in listed.paths
    if not records[video]['ok']
  ]
  csv_files.write(out / 'bad.csv', ('file', 'reason', 'frame'), bad)
  summary = lambda finding: (('', '', finding.text),)  # not of a single video
  rows = [
    (finding.kind, *row)
    for finding in found
    for row in finding.rows or summary(finding)
  ]
  columns = ('finding', 'split', 'file', 'detail')
  csv_files.write(out / 'findings.csv', columns, rows)
