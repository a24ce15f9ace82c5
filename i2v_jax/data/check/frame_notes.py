"""Notes of a check about the frames of readable videos."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_NEAR = 0.02  # from 1; FFmpeg states 256:255 after a rounded resize


class Note(NamedTuple):
  """Something to know about a video.

  Attributes:
    kind: one word, for the report.
    text: description, and the way out if there is one.
    detail: record of a video -> its detail; None if the note does not apply.
  """

  kind: str
  text: str
  detail: Callable[[Mapping[str, Any]], str | None]


def _describe_not_shown(record: Mapping[str, Any]) -> str | None:
  count = record.get('not_shown')
  return f'{count} packet{"s" * (count != 1)}' if count else None


def _describe_untimed(record: Mapping[str, Any]) -> str | None:
  return 'decoded from its start' if record.get('untimed') else None


def _describe_stretched(record: Mapping[str, Any]) -> str | None:
  aspect = record.get('pixel_aspect', 1)
  return None if abs(aspect - 1) < _NEAR else f'pixels {aspect:g} wide to 1'


def _describe_interlaced(record: Mapping[str, Any]) -> str | None:
  return 'interlaced' if record.get('interlaced') else None


def _describe_gaps(record: Mapping[str, Any]) -> str | None:
  return record.get('gaps') or None


def _describe_aside(record: Mapping[str, Any]) -> str | None:
  return record.get('aside') or None


NOTES = (
  Note(
    'not_shown',
    'recordings that start between key frames: their first packets give no '
    'frame',
    _describe_not_shown,
  ),
  Note(
    'untimed',
    'timestamps disagree with the order of the pictures, so every read starts '
    'at the first frame (rewrite them: i2v data prepare --gop 16)',
    _describe_untimed,
  ),
  Note(
    'stretched',
    'pixels are not square; frames are used as stored (to stretch them: i2v '
    'data prepare --square-pixels)',
    _describe_stretched,
  ),
  Note(
    'interlaced',
    'frames are interlaced (to deinterlace: i2v data prepare --deinterlace)',
    _describe_interlaced,
  ),
  Note(
    'gaps', 'numbers left out between the frames of a folder', _describe_gaps
  ),
  Note(
    'aside',
    'other files next to the frames of a folder, not read',
    _describe_aside,
  ),
)
