"""Warns which videos are being read when no batch arrives."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

_LOG = logging.getLogger(__name__)


class Watch:
  """Warns after a time without a batch, and again while it lasts.

  Args:
    seconds: time before each warning; 0 never warns.
  """

  def __init__(self, seconds: float):
    self._seconds = seconds
    self._reading: dict[int, tuple[str, float]] = {}
    self._waiting_since: float | None = None

  @contextlib.contextmanager
  def track(self, name: str) -> Iterator[None]:
    """Records that this thread reads a video, within the context."""
    thread = threading.get_ident()
    self._reading[thread] = name, time.monotonic()
    try:
      yield
    finally:
      del self._reading[thread]

  def watch(self, batches: Iterator) -> Iterator:
    """Yields the batches, and watches while the consumer waits for one."""
    ended = threading.Event()
    thread = threading.Thread(target=self._warn, args=[ended], daemon=True)
    if self._seconds:
      thread.start()
    try:
      self._waiting_since = time.monotonic()
      for batch in batches:
        self._waiting_since = None
        yield batch
        self._waiting_since = time.monotonic()
    finally:
      ended.set()
      if self._seconds:
        thread.join()

  def report(self) -> str:
    """Reports what each thread is reading, the longest first."""
    now = time.monotonic()
    # A copy is atomic: other threads change the dict meanwhile.
    spans = sorted((since, name) for name, since in [*self._reading.values()])
    text = [f'{name} ({now - since:.0f} s)' for since, name in spans]
    return ', '.join(text) or 'nothing'

  def _warn(self, ended: threading.Event) -> None:
    while not ended.wait(self._seconds / 4):
      since = self._waiting_since
      if since and time.monotonic() - since > self._seconds:
        _LOG.warning(
          'no batch for %g s; being read: %s', self._seconds, self.report()
        )
        self._waiting_since = time.monotonic()
