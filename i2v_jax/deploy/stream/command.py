"""`i2v stream`: a trained model on live sources."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from i2v_jax.data.live.frames import ReadOptions
from i2v_jax.data.live.opening import check_options
from i2v_jax.data.live.sampling import find_rate
from i2v_jax.data.live.sources import find_sources
from i2v_jax.deploy.prediction.timeline_rules import make_rules
from i2v_jax.deploy.stream import recogniser, server
from i2v_jax.deploy.stream.event_file import EventFile
from i2v_jax.deploy.stream.hub import Hub
from i2v_jax.deploy.stream.screen import Screen
from i2v_jax.deploy.stream.session import Listener, Session
from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime.console import console
from i2v_jax.runtime.signals import Stopping


def stream(
  trained: Trained,
  sources: Sequence[str],
  *,
  out: str | None = None,
  serve: str | None = None,
  threshold: Mapping[str | None, float] | None = None,
  rules: Mapping[str, float] | None = None,
  **options,
) -> int:
  """Recognises sources until all have ended, or a signal.

  Args:
    trained: the model.
    sources: files, folders of frames, cameras, addresses, or `-` for stdin.
    out: file of JSON lines for events.
    serve: `HOST:PORT` for viewers.
    threshold: as in `timeline_rules.make_rules`.
    rules: further arguments of it.
    **options: `rate`, `fps`, `raw`, `gap` and `fast` of `frames.ReadOptions`.

  Returns:
    The number of sources that failed.

  Raises:
    FileNotFoundError: a file or camera is not there.
    OSError: the file of events cannot be written.
    UserError: options that do not go together, or a model that cannot stream.
  """
  found = find_sources(sources)
  kinds = {source.kind for source in found}
  check_options(options.get('fps'), options.get('raw'), kinds)
  event_rules = make_rules(trained, threshold, **rules or {})
  model = recogniser.TrainedRecogniser(trained, len(found))
  reading = ReadOptions(
    trained.spec,
    segment=trained.calibration.segment_seconds,
    training_fps=trained.training_fps,
    pictures=bool(serve),
    **options,
  )
  _check_rate(reading)
  with open_listeners(out, serve) as listeners, Stopping() as stopping:
    session = Session(model, found, reading, event_rules, listeners)
    return session.run(stopping)


def _check_rate(reading: ReadOptions) -> None:
  """Refuses models without a rate, before any source is opened.

  Says so where that of each source stands for that of the training videos.
  """
  find_rate(reading, stated=1.0, name='a source')
  known = reading.rate or reading.training_fps
  if not known and reading.spec.sampling != 'uniform':
    console.print(
      'This run does not say how many frames a second its training videos had; '
      'the model sees those of each source, divided by clip.stride. If they '
      'differ, give --rate.'
    )


@contextlib.contextmanager
def open_listeners(
  out: str | None, serve: str | None
) -> Iterator[list[Listener]]:
  """Opens what hears of a session: the terminal, a file, viewers."""
  with contextlib.ExitStack() as stack:
    listeners: list[Listener] = [Screen(console)]
    if serve:
      hub = Hub()
      served = server.Server(hub, *server.parse_address(serve))
      stack.callback(served.close)
      console.print(f'viewers: {served.url}')
      listeners.append(hub)
    if out:
      events = EventFile(out)
      stack.callback(events.close)
      listeners.append(events)
    yield listeners
