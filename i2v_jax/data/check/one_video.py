"""Checks whether a video can be read to its end, and collects its facts.

The worker processes of `i2v data check` run this module.
"""

import collections
import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import av

from i2v_jax.data.videos import decode, faults, frame_files, pyav

DECODER = f'PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}'
_KINDS = {
  stat.S_IFDIR: 'a folder',
  stat.S_IFIFO: 'a named pipe',
  stat.S_IFSOCK: 'a socket',
  stat.S_IFCHR: 'a device',
  stat.S_IFBLK: 'a device',
}
_LATE = 0.2  # seconds missing at the end that reveal a truncated file


def check_file(path: str, fps: float = decode.FPS) -> dict[str, Any]:
  """Decodes every frame of a video once, in order, and keeps none of them.

  Args:
    path: a file, or a folder of frames.
    fps: frame rate of a folder of frames.

  Returns:
    JSON values. Always `ok` and `frames`, the number of frames that decode from
    the first on without a gap. If not ok, `reason`, and `frame`, the number of
    the first frame that cannot be decoded, 0 if the file cannot be opened. As
    far as known: `sha256` of the content; `fps`, `height`, `width`, `rotation`,
    `mirrored`, `pixel_aspect`, `duration`, `codec` as in `decode.VideoInfo`;
    `stated`, the number of frames stated by the container, or None;
    `cut_short`, whether it states more than it holds; `not_shown`, the number
    of packets without a picture, as in a recording that starts between key
    frames; `untimed`, whether frames can only be found by decoding from the
    start; `interlaced`, whether any frame is. A folder of frames also has
    `gaps`, the numbers missing between its frames, and `aside`, the other files
    in it; '' if there are none.

  Raises:
    faults.BugError: an error that no file should cause.
  """
  found = {'ok': False, 'frames': 0}
  try:
    with faults.report_bugs(path):
      if decode.is_frame_folder(path):
        return found | _check_folder(path, fps)
      _check_regular(path)
      with open(path, 'rb') as file:
        found['sha256'] = hashlib.file_digest(file, 'sha256').hexdigest()
      with decode.open_video(path) as video:
        return found | _make_facts(video.info) | _check_decoding(path, video)
  except faults.OF_VIDEO as error:
    return found | {'frame': 0, 'reason': _describe_error(path, error)}


def _check_folder(path: str, fps: float) -> dict[str, Any]:
  with decode.open_video(path, fps=fps) as video:
    aside, count = video.files.aside, video.info.frames
    found = _make_facts(video.info) | {
      'sha256': frame_files.compute_sha256(path),
      'stated': None,
      'cut_short': False,
      'gaps': video.files.gaps,
      'aside': f'{len(aside):,} such as {aside[0]}' if aside else '',
    }
    for frame in range(count):
      if reason := _explain_unreadable(path, video, frame):
        return found | {'frames': frame, 'frame': frame, 'reason': reason}
    return found | {'ok': True, 'frames': count}


def _check_regular(path: str) -> None:
  """Raises DecodeError unless it is a regular file: a pipe would block."""
  if os.path.islink(path) and not os.path.lexists(os.path.realpath(path)):
    raise decode.DecodeError('is a link to nothing')
  found = os.stat(path)
  if not stat.S_ISREG(found.st_mode):
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), 'something else')
    raise decode.DecodeError(f'is {kind}, not a file')
  if not found.st_size:
    raise decode.DecodeError('is empty')


def _describe_error(path: str, error: Exception) -> str:
  return faults.describe(error).removeprefix(f'{path}: ')


def _make_facts(info: decode.VideoInfo) -> dict[str, Any]:
  return {
    'fps': round(info.fps, 4),
    'height': info.height,
    'width': info.width,
    'rotation': info.rotation,
    'mirrored': info.mirrored,
    'pixel_aspect': round(info.pixel_aspect, 4),
    'duration': round(info.duration, 4),
    'codec': info.codec,
  }


