"""Viewers get what they ask for, and never slow the stream."""

import contextlib
import http.client
import json
import re
import socket
import threading

import cv2
import numpy as np
import processes
import pytest
from streamed import LONG, Counting, Heard, feed, run

from i2v_jax.deploy.stream import connection_server
from i2v_jax.deploy.stream import server as servers
from i2v_jax.deploy.stream.hub import Hub
from i2v_jax.deploy.stream.server import Server, is_loopback, parse_address
from i2v_jax.runtime.errors import UserError

OTHERS = """
  /picture/2 /picture/ /picture/../x /picture/-1 /index.html /favicon.ico
  /../../etc/passwd //etc/passwd /page /events/1
"""
HOSTS = {
  'localhost:99': 200,
  '[::1]:80': 200,
  '127.0.0.1': 200,
  'evil.example': 403,
  '127.0.0.1.evil.example': 403,
  '': 403,
}


@pytest.fixture(scope='module')
def hub(shades):
  """What is left of a session that has been."""
  found = Hub()
  run([shades, shades], found, pictures=True)
  return found


@pytest.fixture
def server(hub):
  with contextlib.closing(Server(hub)) as found:
    yield found


def ask(server, path, method='GET', **headers):
  """Status, headers and body of an answer."""
  port = server._server.server_port
  with contextlib.closing(
    http.client.HTTPConnection('127.0.0.1', port, timeout=LONG)
  ) as connection:
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def parse(text):
  """Server-sent events, as (kind, value)."""
  found = re.findall(r'event: (\w+)\ndata: (.*)\n\n', text)
  return [(kind, json.loads(data)) for kind, data in found]


def test_the_page_may_ask_this_server_only(server):
  status, headers, body = ask(server, '/')
  assert status == 200 and headers['Content-Type'].startswith('text/html')
  policy = headers['Content-Security-Policy']
  assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
  assert 'unsafe' not in policy and 'http' not in policy
  assert b'{{' not in body and b'//' not in re.sub(rb'\s//.*', b'', body)
  assert headers['Server'].strip() == 'i2v'
  assert headers['X-Content-Type-Options'] == 'nosniff'
  assert headers['Cross-Origin-Resource-Policy'] == 'same-origin'
  assert headers['Referrer-Policy'] == 'no-referrer'
  assert headers['Cache-Control'] == 'no-store'


def test_events_begin_with_all_that_is_kept(server, shades):
  status, headers, body = ask(server, '/events')
  assert status == 200 and headers['Content-Type'] == 'text/event-stream'
  (kind, session), *told = parse(body.decode())
  assert kind == 'session'
  assert session['sources'] == [f'{shades}', f'{shades}']
  kinds = [kind for kind, _ in told]
  assert kinds.count('scores') == 40 and kinds.count('change') == 12
  assert kinds[-1] == 'end'
  last = [value for kind, value in told if kind == 'scores'][-1]
  assert last['top'][0][0] == 'dark' and last['seconds'] == 2.375


def test_a_picture_is_the_newest_frame(server):
  status, headers, body = ask(server, '/picture/1')
  assert status == 200 and headers['Content-Type'] == 'image/jpeg'
  image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
  assert image.shape == (32, 32, 3) and abs(image.mean() - 10) < 3


def test_metrics_are_in_the_format_of_prometheus(server, shades):
  status, headers, body = ask(server, '/metrics')
  assert status == 200 and 'version=0.0.4' in headers['Content-Type']
  lines = body.decode().splitlines()
  assert f'i2v_stream_frames_total{{source="{shades}"}} 20.0' in lines
  assert f'i2v_stream_up{{source="{shades}"}} 0.0' in lines
  assert lines[-1] == 'i2v_stream_viewers 0'
  pattern = r'# (HELP|TYPE) \w+ .+|\w+(\{source="[^"]*"\})? [\d.e+-]+'
  assert all(re.fullmatch(pattern, line) for line in lines)


@pytest.mark.parametrize('path', OTHERS.split())
def test_nothing_else_is_served(server, path):
  status, _, body = ask(server, path)
  assert (status, body) == (404, b'Not Found\n')


@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE', 'OPTIONS'])
def test_nothing_can_be_sent(server, method):
  assert ask(server, '/', method)[0] == 501


