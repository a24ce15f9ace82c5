"""The files of a folder of frames: a video as numbered images."""

import hashlib
import itertools
import os
import re
from typing import NamedTuple

from i2v_jax.data.videos import names
from i2v_jax.runtime.errors import UserError

_IMAGE = re.compile(r'(.*?)([0-9]+)\.(jpe?g|png|webp|bmp)', re.I)
# Optical flow, stored next to the rawframes of mmaction2: flow_x_00001.jpg.
_FLOW = re.compile(r'(flow[_-]?[xyuv]?|[xyuv])[_-]?', re.I)


class Frames(NamedTuple):
  """The files of a folder of frames.

  Attributes:
    names: names of the frames, in the order of their numbers.
    numbers: the numbers in the names, ascending.
    aside: names of the other files, optical flow included.
  """

  names: list[str]
  numbers: list[int]
  aside: list[str]

  @property
  def gaps(self) -> str:
    """The numbers missing from the sequence, such as '4, 7 to 9'."""
    pairs = list(itertools.pairwise(self.numbers))
    # Every fifth frame of a video is also a complete sequence.
    step = min((after - number for number, after in pairs), default=1)
    ends = [
      (number + step, after - step)
      for number, after in pairs
      if after - number > step
    ]
    return ', '.join(f'{a} to {b}' if a < b else f'{a}' for a, b in ends)


def is_folder(entry: os.DirEntry) -> bool:
  """Whether an entry is a folder; a circular link is not."""
  try:
    return entry.is_dir()
  except OSError:  # opening it reports why
    return False


def is_frame_folder(path) -> bool:
  """Whether a path is a folder of the numbered frames of one video.

  Such a folder has more numbered images than other files, no video and no
  subfolder; files left by operating systems do not count.
  """
  if isinstance(path, bytes) or not os.path.isdir(path):
    return False
  images = others = 0
  with os.scandir(path) as entries:
    for entry in entries:
      if entry.name.startswith('.') or names.is_litter(entry.name):
        continue
      if is_folder(entry) or names.has_video_extension(entry.name):
        return False
      is_image = _IMAGE.fullmatch(entry.name) is not None
      images, others = images + is_image, others + (not is_image)
  return images > others


def list_frames(path) -> Frames:
  """Lists the frames of a folder in the order of their numbers.

  Raises:
    UserError: there are no frames, or more than one sequence.
  """
  sequences, aside = {}, []
  for name in sorted(os.listdir(path)):
    if name.startswith('.'):
      continue
    found = _IMAGE.fullmatch(name)
    if found is None or _FLOW.fullmatch(found[1]):
      aside.append(name)
      continue
    frames = sequences.setdefault(found[1].casefold(), {})
    other = frames.setdefault(int(found[2]), name)
    if other != name:
      raise UserError(f'has {other} and {name} for one frame; keep one')
  if not sequences:
    raise UserError('holds no numbered images such as img_00001.jpg')
  if len(sequences) > 1:
    first, second = (
      next(iter(frames.values())) for frames in [*sequences.values()][:2]
    )
    raise UserError(
      f'holds more than one sequence of images, that of {first} and that of '
      f'{second}; move all but one out of it'
    )
  (frames,) = sequences.values()
  numbers = sorted(frames)
  return Frames([frames[number] for number in numbers], numbers, aside)


def stamp(path) -> dict[str, int]:
  """Returns `bytes` and `mtime_ns` of a video file or folder of frames.

  For a folder, `bytes` is the sum over its frames, and `mtime_ns` the latest of
  theirs and its own. Raises OSError if it does not exist.
  """
  found = [os.stat(path)]
  size = found[0].st_size
  if is_frame_folder(path):
    found += [os.stat(os.path.join(path, name)) for name in _list_names(path)]
    size = sum(entry.st_size for entry in found[1:])
  return {'bytes': size, 'mtime_ns': max(one.st_mtime_ns for one in found)}


def compute_sha256(path) -> str:
  """Hashes the contents of the frames in order, ignoring their names."""
  digest = hashlib.sha256()
  for name in _list_names(path):
    with open(os.path.join(path, name), 'rb') as file:
      digest.update(hashlib.file_digest(file, 'sha256').digest())
  return digest.hexdigest()


def _list_names(path) -> list[str]:
  try:
    return list_frames(path).names
  except UserError:  # opening it reports this
    return []