def _check_decoding(path: str, video: decode.Video) -> dict[str, Any]:
  count, index = video.info.frames, video.packets.index
  walk = _walk(path, video.fits)
  found = {
    'stated': walk.stated,
    'cut_short': walk.cut_short,
    'not_shown': max(0, index.listed - count),
    'untimed': index.counted and index.start is None,
    'interlaced': walk.interlaced,
  }
  if index.counted:
    walk = walk._replace(listed=index.ticks)
  elif index.start is not None and not _is_in_order(walk):
    reason = 'its frames are not in the order of their times'
    reason = f'{reason}; re-encode it: ffmpeg -i IN OUT'
    return found | {'ok': False, 'frames': 0, 'frame': 0, 'reason': reason}
  for frame in _find_suspects(walk, count):
    if reason := _explain_unreadable(path, video, frame):
      return found | _find_first_unreadable(path, video, frame, reason)
  return found | {'ok': True, 'frames': count}


def _find_first_unreadable(
  path, video, frame: int, reason: str
) -> dict[str, Any]:
  # A decoder may lose delayed pictures when the next one fails.
  while frame and (earlier := _explain_unreadable(path, video, frame - 1)):
    frame, reason = frame - 1, earlier
  return {'ok': False, 'frames': frame, 'frame': frame, 'reason': reason}


def _explain_unreadable(path: str, video: decode.Video, frame: int) -> str:
  """Says why training cannot read a frame, or returns ''."""
  try:
    video.read([frame])
  except decode.DecodeError as error:
    return _describe_error(path, error)
  return ''


class _Walk(NamedTuple):
  listed: list[int | None]  # Times of the packets to be displayed.
  shown: list[tuple]  # (time, whether complete) of decoded pictures.
  stated: int | None
  cut_short: bool
  interlaced: bool = False


def _is_in_order(walk: _Walk) -> bool:
  """Whether pictures identified by their times are in that order.

  Otherwise training would confuse them.
  """
  times = [time for time, complete in walk.shown if complete]
  return None in times or times == sorted(times)


def _walk(path: str, fits: Callable[[av.VideoFrame], bool]) -> _Walk:
  """Decodes all packets, broken ones too."""
  listed, shown, hidden, ends = [], [], 0, collections.Counter()
  interlaced = False
  with pyav.open_file(path) as container:
    stream = pyav.find_video_stream(container)
    for packet in container.demux():
      start = packet.dts if packet.pts is None else packet.pts
      if start is not None:
        last = start + (packet.duration or 0)
        end = float(last * packet.time_base)
        ends[packet.stream_index] = max(ends[packet.stream_index], end)
      if packet.stream_index != stream.index:
        continue
      if packet.size and not packet.is_discard:
        listed.append(packet.pts)
      hidden += packet.is_discard
      for picture in _decode(packet):
        shown.append((picture.pts, fits(picture) and not picture.is_corrupt))
        interlaced |= picture.interlaced_frame
    missing = _is_cut_short(container, stream, len(listed) + hidden, ends)
    return _Walk(listed, shown, stream.frames or None, missing, interlaced)


def _is_cut_short(container, stream, count: int, ends: Mapping) -> bool:
  """Whether a file states more packets or seconds than it holds.

  Args:
    container, stream: read to the end.
    count: packets of the stream.
    ends: index of a stream -> seconds until the end of its last packet.
  """
  end = max(ends.values(), default=0.0)
  if container.format.name == 'avi':  # counts omitted frames too
    stated = float(stream.frames * stream.time_base)
  elif container.format.name.startswith('matroska'):  # counts none
    stated = (container.duration or 0) / av.time_base
  elif container.format.name.startswith('mov') and stream.duration:
    # Frames skipped by an edit list may be counted but never appear.
    if stream.frames <= count:
      return False
    stated, end = float(stream.duration * stream.time_base), ends[stream.index]
  else:
    return stream.frames > count
  return stated - end > _LATE


def _decode(packet: av.Packet) -> list[av.VideoFrame]:
  """Decodes the pictures of a packet; none if it is broken."""
  try:
    return packet.decode()
  except av.FFmpegError:
    return []


def _find_suspects(walk: _Walk, count: int) -> list[int]:
  """Finds the frames that the walk has not proven good."""
  listed = set(walk.listed)
  good = {time for time, complete in walk.shown if complete}
  # If times are guessed, frames are numbered in decoding order.
  suspects = {n for n, (_, complete) in enumerate(walk.shown) if not complete}
  suspects.update(range(len(walk.shown), count))
  if None not in listed and len(listed) == count and good <= listed:
    order = enumerate(sorted(listed))
    suspects.update(frame for frame, time in order if time not in good)
  return sorted(frame for frame in suspects if frame < count)
