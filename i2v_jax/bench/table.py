"""The table of `i2v bench`: a column per model, a row per cost."""

import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.runtime.console import console, make_table
from i2v_jax.training import counts


def write(found: Mapping[str, Any], path) -> None:
  """Writes the costs that were found as JSON."""
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  files.write_json(path, found)


def show(found: Mapping[str, Any], name: str) -> None:
  """Prints what `costs.measure_costs` found for the config of that name."""
  makers = _parameter_rows, _work_rows, _forward_rows, _training_rows
  sections = [make_rows(found) for make_rows in makers]
  print_sections(_make_title(found, name), found['models'], sections)
  for line in _make_notes(found):
    console.print(line)


def print_sections(
  title: str, models: Iterable[str], sections: Iterable[Mapping]
) -> None:
  """Prints a table of `{label: {model: cell}}`, a line between sections."""
  rows = []
  for cells in filter(None, sections):
    rows.append(None)
    for label, values in cells.items():
      rows.append([label, *(values.get(model, '') for model in models)])
  console.print(make_table(title, ['', *models], rows[1:]))


def describe_model(what: Mapping[str, Any], name: str) -> str:
  """Names a config and its model, for a title, by its conditions."""
  kind = what['image_model']
  size = what['backbone'].get('variant') or f'width {what["width"]}'
  size = size if size.startswith(kind) else f'{kind} {size}'
  text = f'{name}: {size}, {what["num_frames"]} frames'
  return f'{text}, {what["num_classes"]} classes'


def _make_title(found, name: str) -> str:
  what = found['conditions']
  text = describe_model(what, name)
  if what['count_only']:
    return f'{text}; counted'
  return (
    f'{text}; {what["dtype"]}, {what["devices"]} {what["device"]} device(s), '
    f'median of {what["rounds"]}, in turn'
  )


def format_each(found, text, key: str) -> dict[str, str]:
  """Formats a value for every model that has it."""
  return {
    model: text(row[key])
    for model, row in found['models'].items()
    if row.get(key) is not None
  }


def _find_method(found) -> str:
  """The name of the model that the config trains."""
  first, *rest = found['models']
  return rest[0] if rest else first


def _parameter_rows(found) -> dict[str, dict]:
  number, method = '{:,}'.format, _find_method(found)
  row = found['models'][method]
  return {
    'parameters': {method: number(row['total'])},
    '  of them tunable': {method: number(row['tunable'])},
    '  when deployed': format_each(found, number, 'inference'),
    '  added to image model and head': format_each(found, number, 'added'),
  }


def _work_rows(found) -> dict[str, dict]:
  clips, crops = found['conditions']['views']
  models = found['models']
  share = lambda key, by: {
    model: f'{row[key] / by(row) - 1:+.2%}' for model, row in models.items()
  }
  image = models[counts.IMAGE]['view_macs']
  return {
    'GFLOPs of a view, by formula': format_each(
      found, _format_giga, 'view_macs'
    ),
    '  as XLA counts': format_each(found, _format_giga, 'xla_macs'),
    '  difference': share('xla_macs', lambda row: row['view_macs']),
    f'GFLOPs of a video, {clips}x{crops} views': format_each(
      found, _format_giga, 'video_macs'
    ),
    'to the image model': {
      model: f'{row["view_macs"] / image:.3f}' for model, row in models.items()
    },
  }


def _forward_rows(found) -> dict[str, dict]:
  if 'peak' not in found:
    return {}
  size, peak = found['conditions']['batch_size'], found['peak']['flops']
  return {
    'forward, one clip, ms': format_each(found, format_ms, 'latency'),
    '  to the image model': format_each(found, '{:.3f}'.format, 'of_first'),
    '  memory, MiB': format_each(found, format_mib, 'forward_bytes'),
    f'forward, batch {size}, clips/s': format_each(
      found, '{:.2f}'.format, 'clips_per_second'
    ),
    '  of peak': {
      model: _format_share(row['clips_per_second'], row['view_macs'], peak)
      for model, row in found['models'].items()
    },
  }


def _training_rows(found) -> dict[str, dict]:
  if 'training' not in found:
    return {}
  row, method = found['training'], _find_method(found)
  peak = found['peak']['flops'] * found['conditions']['devices']
  size = found['conditions']['batch_size']
  cells = {
    f'training step, batch {size}, ms': format_ms(row['seconds']),
    '  clips/s': f'{row["clips_per_second"]:.2f}',
    '  GFLOPs of a clip, as XLA counts': _format_giga(row['xla_macs']),
    '  of peak': _format_share(row['clips_per_second'], row['xla_macs'], peak),
    '  memory, MiB': format_mib(row['peak_bytes']),
  }
  return {label: {method: text} for label, text in cells.items()}


def _make_notes(found) -> list[str]:
  """The notes below the table."""
  lines = []
  if 'peak' in found:
    peak = found['peak']
    lines.append(
      f'peak of a device: {_format_giga(peak["flops"])} GFLOP/s, two for a '
      f'multiply-accumulate ({peak["source"]})'
    )
  if 'loader' in found:
    lines.append(_describe_loader(found['loader']))
  if 'memory' in found:
    host, device = (
      found['memory'][key] for key in ('host_peak_bytes', 'device_peak_bytes')
    )
    text = 'memory of this process, at most: '
    text += 'unknown' if host is None else f'{format_mib(host)} MiB'
    if device is not None:
      text += f'; of the allocator of a device: {format_mib(device)} MiB'
    lines.append(text)
  called = found['models'][_find_method(found)].get('kernels')
  if called:
    text = ', '.join(f'{count} x {name}' for name, count in called.items())
    lines.append(f'XLA may not count the work of {text}')
  return [*lines, 'GFLOPs are multiply-accumulates, as papers report them.']


def _describe_loader(row: Mapping[str, Any]) -> str:
  if 'absent' in row:
    return f'loader: not measured, {row["absent"]}'
  return (
    f'loader: {row["clips_per_second"]:.1f} clips/s, {row["threads"]} threads, '
    f'{row["workers"]} workers'
  )


def _format_number(value: float) -> str:
  """Two decimals, or two significant digits below 1."""
  return f'{value:,.2f}' if value >= 1 else f'{value:.2g}'


def _format_giga(value: float) -> str:
  return _format_number(value / 1e9)


def format_ms(seconds: float) -> str:
  """Formats seconds as milliseconds."""
  return _format_number(1e3 * seconds)


def format_mib(count: int) -> str:
  """Formats bytes as MiB."""
  return f'{count / 2**20:,.1f}'


def _format_share(clips_per_second: float, macs: float, peak: float) -> str:
  """The share of the peak FLOP/s that is used (MFU)."""
  return f'{2 * clips_per_second * macs / peak:.1%}'
