"""The thread that reads a source, and opens it again when it is lost."""

import collections
import threading
import time

import av

from i2v_jax.data.live import containers
from i2v_jax.data.live.connections import Connection, SourceFrame
from i2v_jax.data.live.frames import FrameMaker, ReadOptions
from i2v_jax.data.live.inbox import Inbox
from i2v_jax.data.live.opening import connect
from i2v_jax.data.live.sampling import Sampler, find_rate
from i2v_jax.data.live.sources import Source
from i2v_jax.data.live.times import JUMP, LONG_JUMP, Times
from i2v_jax.data.videos import faults
from i2v_jax.data.videos.packets import DecodeError
from i2v_jax.runtime.errors import UserError

DELAYS = (1, 2, 4, 8, 16, 30)  # seconds before a lost source is opened again
COUNTED = 30  # frames after which the rate of a source is compared
LATE = 1.0  # seconds that a file may be behind its pace and catch up
NOTES = 100  # sentences in memory


class Reader:
  """Reads a source in a thread of its own, from `start` to `close`.

  Args:
    number: of the source in the inbox.
    source: the source.
    inbox: where its frames go.
    options: how it is read.

  Attributes:
    name: of the source.
    inbox: where its frames go.
    heard: seconds of `time.monotonic` of its last frame, 0 before.
    rate: frames a second that are taken, 0 before it is open.
    connected: whether it is open.
    live: whether it is no recording; False before it is open.
    reconnects: how often it was opened again.
    notes: sentences about it, to be taken away.
    ended: whether it gives no further frame.
    failure: why it has ended, '' if there is no fault.
    bug: an error that no source causes, to be raised.
  """

  def __init__(
    self, number: int, source: Source, inbox: Inbox, options: ReadOptions
  ):
    self.name, self._source, self._options = source.name, source, options
    self._number, self.inbox = number, inbox
    self._times, self._stop = Times(), threading.Event()
    self._lasting, self._lost, self._tries = False, 0.0, 0
    self._started, self._of = 0.0, 0.0
    self.heard, self.rate, self.reconnects = 0.0, 0.0, 0
    self.connected = self.live = self.ended = False
    self.notes: collections.deque[str] = collections.deque(maxlen=NOTES)
    self._maker = FrameMaker(source, options, self._times, self.notes)
    self.failure, self.bug = '', None
    self._thread = threading.Thread(
      target=self._run, name=f'i2v {self.name}', daemon=True
    )

  @property
  def damaged(self) -> int:
    """Parts that could not be decoded."""
    return self._maker.damaged

  def start(self) -> None:
    """Starts the thread."""
    self._thread.start()

  def stop(self) -> None:
    """Asks the thread to end; `close` waits for it."""
    self._stop.set()

  def close(self, seconds: float) -> bool:
    """Ends the thread; the inbox must be closed.

    Args:
      seconds: to wait for it. One that waits for a network ends later, and one
        that waits for stdin or a camera with the process.

    Returns:
      Whether it has ended.
    """
    self._stop.set()
    if self._thread.is_alive():  # which it is not before `start`
      self._thread.join(seconds)
    return not self._thread.is_alive()

  def _run(self) -> None:
    try:
      while not self._stop.is_set():
        reason = self._read_once()
        if not self._lasting or self._stop.is_set():
          return
        self._wait(reason)
    except UserError as error:
      self._fail(f'{self.name}: {self._maker.cut_name(error)}')
    except faults.OF_VIDEO as error:
      self._fail(f'{self.name}: cannot be read ({_describe(error)})')
    except Exception as error:
      self.bug = error
    finally:
      self.connected, self.ended = False, True
      self.inbox.end(self._number)

  def _fail(self, sentence: str) -> None:
    self.failure = sentence
    self.notes.append(sentence)

  def _read_once(self) -> str:
    """Reads a source to its end; returns why a lasting one has ended.

    A source that has never given a frame fails: its name may be wrong.
    """
    options = self._options
    try:
      with connect(
        self._source, options.fps, options.raw, options.pipe
      ) as connection:
        self._follow(connection)
        if not self._lasting and not self._stop.is_set():
          self._finish(connection)
        return 'it has ended'
    except faults.OF_VIDEO as error:
      if not self._lasting:
        raise
      return _describe(error)

  def _finish(self, connection: Connection) -> None:
    if not self.heard:
      raise DecodeError(f'{self.name}: has no frame that can be decoded')
    end = self._times.seconds + 1 / (connection.rate or self.rate)
    if problem := connection.describe_end(end):
      self._fail(f'{self.name}: {problem}')

  def _wait(self, reason: str) -> None:
    """Waits before a lost source is opened again, longer each time."""
    self.connected = False
    if not self._lost:
      self._lost = time.monotonic()
      self.notes.append(f'{self.name}: lost ({reason}); opening it again')
    self._stop.wait(DELAYS[min(self._tries, len(DELAYS) - 1)])
    self._tries += 1

  def _follow(self, connection: Connection) -> None:
    """Takes frames of an open source until it ends."""
    options = self._options
    # A source that is opened again may no longer say its rate.
    self.rate = self.rate or find_rate(options, connection.rate, self.name)
    self._of = of = connection.rate or self._of or self.rate
    self._maker.begin(self.rate)
    sampler, epoch = Sampler(self.rate, of), self._times.epoch
    self.live = not connection.recorded
    jump = JUMP if self.live else LONG_JUMP
    for number, shown in enumerate(connection.read(self._maker.leave_out)):
      if self._stop.is_set():
        return
      if number == 0:
        self._begin(connection)
      elif number == COUNTED and not self.reconnects:
        self._check_rate(connection.rate, number)
      self.heard = time.monotonic()
      elapsed = self.heard - self._started if self.live else 0.0
      seconds = self._times.place(shown.stamp, 1 / of, elapsed, jump)
      if self._times.epoch != epoch:
        epoch = self._times.epoch
        sampler.restart()
      if sampler.take(seconds):
        self._take(shown, seconds, connection)
        if self._times.epoch != epoch:  # it continues nothing
          epoch = self._times.epoch
          sampler.begin(seconds)

  def _check_rate(self, stated: float, count: int) -> None:
    """Notes a rate that is not as stated, or lower than the model wants."""
    seconds = self._times.seconds
    found = (count - 1) / seconds if seconds else self.rate
    if stated and not 1 / 1.5 < found / stated < 1.5:
      problem = f'not {stated:.3g} as it says'
    elif found < 0.9 * self.rate:
      problem = f'fewer than {self.rate:.3g}, which the model was trained on'
    else:
      return
    self.notes.append(
      f'{self.name}: has {found:.3g} frames a second, {problem}; --rate sets '
      'how many the model sees'
    )

  def _begin(self, connection: Connection) -> None:
    """Notes the first frame of an open source."""
    now = time.monotonic()
    self._started = self._started or now
    self._times.restart(now - self._started)
    self._lasting = connection.lasting
    # In this order, or the session finds a long silence in between.
    self.heard, self.connected = now, True
    if self._lost:
      self.reconnects += 1
      self.notes.append(
        f'{self.name}: open again after {now - self._lost:.0f} s'
      )
    self._lost, self._tries = 0.0, 0

  def _take(
    self, shown: SourceFrame, seconds: float, connection: Connection
  ) -> None:
    options = self._options
    if connection.recorded and not options.fast:
      self._pace(seconds)
    if frame := self._maker.make(shown, seconds):
      wait = options.fast and not connection.lasting
      self.inbox.put(self._number, frame, wait)

  def _pace(self, seconds: float) -> None:
    """Waits until a frame of a recording is due."""
    early = self._started + seconds - time.monotonic()
    if early > 0:
      self._stop.wait(early)
    elif early < -LATE:  # as after the machine has slept
      self._started -= early


def _describe(error: Exception) -> str:
  if isinstance(error, av.error.ExitError):
    return f'no data for {containers.READ:g} s'
  return faults.describe(error)
