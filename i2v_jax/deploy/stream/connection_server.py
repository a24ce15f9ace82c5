"""Few connections, each of which must soon say what it wants."""

import contextlib
import dataclasses
import http.server
import socket
import socketserver
import sys
import threading
import time

VIEWERS, CONNECTIONS = 8, 64  # at most
NEW = 16  # connections of an address that have not been admitted
HEAD = 5.0  # seconds within which a request has to come
LAST = 1.0  # seconds for the last messages


@dataclasses.dataclass
class _Connection:
  """An open connection.

  Attributes:
    address: of the other side.
    due: seconds of `time.monotonic` at which its request has to be there; None
      while one is answered.
    admitted: whether it has shown that it may ask.
    thread: that answers it, None before it runs.
  """

  address: str
  due: float | None
  admitted: bool = False
  thread: threading.Thread | None = None


class ConnectionServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
  """Answers each connection in a thread of its own.

  Attributes:
    viewers: is acquired by each who looks.
    closing: whether all is to end.
  """

  daemon_threads = True
  block_on_close = False
  request_queue_size = CONNECTIONS

  def __init__(self, address, handle):
    self.address_family = (
      socket.AF_INET6 if ':' in address[0] else socket.AF_INET
    )
    self._lock, self.closing = threading.Lock(), False
    self._open: dict[socket.socket, _Connection] = {}
    self.viewers = threading.BoundedSemaphore(VIEWERS)
    super().__init__(address, handle)

  def server_bind(self) -> None:
    # HTTPServer would look its own name up, which may take long.
    socketserver.TCPServer.server_bind(self)
    self.server_name, self.server_port = self.server_address[:2]

  def process_request(self, request, client_address) -> None:
    host, new = client_address[0], []
    with self._lock:
      new = [c.address for c in self._open.values() if not c.admitted]
      full = len(new) >= CONNECTIONS or new.count(host) >= NEW
      if not full:
        self._open[request] = _Connection(host, time.monotonic() + HEAD)
    if full:
      self.close_request(request)
    else:
      super().process_request(request, client_address)

  def process_request_thread(self, request, client_address) -> None:
    with self._lock:
      self._open[request].thread = threading.current_thread()
    super().process_request_thread(request, client_address)

  def expect_request(self, request: socket.socket) -> None:
    """Begins the time within which a further request has to come."""
    with self._lock:
      self._open[request].due = time.monotonic() + HEAD

  def note_request(self, request: socket.socket) -> None:
    """Ends that time: the request has come."""
    with self._lock:
      self._open[request].due = None

  def admit(self, request: socket.socket) -> bool:
    """Admits a connection that may ask; False if there are too many."""
    with self._lock:
      admitted = sum(found.admitted for found in self._open.values())
      found = self._open[request]
      found.admitted = found.admitted or admitted < CONNECTIONS
      return found.admitted

  def service_actions(self) -> None:
    """Ends connections whose request has not come in time."""
    now = time.monotonic()
    with self._lock:
      for request, found in self._open.items():
        if found.due is not None and found.due <= now:
          _end(request)

  def shutdown_request(self, request) -> None:
    with self._lock:
      self._open.pop(request, None)
    super().shutdown_request(request)

  def close_connections(self) -> None:
    """Ends what is open, so that its threads end."""
    with self._lock:
      threads = [found.thread for found in self._open.values() if found.thread]
      for request in self._open:
        _end(request)
    for thread in threads:
      thread.join(LAST)

  def handle_error(self, request, client_address) -> None:
    """A viewer that has gone is no error."""
    if not isinstance(sys.exception(), OSError):
      super().handle_error(request, client_address)


def _end(request: socket.socket) -> None:
  with contextlib.suppress(OSError):  # the viewer has gone
    request.shutdown(socket.SHUT_RDWR)
