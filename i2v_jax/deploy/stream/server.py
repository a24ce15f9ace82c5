"""Serves a session to a few viewers: a page, events, pictures, metrics."""

import contextlib
import functools
import hmac
import http.server
import ipaddress
import re
import secrets
import socket
import socketserver
import sys
import threading
import urllib.parse
from http import HTTPStatus

from i2v_jax.deploy.stream.gallery import Gallery
from i2v_jax.deploy.stream.page import Page, make_page
from i2v_jax.runtime.errors import UserError

VIEWERS, CONNECTIONS = 8, 64  # at most
SECONDS = 10.0  # a viewer that takes nothing for so long is sent away
ALIVE = 5.0  # seconds between signs of life
LAST = 1.0  # seconds for the last messages
LOOPBACK = '127.0.0.1'
_PICTURE = re.compile(r'/picture/(\d{1,4})')
_HEADERS = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}


def parse_address(text: str) -> tuple[str, int]:
  """Parses `HOST:PORT`, `[::1]:PORT` or `PORT`, which is for this machine only.

  Raises:
    UserError: it is none of these.
  """
  host, _, port = text.rpartition(':')
  host = host.removeprefix('[').removesuffix(']')
  if not (port.isascii() and port.isdigit() and int(port) < 2**16):
    raise UserError(
      f'--serve is {text!r}; it can be HOST:PORT, or PORT for this machine '
      'only, with a port up to 65535.'
    )
  return host or LOOPBACK, int(port)


def is_loopback(host: str) -> bool:
  """Whether a host is this machine, seen from itself only."""
  try:
    return ipaddress.ip_address(host).is_loopback
  except ValueError:
    return host.lower() == 'localhost'


class Server:
  """Serves a gallery in threads of its own, until `close`.

  Args:
    gallery: what is served.
    host: at which; one that others can reach asks for a token.
    port: the same; 0 takes any that is free.

  Attributes:
    url: to be opened in a browser, with the token.

  Raises:
    UserError: the host is unknown, or the port is taken or not allowed.
  """

  def __init__(self, gallery: Gallery, host: str = LOOPBACK, port: int = 0):
    self._gallery = gallery
    self._token = '' if is_loopback(host) else secrets.token_urlsafe(16)
    handle = functools.partial(_Handler, gallery, make_page(), self._token)
    try:
      self._server = _HttpServer((host, port), handle)
    except (OSError, OverflowError, UnicodeError) as error:
      reason = getattr(error, 'strerror', None) or error
      raise UserError(
        f'--serve {host}:{port} is not possible ({reason}); give another host '
        'or port.'
      ) from error
    shown = f'[{host}]' if ':' in host else host
    query = f'?token={self._token}' if self._token else ''
    self.url = f'http://{shown}:{self._server.server_port}/{query}'
    self._thread = threading.Thread(
      target=self._server.serve_forever, args=[0.1], daemon=True
    )
    self._thread.start()

  def close(self) -> None:
    """Ends it; viewers of a session that has ended get its last messages."""
    self._server.shutdown()
    self._thread.join()
    self._server.server_close()
    self._gallery.wait_empty(LAST)
    self._server.closing = True
    self._gallery.wake()
    self._server.close_connections()


