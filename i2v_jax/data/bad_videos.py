"""The list of the videos of a split that could not be read."""

import csv
import math
import pathlib

from i2v_jax.data.decode import DecodeError
from i2v_jax.data.sources import Split


class BadVideos:
  """Counts and lists the videos that could not be read, up to a cap.

  Args:
    split: where the batches come from.
    max_share: of the split's videos; one bad video is always allowed.
    report: csv file, rewritten at every new bad video; what it holds already
      counts. None writes none.
  """

  def __init__(self, split: Split, max_share: float, report=None):
    self.split, self.report = split, report and pathlib.Path(report)
    self.cap = max(1, math.ceil(max_share * len(split)))
    self.reasons: dict[str, str] = {}
    if self.report and self.report.exists():
      with self.report.open(newline='') as file:
        self.reasons = dict(list(csv.reader(file))[1:])

  def absorb(self, batch: dict) -> dict:
    """Takes `error` out of a batch; raises DecodeError above the cap."""
    errors = batch.pop('error')
    for index, reason in zip(batch['index'], errors, strict=True):
      if reason:
        text = reason.decode(errors='replace')
        self.reasons.setdefault(self.split.ids[index], text)
    if errors.any() and self.report:
      self._write()
    if len(self.reasons) > self.cap:
      first = next(iter(self.reasons.values()))
      raise DecodeError(
        f'{len(self.reasons)} of {len(self.split)} videos cannot be read, more '
        f'than max_bad_share allows; the first: {first}'
      )
    return batch

  def _write(self):
    with self.report.open('w', newline='') as file:
      rows = csv.writer(file)
      rows.writerow(['video', 'reason'])
      rows.writerows(self.reasons.items())