@pytest.mark.parametrize('host', HOSTS)
def test_other_names_of_this_machine_are_refused(server, host):
  """So a page of another site cannot read it by a name that it owns."""
  assert ask(server, '/metrics', Host=host)[0] == HOSTS[host]


def test_other_machines_need_the_token(hub):
  with contextlib.closing(Server(hub, '0.0.0.0')) as server:
    token = server.url.partition('?token=')[2]
    assert len(token) > 20
    for path in ('/', '/events', '/metrics', '/picture/0'):
      assert ask(server, path)[0] == 403
      assert ask(server, f'{path}?token=')[0] == 403
      assert ask(server, f'{path}?token={token[:-1]}')[0] == 403
      assert ask(server, f'{path}?token=%ff')[0] == 403
      assert ask(server, f'{path}?token={token}')[0] == 200
    bearer = {'Authorization': f'Bearer {token}'}
    assert ask(server, '/metrics', **bearer)[0] == 200


@contextlib.contextmanager
def idling(server, count):
  """So many connections that have asked for nothing."""
  address = '127.0.0.1', server._server.server_port
  with contextlib.ExitStack() as stack:
    connect = lambda: socket.create_connection(address, LONG)
    yield [stack.enter_context(connect()) for _ in range(count)]


@contextlib.contextmanager
def looking(server, count):
  """So many viewers who have asked for events, and read nothing."""
  with idling(server, count) as viewers:
    for viewer in viewers:
      viewer.sendall(b'GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    yield viewers


def read_head(viewer):
  return viewer.recv(12)


def test_more_viewers_than_eight_are_refused(shades):
  with contextlib.closing(Server(Hub())) as server:
    with looking(server, connection_server.VIEWERS + 1) as viewers:
      heads = sorted(map(read_head, viewers))
    assert heads == [b'HTTP/1.1 200'] * 8 + [b'HTTP/1.1 503']


def test_connections_are_few(hub, monkeypatch):
  monkeypatch.setattr(connection_server, 'CONNECTIONS', 3)
  with (
    contextlib.closing(Server(hub)) as server,
    idling(server, 3),
    idling(server, 1) as (refused,),
  ):
    assert refused.recv(1) == b''


def test_an_address_has_few_connections_until_it_may_ask(hub, monkeypatch):
  monkeypatch.setattr(connection_server, 'NEW', 2)
  monkeypatch.setattr(connection_server, 'HEAD', 2 * LONG)
  with (
    contextlib.closing(Server(hub)) as server,
    idling(server, 1),
    idling(server, 3) as viewers,
  ):
    ask_for = b'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'
    assert viewers[1].recv(1) == b'' == viewers[2].recv(1)
    viewers[0].sendall(ask_for)
    assert read_head(viewers[0]) == b'HTTP/1.1 200'
    with idling(server, 1) as (later,):  # the first of them counts no longer
      later.sendall(ask_for)
      assert read_head(later) == b'HTTP/1.1 200'


def test_one_who_does_not_finish_a_request_is_sent_away(hub, monkeypatch):
  monkeypatch.setattr(connection_server, 'HEAD', 0.0)
  monkeypatch.setattr(servers._Handler, 'timeout', 2 * LONG)
  with (
    contextlib.closing(Server(hub)) as server,
    idling(server, 1) as (slow,),
  ):
    with contextlib.suppress(OSError):  # it may have been sent away
      slow.sendall(b'GET / HTTP/1.1\r\nHost:')
    assert slow.recv(1) == b''


@pytest.mark.parametrize(
  'request_line, host',
  [('GET http://[ HTTP/1.1', 'localhost'), ('GET / HTTP/1.1', '[x')],
)
def test_half_an_address_is_a_bad_request(hub, capfd, request_line, host):
  with (
    contextlib.closing(Server(hub)) as server,
    idling(server, 1) as (viewer,),
  ):
    viewer.sendall(f'{request_line}\r\nHost: {host}\r\n\r\n'.encode())
    assert read_head(viewer) == b'HTTP/1.1 400'
  assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize(
  'headers',
  [
    {'Sec-Fetch-Site': 'cross-site'},
    {'Sec-Fetch-Site': 'same-site'},  # another port of this machine
    {'Origin': 'https://evil.example'},
    {'Origin': 'null'},
  ],
)
def test_a_page_of_another_site_takes_no_place(server, headers):
  assert ask(server, '/events', **headers)[0] == 403


def test_the_page_itself_and_links_to_it_are_served(server):
  same = {'Sec-Fetch-Site': 'same-origin', 'Origin': server.url.rstrip('/')}
  assert ask(server, '/events', **same)[0] == 200
  link = {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate'}
  assert ask(server, '/', **link)[0] == 200


def test_the_address_shown_is_one_that_others_can_open(hub):
  assert servers.find_reachable('cam.local') == 'cam.local'
  with contextlib.closing(Server(hub, '0.0.0.0')) as server:
    host = server.url.removeprefix('http://').rpartition(':')[0]
  assert host not in ('0.0.0.0', '') and host == servers.find_reachable(
    '0.0.0.0'
  )


def test_without_a_network_the_name_of_the_machine_is_shown(monkeypatch):
  monkeypatch.setitem(servers._OUTER, '0.0.0.0', '255.255.255.255')  # refused
  assert servers.find_reachable('0.0.0.0') == socket.gethostname()


def test_viewers_who_read_nothing_do_not_slow_a_stream(monkeypatch):
  """Each message is 80 kB, so that sockets have no room for all of them."""
  monkeypatch.setattr(servers._Handler, 'timeout', LONG)
  before, files = {*threading.enumerate()}, processes.open_files()
  model = Counting()
  model.class_names = 'd' * 40_000, 'b' * 40_000
  hub, frames = Hub(), 200
  pipe, feeding = feed(bytes(3 * 4 * frames))
  with (
    contextlib.closing(Server(hub)) as server,
    looking(server, 8) as viewers,
  ):
    assert {*map(read_head, viewers)} == {b'HTTP/1.1 200'}
    with hub._changed:
      assert hub._changed.wait_for(lambda: hub.viewers == 8, LONG)
    options = dict(pipe=pipe, raw=(2, 2), fps=8.0)
    heard, _ = run(['-'], hub, recogniser=model, **options)
    assert heard.streams[0].frames == frames
    assert hub.viewers == 8  # who have not got the end
  feeding.join(LONG)
  for thread in {*threading.enumerate()} - before:
    thread.join(LONG)
  assert {*threading.enumerate()} == before
  assert processes.open_files() == files


def test_a_viewer_sees_what_happens_while_it_looks(shades):
  hub, found = Hub(), []

  class Looking(Heard):
    def begin(self, streams):
      super().begin(streams)
      self.server = Server(hub)
      self.viewer = threading.Thread(
        target=lambda: found.append(ask(self.server, '/events')[2])
      )
      self.viewer.start()

  heard = Looking()
  run([shades], hub, stop=heard)
  heard.viewer.join(LONG)
  heard.server.close()
  kinds = [kind for kind, _ in parse(found[0].decode())]
  assert kinds[0] == 'session' and kinds[-1] == 'end'
  assert kinds.count('scores') == 20


@pytest.mark.parametrize(
  'text, wanted',
  [
    ('8000', ('127.0.0.1', 8000)),
    (':8000', ('127.0.0.1', 8000)),
    ('0.0.0.0:80', ('0.0.0.0', 80)),
    ('[::1]:80', ('::1', 80)),
    ('cam.local:0', ('cam.local', 0)),
  ],
)
def test_addresses_are_parsed(text, wanted):
  assert parse_address(text) == wanted


@pytest.mark.parametrize('text', ['', 'localhost', 'a:b', '1:70000', 'a:-1'])
def test_what_is_no_address_is_refused(text):
  with pytest.raises(UserError, match=r'--serve is .* HOST:PORT'):
    parse_address(text)


def test_only_this_machine_is_loopback():
  assert all(map(is_loopback, ['localhost', '127.0.0.1', '127.9.9.9', '::1']))
  others = ['0.0.0.0', '::', '10.0.0.1', 'localhost.example', '', 'cam']
  assert not any(map(is_loopback, others))


def test_a_port_that_is_taken_is_one_sentence(server, hub):
  port = server._server.server_port
  with pytest.raises(
    UserError, match=r'is not possible .* another host or port'
  ):
    Server(hub, port=port)
