"""The text of `/metrics`, as Prometheus and others read it."""

from collections.abc import Callable, Sequence

from i2v_jax.deploy.stream.stream import Stream

_PREFIX = 'i2v_stream_'
_UP = ('live', 'playing')  # states in which frames come
# Name, kind, what it is, and its value.
_ROWS: tuple[tuple[str, str, str, Callable[[Stream], float]], ...] = (
  ('up', 'gauge', 'Whether frames come.', lambda s: s.state in _UP),
  ('frames_total', 'counter', 'Frames scored.', lambda s: s.frames),
  ('dropped_total', 'counter', 'Late frames dropped.', lambda s: s.dropped),
  (
    'damaged_total',
    'counter',
    'Parts that could not be decoded.',
    lambda s: s.reader.damaged,
  ),
  (
    'reconnects_total',
    'counter',
    'How often the source was opened again.',
    lambda s: s.reader.reconnects,
  ),
  (
    'resets_total',
    'counter',
    'How often the stream started over.',
    lambda s: s.resets,
  ),
  (
    'events_total',
    'counter',
    'Beginnings and ends of classes.',
    lambda s: s.events,
  ),
  ('rate', 'gauge', 'Frames scored a second, of late.', lambda s: s.rate),
  (
    'latency_seconds',
    'gauge',
    'From the arrival of a frame to its scores, the recent median.',
    lambda s: s.latency,
  ),
)


def describe_metrics(streams: Sequence[Stream], viewers: int) -> str:
  """Describes all streams, in the text format of Prometheus 0.0.4."""
  lines = []
  for name, kind, what, read in _ROWS:
    lines += _describe(name, kind, what)
    for stream in streams:
      source = _escape(stream.name)
      lines.append(
        f'{_PREFIX}{name}{{source="{source}"}} {float(read(stream))}'
      )
  lines += _describe('viewers', 'gauge', 'Viewers of the page.')
  lines.append(f'{_PREFIX}viewers {viewers}')
  return '\n'.join(lines) + '\n'


def _describe(name: str, kind: str, what: str) -> list[str]:
  return [f'# HELP {_PREFIX}{name} {what}', f'# TYPE {_PREFIX}{name} {kind}']


def _escape(text: str) -> str:
  escaped = text.replace('\\', r'\\').replace('"', r'\"')
  return escaped.replace('\n', r'\n')
