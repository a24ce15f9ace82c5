"""Frames of examples, small enough to be part of a page."""

import base64
import dataclasses
import functools
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np

from i2v_jax.data.sets import background, prepared
from i2v_jax.data.videos import decode
from i2v_jax.data.videos.span import Span
from i2v_jax.runtime.errors import UserError

COUNT = 4  # frames of a strip
SHORT_SIDE = 112  # pixels at most
QUALITY = 72  # of JPEG
SECONDS = 5.0  # limit for reading a strip, as training waits for the page
_TIME = r'(\d+(?:\.\d+)?)'
# A span of a video, or one drawn from its background. Records of prepared spans
# have such a name, too.
PART = re.compile(rf'(.+)@(?:{_TIME}-{_TIME}|{background.NAME}-\d+)')


class Strip(NamedTuple):
  """Frames as data URIs, or why there are none."""

  images: list[str]
  small: bool = False  # so that its pixels are to be seen as they are
  problem: str = ''


@dataclasses.dataclass(frozen=True)
class Footage:
  """The videos of a data set.

  Attributes:
    root: its folder, '' if unknown.
    prepared: name of the split, if it is a prepared data set.
    fps: of videos that are folders of frames.
  """

  root: str
  prepared: str = ''
  fps: float = decode.FPS

  def read(self, id: str, span: tuple[float, float] | None) -> Strip:
    """Reads frames of an example at equal distances.

    Args:
      id: of the example.
      span: seconds within its file; None is all of it.
    """
    if not os.path.isdir(self.root):
      return Strip([], problem=self._describe_root())
    try:
      return self._read(id, span)
    except (UserError, OSError, ValueError) as error:
      return Strip([], problem=str(error))

  def _read(self, id: str, span) -> Strip:
    source = self._find(id)
    if source is None and (part := PART.fullmatch(id)):
      id, source = part[1], self._find(part[1])
      if span is None and part[2]:
        span = float(part[2]), float(part[3])
    if source is None:
      raise UserError(self._describe_missing(id))
    video = decode.open_video(source, id, SECONDS, self.fps)
    with Span(video, *span, id) if span else video as part:
      places = (np.arange(COUNT) + 0.5) / COUNT * part.info.frames
      side = min(SHORT_SIDE, part.info.height, part.info.width)
      found = part.read(places.astype(int).tolist(), side)
    return Strip([encode(frame) for frame in found], side < SHORT_SIDE // 2)

  def _find(self, id: str) -> str | bytes | None:
    """Finds the file of a video, or the bytes of its record."""
    if self.prepared:
      records, number = self._records
      return records[number[id]] if id in number else None
    path = os.path.join(self.root, id)
    return path if os.path.exists(path) else None

  @functools.cached_property
  def _records(self):
    found = prepared.load(self.root, self.prepared)
    ids = found.ids
    if found.segments is not None:
      ids = [video.id for video in found.segments.footage]
    return found.records, {id: number for number, id in enumerate(ids)}

  def _describe_missing(self, id: str) -> str:
    if self.prepared:
      return f'{id} is not in the data set at {self.root}.'
    path = os.path.join(self.root, id)
    return f'the video is missing: {path} does not exist'

  def _describe_root(self) -> str:
    if not self.root:
      return 'the run does not say where its videos are; give --root'
    return f'the videos are missing: {self.root} is no folder; give --root'


def encode(frame: np.ndarray) -> str:
  """Encodes uint8 RGB [H, W, 3] as the data URI of a JPEG."""
  bgr = np.ascontiguousarray(frame[..., ::-1])
  _, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
  text = base64.b64encode(data.tobytes()).decode()
  return f'data:image/jpeg;base64,{text}'


def find_footage(
  config: Mapping[str, Any], data: Mapping[str, dict], root: str = ''
) -> Footage:
  """Finds the videos of the `val` split of a run.

  Args:
    config: as stored.
    data: of `data.json`.
    root: new place of the data, '' for that of the run.
  """
  known = config.get('data') or {}
  of_val = data.get('val') or {}
  root = root or of_val.get('root') or known.get('root') or ''
  split = of_val.get('split') or known.get('val') or 'val'
  root = str(pathlib.Path(root).expanduser()) if root else ''
  is_prepared = (
    bool(root) and os.path.isdir(root) and bool(prepared.find_folders(root))
  )
  return Footage(
    root, split if is_prepared else '', known.get('fps', decode.FPS)
  )
