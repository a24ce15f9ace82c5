"""Findings about key frames: whether they are in their videos."""

from collections.abc import Iterator, Mapping

from i2v_jax.data.check.listed import Finding, Listed, format_count
from i2v_jax.data.sets import ava_files

_CUT = ava_files.LAST - ava_files.FIRST + 60  # seconds, with room to spare


def find(listed: Listed, records: Mapping[str, Mapping]) -> Iterator[Finding]:
  """Yields all findings about key frames."""
  yield from _find_late(listed, records)
  yield from _find_whole(listed, records)


def _find_late(listed, records) -> Iterator[Finding]:
  """Finds key frames past the end of their videos."""
  for name, split in listed.splits.items():
    frames, rows = split.key_frames, []
    if frames is None or frames.seconds:
      continue
    for example, video, time in zip(
      split.ids, split.video_ids, frames.times.tolist(), strict=True
    ):
      record = records[video]
      if record['ok'] and time > record['duration']:
        rows.append((name, example, f'{record["duration"]:.3f} s long'))
    if rows:
      text = f'key frames of {name} past the end of their videos: {len(rows):,}'
      yield Finding('late', True, text, rows)


def _find_whole(listed, records) -> Iterator[Finding]:
  """Finds movies of AVA that are not cut, though `movies` says so."""
  if listed.format != 'ava' or listed.options.get('movies', 'cut') != 'cut':
    return
  rows = [
    (name, video, f'{records[video]["duration"]:.0f} s')
    for name, split in listed.videos.items()
    for video in split.ids
    if records[video]['ok'] and records[video]['duration'] > _CUT
  ]
  if rows:
    text = "longer than 15 minutes, so not cut (set movies='whole'): "
    yield Finding('whole', True, f'{text}{format_count(len(rows))}', rows)
