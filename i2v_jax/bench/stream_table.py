"""The table of `i2v bench --stream`: a column per model, a row per cost."""

from collections.abc import Mapping
from typing import Any

from i2v_jax.bench.table import (
  describe_model,
  format_each,
  format_mib,
  format_ms,
  print_sections,
)
from i2v_jax.runtime.console import console


def show(found: Mapping[str, Any], name: str) -> None:
  """Prints what `stream.measure_stream` found for the config of that name."""
  what = found['conditions']
  count = what['batch_size']
  title = (
    f'{describe_model(what, name)}; {what["dtype"]}, {what["device"]}, '
    f'{count} stream{"s" if count > 1 else ""}, median of {what["rounds"]}, '
    'in turn'
  )
  makers = _time_rows, _latency_rows, _state_rows, _memory_rows
  sections = [make_rows(found) for make_rows in makers]
  print_sections(title, found['models'], sections)
  for line in _make_notes(what):
    console.print(line)


def _time_rows(found) -> dict[str, dict]:
  ratio = '{:.3f}'.format
  frames = found['conditions']['num_frames']
  return {
    'new frame of a stream, ms': format_each(found, format_ms, 'frame_seconds'),
    '  to the image model': format_each(found, ratio, 'of_image'),
    f'a clip of {frames} frames instead, ms': format_each(
      found, format_ms, 'window_seconds'
    ),
    '  to a new frame': format_each(found, ratio, 'window_of_frame'),
  }


def _latency_rows(found) -> dict[str, dict]:
  pick = lambda key: lambda latency: format_ms(latency[key])
  labels = {
    'latency, median, ms': '50',
    '  of 90 % at most': '90',
    '  of 99 %': '99',
    f'  of all {found["conditions"]["frames"]:,} frames': 'max',
  }
  return {
    label: format_each(found, pick(key), 'latency_seconds')
    for label, key in labels.items()
  }


def _state_rows(found) -> dict[str, dict]:
  number, count = '{:,}'.format, found['conditions']['batch_size']
  part = lambda key: lambda parts: number(parts[key])
  total = lambda parts: number(sum(parts.values()))
  labels = {
    'state of a stream, bytes': total,
    '  earlier frames, in blocks': part('blocks'),
    '  what the head reads': part('readout'),
  }
  rows = {
    label: format_each(found, text, 'state_bytes')
    for label, text in labels.items()
  }
  if count > 1:
    cells = format_each(found, number, 'batch_state_bytes')
    rows[f'state of {count} streams, bytes'] = cells
  return rows


def _memory_rows(found) -> dict[str, dict]:
  pick = lambda key: lambda sizes: _format_known(sizes[key], format_mib)
  labels = {
    'memory of the process, MiB': pick('before'),
    f'  {found["conditions"]["frames"]:,} frames later': pick('after'),
    '  difference': _format_growth,
  }
  rows = {
    label: format_each(found, text, 'resident_bytes')
    for label, text in labels.items()
  }
  return rows | {
    'programs compiled for steps': format_each(found, str, 'programs')
  }


def _format_known(value, text) -> str:
  return 'unknown' if value is None else text(value)


def _format_growth(sizes: Mapping[str, int | None]) -> str:
  subtract = lambda after: f'{(after - sizes["before"]) / 2**20:+,.1f}'
  return _format_known(sizes['after'], subtract)


def _make_notes(what: Mapping[str, Any]) -> list[str]:
  """The notes below the table."""
  lines = ['The image model sees a single frame; pixels are on the device.']
  if what['batch_size'] > 1:
    lines.append(
      'Times of a frame are a share of the batch; latency is that of the batch.'
    )
  return lines
