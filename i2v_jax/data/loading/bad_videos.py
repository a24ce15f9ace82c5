"""The list of videos of a split that could not be read."""

import math
import pathlib

from i2v_jax.data.sets import csv_files
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.videos.decode import DecodeError

COLUMNS = ('video', 'reason')


class BadVideos:
  """Counts and lists the videos that could not be read, up to a cap.

  Args:
    split: the split of the batches.
    max_share: largest share of bad videos; one is always allowed.
    report: csv file, rewritten at every new bad video; videos already in it
      count. None writes no file.
  """

  def __init__(self, split: Split, max_share: float, report=None):
    self.split, self.report = split, report and pathlib.Path(report)
    self.cap = max(1, math.ceil(max_share * len(split)))
    self.reasons: dict[str, str] = {}
    if self.report and self.report.exists():
      rows = csv_files.read(self.report, COLUMNS)
      self.reasons = {row['video']: row['reason'] for row in rows}

  def absorb(self, batch: dict) -> dict:
    """Moves `error` out of a batch; raises DecodeError above the cap."""
    known = len(self.reasons)
    errors = batch.pop('error')
    for index, reason in zip(batch['index'], errors, strict=True):
      if reason:
        text = reason.decode(errors='surrogateescape')
        self.reasons.setdefault(self.split.ids[index], text)
    if len(self.reasons) > known:
      self._write()
      self._check()
    return batch

  def _write(self) -> None:
    if self.report:
      csv_files.write(self.report, COLUMNS, self.reasons.items())

  def _check(self) -> None:
    if len(self.reasons) <= self.cap:
      return
    first = next(iter(self.reasons.values()))
    where = f'; all are in {self.report}' if self.report else ''
    unit = self.split.unit
    raise DecodeError(
      f'{len(self.reasons)} of {len(self.split)} {unit} cannot be read, more '
      f'than max_bad_share allows{where}; the first: {first}'
    )