class _HttpServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
  daemon_threads = True
  block_on_close = False
  request_queue_size = CONNECTIONS

  def __init__(self, address, handle):
    self.address_family = (
      socket.AF_INET6 if ':' in address[0] else socket.AF_INET
    )
    self._lock, self.closing = threading.Lock(), False
    self._open: dict[socket.socket, threading.Thread | None] = {}
    self.viewers = threading.BoundedSemaphore(VIEWERS)
    super().__init__(address, handle)

  def server_bind(self) -> None:
    # HTTPServer would look its own name up, which may take long.
    socketserver.TCPServer.server_bind(self)
    self.server_name, self.server_port = self.server_address[:2]

  def process_request(self, request, client_address) -> None:
    with self._lock:
      if full := len(self._open) >= CONNECTIONS:
        self.close_request(request)
      else:
        self._open[request] = None
    if not full:
      super().process_request(request, client_address)

  def process_request_thread(self, request, client_address) -> None:
    with self._lock:
      self._open[request] = threading.current_thread()
    super().process_request_thread(request, client_address)

  def shutdown_request(self, request) -> None:
    with self._lock:
      self._open.pop(request, None)
    super().shutdown_request(request)

  def close_connections(self) -> None:
    """Ends what is open, so that its threads end."""
    with self._lock:
      threads = [*filter(None, self._open.values())]
      for request in self._open:
        with contextlib.suppress(OSError):  # the viewer has gone
          request.shutdown(socket.SHUT_RDWR)
    for thread in threads:
      thread.join(LAST)

  def handle_error(self, request, client_address) -> None:
    """A viewer that has gone is no error."""
    if not isinstance(sys.exception(), OSError):
      super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
  """Answers one connection."""

  protocol_version = 'HTTP/1.1'
  server_version, sys_version = 'i2v', ''
  timeout = SECONDS

  def __init__(self, gallery: Gallery, page: Page, token: str, *args):
    self._gallery, self._page, self._token = gallery, page, token
    super().__init__(*args)

  def log_message(self, *_) -> None:
    """Nothing is printed between the lines of the session."""

  def do_GET(self) -> None:
    address = urllib.parse.urlsplit(self.path)
    if not self._is_allowed(address.query):
      self._refuse(HTTPStatus.FORBIDDEN)
    elif address.path == '/':
      more = {'Content-Security-Policy': self._page.policy}
      self._send('text/html; charset=utf-8', self._page.html, more)
    elif address.path == '/metrics':
      metrics = self._gallery.describe_metrics()
      text = metrics.encode(errors='backslashreplace')
      self._send('text/plain; version=0.0.4; charset=utf-8', text)
    elif address.path == '/events':
      self._send_events()
    elif found := _PICTURE.fullmatch(address.path):
      self._send_picture(int(found[1]))
    else:
      self._refuse(HTTPStatus.NOT_FOUND)

  def _is_allowed(self, query: str) -> bool:
    """Whether the token is right, or nobody else could have asked.

    Without a token a page of another site must not reach this one by a name
    that it has made to mean this machine.
    """
    if not self._token:
      host = urllib.parse.urlsplit(f'//{self.headers.get("Host", "")}').hostname
      return is_loopback(host or '')
    given = urllib.parse.parse_qs(query).get('token', [''])[0]
    bearer = self.headers.get('Authorization', '').removeprefix('Bearer ')
    same = functools.partial(hmac.compare_digest, self._token.encode())
    return same(given.encode()) or same(bearer.encode())

  def _send_picture(self, number: int) -> None:
    picture = self._gallery.find_picture(number)
    if picture is None:
      self._refuse(HTTPStatus.NOT_FOUND)
    else:
      self._send('image/jpeg', picture)

  def _send_events(self) -> None:
    if not self.server.viewers.acquire(blocking=False):
      self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
      return
    try:
      self.close_connection = True
      self._start('text/event-stream', {'Connection': 'close'})
      self._follow()
    finally:
      self.server.viewers.release()

  def _follow(self) -> None:
    """Sends what is new, until the session or the connection ends."""
    gallery, number = self._gallery, 0
    with gallery.count_viewer():
      while not self._is_done(number):
        messages = gallery.wait_after(number, ALIVE, self._is_closing)
        sent = b''.join(message.text for message in messages) or b':\n\n'
        self.wfile.write(sent)
        number = messages[-1].number if messages else number

  def _is_done(self, number: int) -> bool:
    all_sent = self._gallery.closed and number >= self._gallery.number
    return all_sent or self.server.closing

  def _is_closing(self) -> bool:
    return self.server.closing

  def _send(self, kind: str, body: bytes, more: dict[str, str] | None = None):
    self._start(kind, {'Content-Length': str(len(body))} | (more or {}))
    self.wfile.write(body)

  def _refuse(self, status: HTTPStatus) -> None:
    body = f'{status.phrase}\n'.encode()
    self._start('text/plain', {'Content-Length': str(len(body))}, status)
    self.wfile.write(body)

  def _start(
    self, kind: str, more: dict[str, str], status: HTTPStatus = HTTPStatus.OK
  ) -> None:
    self.send_response(status)
    for name, value in (_HEADERS | {'Content-Type': kind} | more).items():
      self.send_header(name, value)
    self.end_headers()
