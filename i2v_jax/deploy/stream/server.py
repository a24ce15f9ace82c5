"""Serves a session to a few viewers: a page, events, pictures, metrics."""

import functools
import hmac
import http.server
import ipaddress
import re
import secrets
import socket
import threading
import urllib.parse
from http import HTTPStatus

from i2v_jax.deploy.stream.connection_server import LAST, ConnectionServer
from i2v_jax.deploy.stream.hub import Hub
from i2v_jax.deploy.stream.page import Page, make_page
from i2v_jax.runtime.errors import UserError

SECONDS = 10.0  # a viewer that takes nothing for so long is sent away
ALIVE = 5.0  # seconds between signs of life
LOOPBACK = '127.0.0.1'
# Addresses that stand for all; and others, kept for documentation, to which
# there is a way if there is one to anywhere.
_OUTER = {'0.0.0.0': '192.0.2.1', '::': '2001:db8::1'}
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


def find_reachable(host: str) -> str:
  """Finds an address by which others reach this machine at `host`.

  That is `host`, unless it means all addresses: then the one that faces the
  outer network, else the name of the machine.
  """
  if host not in _OUTER:
    return host
  family = socket.AF_INET6 if ':' in host else socket.AF_INET
  with socket.socket(family, socket.SOCK_DGRAM) as probe:
    try:
      probe.connect((_OUTER[host], 9))  # which sends nothing
    except OSError:
      return socket.gethostname()
    return probe.getsockname()[0]


class Server:
  """Serves a hub in threads of its own, until `close`.

  Args:
    hub: what is served.
    host: at which; one that others can reach asks for a token.
    port: the same; 0 takes any that is free.

  Attributes:
    url: to be opened in a browser, with the token.

  Raises:
    UserError: the host is unknown, or the port is taken or not allowed.
  """

  def __init__(self, hub: Hub, host: str = LOOPBACK, port: int = 0):
    self._hub = hub
    self._token = '' if is_loopback(host) else secrets.token_urlsafe(16)
    handle = functools.partial(_Handler, hub, make_page(), self._token)
    try:
      self._server = ConnectionServer((host, port), handle)
    except (OSError, OverflowError, UnicodeError) as error:
      reason = getattr(error, 'strerror', None) or error
      raise UserError(
        f'--serve {host}:{port} is not possible ({reason}); give another host '
        'or port.'
      ) from error
    shown = find_reachable(host)
    shown = f'[{shown}]' if ':' in shown else shown
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
    self._hub.wait_empty(LAST)
    self._server.closing = True
    self._hub.wake()
    self._server.close_connections()


class _Handler(http.server.BaseHTTPRequestHandler):
  """Answers one connection."""

  protocol_version = 'HTTP/1.1'
  server_version, sys_version = 'i2v', ''
  timeout = SECONDS

  def __init__(self, hub: Hub, page: Page, token: str, *args):
    self._hub, self._page, self._token = hub, page, token
    super().__init__(*args)

  def log_message(self, *_) -> None:
    """Nothing is printed between the lines of the session."""

  def handle_one_request(self) -> None:
    self.server.expect_request(self.request)
    super().handle_one_request()

  def do_GET(self) -> None:
    self.server.note_request(self.request)
    try:
      address = urllib.parse.urlsplit(self.path)
      allowed = self._is_allowed(address.query) and self._is_ours(address.path)
    except ValueError:  # a path or host with half of an IPv6 address
      self._refuse(HTTPStatus.BAD_REQUEST)
      return
    if not allowed:
      self._refuse(HTTPStatus.FORBIDDEN)
    elif not self.server.admit(self.request):
      self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
    else:
      self._answer(address)

  def _answer(self, address: urllib.parse.SplitResult) -> None:
    if address.path == '/':
      more = {'Content-Security-Policy': self._page.policy}
      self._send('text/html; charset=utf-8', self._page.html, more)
    elif address.path == '/metrics':
      metrics = self._hub.describe_metrics()
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

  def _is_ours(self, path: str) -> bool:
    """Whether no page of another site asks, which would take a place.

    A link to the page itself may stand anywhere.
    """
    origin = self.headers.get('Origin')
    if origin and origin != f'http://{self.headers.get("Host")}':
      return False
    site = self.headers.get('Sec-Fetch-Site', 'none')
    return path == '/' or site in ('none', 'same-origin')

  def _send_picture(self, number: int) -> None:
    picture = self._hub.find_picture(number)
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
    hub, number = self._hub, 0
    with hub.count_viewer():
      while not self._is_done(number):
        messages = hub.wait_after(number, ALIVE, self._is_closing)
        sent = b''.join(message.text for message in messages) or b':\n\n'
        self.wfile.write(sent)
        number = messages[-1].number if messages else number

  def _is_done(self, number: int) -> bool:
    all_sent = self._hub.closed and number >= self._hub.number
    return all_sent or self.server.closing

  def _is_closing(self) -> bool:
    return self.server.closing

  def _send(self, kind: str, body: bytes, more: dict[str, str] | None = None):
    self._start(kind, {'Content-Length': str(len(body))} | (more or {}))
    self.wfile.write(body)

  def _refuse(self, status: HTTPStatus) -> None:
    body = f'{status.phrase}\n'.encode()
    more = {'Content-Length': str(len(body))}
    if status != HTTPStatus.NOT_FOUND:
      more['Connection'] = 'close'
    self._start('text/plain', more, status)
    self.wfile.write(body)

  def _start(
    self, kind: str, more: dict[str, str], status: HTTPStatus = HTTPStatus.OK
  ) -> None:
    self.send_response(status)
    for name, value in (_HEADERS | {'Content-Type': kind} | more).items():
      self.send_header(name, value)
    self.end_headers()
