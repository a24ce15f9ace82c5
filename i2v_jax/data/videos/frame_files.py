"""The files of a folder that holds a video as numbered images."""

import hashlib
import itertools
import os
import re
from typing import NamedTuple

from i2v_jax.data.videos import names
from i2v_jax.runtime.errors import UserError

_IMAGE = re.compile(r'(.*?)([0-9]+)\.(jpe?g|png|webp|bmp)', re.I)
# Optical flow, which rawframes keep next to the pictures: flow_x_00001.jpg.
_FLOW = re.compile(r'(flow[_-]?[xyuv]?|[xyuv])[_-]?', re.I)


class Frames(NamedTuple):
  """The files of a frame folder.

  Attributes:
    names: of the frames, in the order of their numbers.
    numbers: in the names, ascending.
    aside: names of the other files: optical flow, and files of other kinds.
  """

  names: list[str]
  numbers: list[int]
  aside: list[str]

  @property
  def gaps(self) -> str:
    """The numbers that the sequence leaves out, such as '4, 7 to 9'."""
    pairs = list(itertools.pairwise(self.numbers))
    # Every fifth frame of a video is a sequence too.
    step = min((after - number for number, after in pairs), default=1)
    ends = [
      (number + step, after - step)
      for number, after in pairs
      if after - number > step
    ]
    return ', '.join(f'{a} to {b}' if a < b else f'{a}' for a, b in ends)


def is_folder(entry: os.DirEntry) -> bool:
  """Whether an entry of a folder is one; a link in a circle is not."""
  try:
    return entry.is_dir()
  except OSError:  # opening it reports why
    return False


def is_frame_folder(path) -> bool:
  """Whether a path is a folder that holds one video as numbered images.

  It holds more numbered images than other files, no video and no folder; what
  systems leave in any folder does not count.
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
  """Finds the frames of a folder, in the natural order of their numbers.

  Raises:
    UserError: there are no frames, or several sequences; names two of them.
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
  """`bytes` and `mtime_ns` of a video: of its file, or of a folder's frames.

  For a folder they are the sum, and the newest of the frames' and its own.
  Raises OSError if it does not exist.
  """
  found = [os.stat(path)]
  size = found[0].st_size
  if is_frame_folder(path):
    found += [os.stat(os.path.join(path, name)) for name in _list_names(path)]
    size = sum(entry.st_size for entry in found[1:])
  return {'bytes': size, 'mtime_ns': max(one.st_mtime_ns for one in found)}


def compute_sha256(path) -> str:
  """Hash of the contents of the frames in order, whatever their names."""
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
