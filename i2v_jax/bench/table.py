"""The table of `i2v bench`: a column per model, a row per cost."""

import pathlib
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from i2v_jax.runtime import files
from i2v_jax.runtime.console import console
from i2v_jax.training import counts


def write(found: Mapping[str, Any], path) -> None:
  """Writes what `bench.bench` found as JSON."""
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  files.write_json(path, found)


def show(found: Mapping[str, Any], name: str) -> None:
  """Prints what `bench.bench` found of a config of that name."""
  models = found['models']
  table = Table(title=_title(found, name), title_justify='left')
  table.box, table.pad_edge = box.SIMPLE_HEAD, False
  table.add_column('', no_wrap=True)
  for heading in models:
    table.add_column(heading, justify='right')
  for rows in (_parameters, _work, _forward, _training):
    if cells := rows(found):
      table.add_section()
      for label, values in cells.items():
        table.add_row(label, *(values.get(model, '') for model in models))
  console.print(table)
  for line in _lines(found):
    console.print(line)


def _title(found, name: str) -> str:
  what = found['conditions']
  backbone = what['backbone']
  size = backbone.get('variant') or f'width {backbone["width"]}'
  text = f'{name}: ViT {size}, {what["num_frames"]} frames'
  text += f', {what["num_classes"]} classes'
  if what['count_only']:
    return f'{text}; counted'
  return (
    f'{text}; {what["dtype"]}, {what["devices"]} {what["device"]} device(s), '
    f'median of {what["rounds"]}, in turn'
  )


def _each(found, text, key: str) -> dict[str, str]:
  """The text of a value for every model that has it."""
  return {
    model: text(row[key])
    for model, row in found['models'].items()
    if row.get(key) is not None
  }


def _method(found) -> str:
  """The model that the config trains."""
  first, *rest = found['models']
  return rest[0] if rest else first


def _parameters(found) -> dict[str, dict]:
  number, method = '{:,}'.format, _method(found)
  row = found['models'][method]
  return {
    'parameters': {method: number(row['total'])},
    '  of them tunable': {method: number(row['tunable'])},
    '  when deployed': _each(found, number, 'inference'),
    '  added to image model and head': _each(found, number, 'added'),
  }


def _work(found) -> dict[str, dict]:
  clips, crops = found['conditions']['views']
  models = found['models']
  share = lambda key, by: {
    model: f'{row[key] / by(row) - 1:+.2%}' for model, row in models.items()
  }
  image = models[counts.IMAGE]['view_macs']
  return {
    'GFLOPs of a view, by formula': _each(found, _giga, 'view_macs'),
    '  as XLA counts': _each(found, _giga, 'xla_macs'),
    '  which is more by': share('xla_macs', lambda row: row['view_macs']),
    f'GFLOPs of a video, {clips}x{crops} views': _each(
      found, _giga, 'video_macs'
    ),
    'to the image ViT': {
      model: f'{row["view_macs"] / image:.3f}' for model, row in models.items()
    },
  }


def _forward(found) -> dict[str, dict]:
  if 'peak' not in found:
    return {}
  size, peak = found['conditions']['batch_size'], found['peak']['flops']
  return {
    'forward, one clip, ms': _each(found, _milliseconds, 'latency'),
    '  to the image ViT': _each(found, '{:.3f}'.format, 'of_first'),
    '  memory, MiB': _each(found, _mebibytes, 'forward_bytes'),
    f'forward, batch {size}, clips/s': _each(
      found, '{:.2f}'.format, 'clips_per_second'
    ),
    '  of peak': {
      model: _of_peak(row['clips_per_second'], row['view_macs'], peak)
      for model, row in found['models'].items()
    },
  }


def _training(found) -> dict[str, dict]:
  if 'training' not in found:
    return {}
  row, method = found['training'], _method(found)
  peak = found['peak']['flops'] * found['conditions']['devices']
  size = found['conditions']['batch_size']
  cells = {
    f'training step, batch {size}, ms': _milliseconds(row['seconds']),
    '  clips/s': f'{row["clips_per_second"]:.2f}',
    '  GFLOPs of a clip, as XLA counts': _giga(row['xla_macs']),
    '  of peak': _of_peak(row['clips_per_second'], row['xla_macs'], peak),
    '  memory, MiB': _mebibytes(row['peak_bytes']),
  }
  return {label: {method: text} for label, text in cells.items()}


def _lines(found) -> list[str]:
  """What belongs to no model, and what the words mean."""
  lines = []
  if 'peak' in found:
    peak = found['peak']
    lines.append(
      f'peak of a device: {_giga(peak["flops"])} GFLOP/s, two for a '
      f'multiply-accumulate ({peak["source"]})'
    )
  if 'loader' in found:
    lines.append(_loader(found['loader']))
  if 'memory' in found:
    host, device = (
      found['memory'][key] for key in ('host_peak_bytes', 'device_peak_bytes')
    )
    text = 'memory of this process, at most: '
    text += 'unknown' if host is None else f'{_mebibytes(host)} MiB'
    if device is not None:
      text += f'; of the allocator of a device: {_mebibytes(device)} MiB'
    lines.append(text)
  called = found['models'][_method(found)].get('kernels')
  if called:
    text = ', '.join(f'{count} x {name}' for name, count in called.items())
    lines.append(f'XLA may not count what is in {text}')
  return [*lines, 'GFLOPs are multiply-accumulates, as papers have them.']


def _loader(row: Mapping[str, Any]) -> str:
  if 'absent' in row:
    return f'loader: not measured, {row["absent"]}'
  return (
    f'loader: {row["clips_per_second"]:.1f} clips/s, {row["threads"]} threads, '
    f'{row["workers"]} workers'
  )


def _number(value: float) -> str:
  """Two decimals, or two digits of what is small."""
  return f'{value:,.2f}' if value >= 1 else f'{value:.2g}'


def _giga(value: float) -> str:
  return _number(value / 1e9)


def _milliseconds(seconds: float) -> str:
  return _number(1e3 * seconds)


def _mebibytes(count: int) -> str:
  return f'{count / 2**20:,.1f}'


def _of_peak(clips_per_second: float, macs: float, peak: float) -> str:
  """The share of a peak that this work in this time is (MFU)."""
  return f'{2 * clips_per_second * macs / peak:.1%}'
