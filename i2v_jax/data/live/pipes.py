"""Frames from stdin: raw RGB, or JPEG after JPEG."""

import functools
import os
import time
from collections.abc import Iterator

import cv2
import numpy as np

from i2v_jax.data.live.connections import (
  Connection,
  Convert,
  Damaged,
  SourceFrame,
)
from i2v_jax.data.live.jpegs import JpegSplitter
from i2v_jax.data.videos.packets import DecodeError

AT_ONCE = 1 << 16  # bytes
HEADERS = 1 << 10  # bytes between JPEGs that are no fault, as of multipart


class PipeConnection(Connection):
  """Frames from a file descriptor, which it closes.

  Args:
    pipe: the descriptor.
    name: of the source in messages.
    rate: frames a second; 0 gives each frame the time at which it arrives.
    raw: width and height of uint8 RGB frames; None for JPEG after JPEG.
  """

  def __init__(
    self, pipe: int, name: str, rate: float, raw: tuple[int, int] | None
  ):
    self._file = os.fdopen(pipe, 'rb', buffering=0)
    self._name, self.rate, self._raw = name, rate, raw
    self._count = 0

  def close(self) -> None:
    self._file.close()

  def read(self, damaged: Damaged) -> Iterator[SourceFrame]:
    split = self._split_raw if self._raw else self._split_jpegs
    for convert in split(damaged):
      stamp = self._count / self.rate if self.rate else time.monotonic()
      self._count += 1
      yield SourceFrame(stamp, convert)
    if not self._count:
      form = 'RGB frame of that size' if self._raw else 'JPEG'
      raise DecodeError(
        f'{self._name}: gave no {form}; send JPEG after JPEG, or raw RGB with '
        '--raw WIDTHxHEIGHT'
      )

  def _split_raw(self, damaged: Damaged) -> Iterator[Convert]:
    width, height = self._raw
    size, data = 3 * width * height, bytearray()
    while part := self._file.read(min(size - len(data), 16 * AT_ONCE)):
      data += part
      if len(data) == size:
        image = np.frombuffer(bytes(data), np.uint8)
        image = image.reshape(height, width, 3)
        yield lambda image=image: image
        data.clear()
    if data:
      damaged(f'the last frame has {len(data):,} of {size:,} bytes')

  def _split_jpegs(self, damaged: Damaged) -> Iterator[Convert]:
    splitter, skipped = JpegSplitter(), 0
    while part := self._file.read(AT_ONCE):
      for data in splitter.take(part):
        skipped = _check_skipped(splitter, skipped, damaged)
        yield functools.partial(decode_jpeg, data, self._name)
      if splitter.skipped - skipped > HEADERS:
        skipped = _check_skipped(splitter, skipped, damaged)
    if splitter.unfinished:
      damaged('the last JPEG has no end')


def _check_skipped(
  splitter: JpegSplitter, before: int, damaged: Damaged
) -> int:
  """Compares the bytes between two JPEGs; returns those skipped so far."""
  between = splitter.skipped - before
  if between > HEADERS:
    damaged(f'{between:,} bytes are no JPEG')
  return splitter.skipped


def decode_jpeg(data: bytes, name: str) -> np.ndarray:
  """Decodes a JPEG to uint8 RGB [H, W, 3]; raises DecodeError."""
  try:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
  except cv2.error as error:
    raise DecodeError(
      f'{name}: a JPEG cannot be decoded ({error.err})'
    ) from error
  if image is None:
    raise DecodeError(f'{name}: a JPEG cannot be decoded')
  return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
