"""Timelines as files: subtitles (WebVTT) and label tracks (Audacity, ELAN)."""

import collections
import pathlib
from collections.abc import Callable, Sequence

from i2v_jax.deploy.prediction.timeline import Timeline
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError

LEAST = 0.001  # seconds of a cue, whose times are in milliseconds
_ESCAPES = (('&', '&amp;'), ('<', '&lt;'), ('>', '&gt;'))


def make_vtt(timeline: Timeline) -> str:
  """Makes subtitles in WebVTT: a cue for each segment."""
  cues = ['WEBVTT\n']
  for number, segment in enumerate(timeline.segments, 1):
    end = max(segment.end, segment.start + LEAST)
    times = f'{format_clock(segment.start)} --> {format_clock(end)}'
    text = f'{_escape(segment.name)} {segment.score:.0%}'
    cues.append(f'{number}\n{times}\n{text}\n')
  return '\n'.join(cues)


def make_labels(timeline: Timeline) -> str:
  """Makes a label track of Audacity: start, end and name between tabs.

  ELAN imports it as tab-delimited text.
  """
  return ''.join(
    f'{segment.start:.6f}\t{segment.end:.6f}\t{_flatten(segment.name)}\n'
    for segment in timeline.segments
  )


FORMATS: dict[str, Callable[[Timeline], str]] = {
  '.vtt': make_vtt,
  '.txt': make_labels,
}


def write(timeline: Timeline, path: pathlib.Path) -> None:
  """Writes a timeline in the format of the file's ending, atomically.

  Raises:
    UserError: the file exists with other content.
  """
  text = FORMATS[path.suffix.lower()](timeline)
  data = text.encode(errors='surrogateescape')
  if path.exists() and path.read_bytes() != data:
    raise UserError(
      f'{path} exists, with other content; give another --out, or remove it.'
    )
  files.write(path, text)


def name_files(clips: Sequence[str], suffix: str) -> list[str]:
  """Names the file of each video in one folder.

  As the video with another ending, so that players find it; after the complete
  name where that of two videos would be the same, and with a number where this
  is not enough.
  """
  stems = [pathlib.Path(clip).stem for clip in clips]
  counts = collections.Counter(stems)
  taken, found = set(), []
  for clip, stem in zip(clips, stems, strict=True):
    name = stem if counts[stem] == 1 else pathlib.Path(clip).name
    number, unique = 1, name
    while unique in taken:
      number += 1
      unique = f'{name}-{number}'
    taken.add(unique)
    found.append(unique + suffix)
  return found


def format_clock(seconds: float) -> str:
  """Formats a time as WebVTT does: 00:01:02.345."""
  total = round(seconds * 1000)
  minutes, rest = divmod(total, 60_000)
  return f'{minutes // 60:02d}:{minutes % 60:02d}:{rest / 1000:06.3f}'


def _flatten(name: str) -> str:
  return ' '.join(name.split())


def _escape(name: str) -> str:
  name = _flatten(name)
  for character, escaped in _ESCAPES:
    name = name.replace(character, escaped)
  return name
